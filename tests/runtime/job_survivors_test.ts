/** Jobs that a real desk finds from an earlier life of its worker. */

import { deepEqual, equal, match } from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { SAMPLE_CONFIG } from "../job/sample_config.ts";
import { until } from "./condition.ts";
import { SPEC } from "./desk_lab.ts";
import { addToSpec, AGAIN, deskTests, ONE, OTHER, TRAINS, TWO, WAITS } from "./desk_scene.ts";

const test = deskTests("job survivors");

test(
  "a worker that leaves its job takes it up in its next life, without a gap or a double",
  TRAINS,
  async (lab) => {
    const client = await lab.client();
    await client.run(ONE);
    await until("three words", () => lab.events(ONE).length === 4);
    await lab.nextLife();
    deepEqual(lab.statuses.slice(-1), ["busy"]);
    const bob = await lab.client(OTHER);
    await bob.reserve(TWO);
    match((await bob.next("job_refused")).reason, /^The worker runs another job for .*epoch/);
    const again = await lab.client(AGAIN);
    again.follow(ONE, 2);
    await Deno.writeTextFile(join(lab.jobFolder(ONE), "go"), "");
    equal((await again.next("job_done")).sequence, 7);
    deepEqual(lab.events(ONE).toSorted(), [
      "job_accepted",
      "job_done",
      "job_log",
      "job_log",
      "job_log",
      "job_metric",
      "job_metric",
    ]);
    await again.fetch(ONE, join(lab.folder, "home"));
    equal(lab.statuses.at(-1), "available");
  },
);

/** Trains one model of several, the second when `go` is there. */
const TRAINS_MODEL = `name=fly.1.centroid; for word in "$@"; do case "$word" in
    trainer_config.run_name=*.2.*) name=fly.2.centered_instance; ${WAITS};;
  esac; done
  mkdir -p "output/$name"; log="output/$name/training_log.csv"
  echo epoch,train_loss,val_loss > "$log"; echo 0,0.5,0.4 >> "$log"; echo 1,0.4,0.3 >> "$log"`;

test(
  "a worker that leaves a job of several models takes up those that are still to come",
  TRAINS_MODEL,
  async (lab) => {
    const client = await lab.client();
    await client.run(ONE, {
      ...SPEC,
      next_config_contents: [SAMPLE_CONFIG],
      model_types: ["centroid", "centered_instance"],
    });
    const metrics = () => lab.events(ONE).filter((type) => type === "job_metric").length;
    await until("the first model", () => metrics() === 2);
    await lab.nextLife();
    await Deno.writeTextFile(join(lab.jobFolder(ONE), "go"), "");
    await until("the verdict", () => lab.statuses.at(-1) === "available");
    deepEqual([lab.events(ONE).at(-1), metrics()], ["job_done", 4]);
  },
);

test("a job that ended while its worker was away is done, once", TRAINS, async (lab) => {
  const client = await lab.client();
  await client.run(ONE);
  await until("three words", () => lab.events(ONE).length === 4);
  await lab.nextLife(async () => {
    await Deno.writeTextFile(join(lab.jobFolder(ONE), "go"), "");
    await until("its end", () => existsSync(join(lab.jobFolder(ONE), "run", "end.json")));
  });
  await until("the verdict", () => lab.events(ONE).at(-1) === "job_done");
  await until("a free slot", () => lab.statuses.at(-1) === "available");
  await lab.nextLife();
  equal(lab.events(ONE).filter((type) => type === "job_done").length, 1);
});

test("a job whose trainer and keeper are gone is lost, once", TRAINS, async (lab) => {
  const client = await lab.client();
  await client.run(ONE);
  await until("three words", () => lab.events(ONE).length === 4);
  await lab.nextLife(() => lab.kill(ONE));
  await until("the verdict", () => lab.statuses.at(-1) === "available");
  await lab.nextLife();
  const again = await lab.client(AGAIN);
  again.follow(ONE, 4);
  match((await again.next("job_lost")).reason, /killed the process that kept the trainer/);
  equal(lab.events(ONE).filter((type) => type === "job_lost").length, 1);
  again.endJob("job_cancel", ONE);
  match((await again.next("job_refused")).reason, /is lost: nobody saw how it ended/);
});

test("a job of an earlier life is cancelled and stopped like any other", TRAINS, async (lab) => {
  for (
    const [job, type, verdict] of [
      [ONE, "job_cancel", "job_cancelled"],
      [TWO, "job_stop", "job_done"],
    ] as const
  ) {
    const client = await lab.client();
    await client.run(job);
    await until("three words", () => lab.events(job).length === 4);
    await lab.nextLife();
    const again = await lab.client(AGAIN);
    again.endJob(type, job);
    await again.next(verdict, job);
    equal(lab.statuses.at(-1), "available");
  }
});

test("what an earlier life wrote half or not at all is mended", TRAINS, async (lab) => {
  const client = await lab.client();
  await client.reserve(TWO);
  await client.next("job_lease");
  await until("its folder", () => existsSync(join(lab.jobFolder(TWO), "config", "config.yaml")));
  const leftOver = await Deno.readTextFile(join(lab.jobFolder(TWO), "job.json"));
  client.end.say({ type: "job_release", job_id: TWO });
  await until("its end", () => !existsSync(lab.jobFolder(TWO)));
  await client.run(ONE);
  await until("three words", () => lab.events(ONE).length === 4);
  const log = join(lab.jobFolder(ONE), "events.jsonl");
  await lab.nextLife(async () => {
    await Deno.writeTextFile(log, '{"type":"job_log","jo', { append: true });
    await Deno.mkdir(lab.jobFolder(TWO));
    await Deno.writeTextFile(join(lab.jobFolder(TWO), "job.json"), leftOver);
  });
  equal(existsSync(lab.jobFolder(TWO)), false, "A lease leaves a folder behind");
  await Deno.writeTextFile(join(lab.jobFolder(ONE), "go"), "");
  await until("the verdict", () => lab.events(ONE).at(-1) === "job_done");
  const lines = (await Deno.readTextFile(log)).trimEnd().split("\n");
  await lab.nextLife(() => Deno.writeTextFile(log, `${lines.slice(0, -1).join("\n")}\n`));
  deepEqual(lab.events(ONE).slice(-2), ["job_metric", "job_done"]);
  deepEqual(lab.warnings, []);
});

test("a job that a later version began is taken up by an earlier one", TRAINS, async (lab) => {
  const client = await lab.client();
  await client.run(ONE);
  await until("three words", () => lab.events(ONE).length === 4);
  await lab.nextLife(() => addToSpec(lab, '"warm_up": 3'));
  equal(lab.statuses.at(-1), "busy");
  await Deno.writeTextFile(join(lab.jobFolder(ONE), "go"), "");
  await until("the verdict", () => lab.events(ONE).at(-1) === "job_done");
});
