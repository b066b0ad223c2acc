/** Ctrl-C of a client, in the upload and in the training; and what other commands do with its job then. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { eventually } from "./condition.ts";
import { slowTrainer, slowTraining } from "./slow_trainer.ts";
import { endsWith, onStage, type Stage } from "./stage.ts";
import { discover, failed, trained } from "./training_outcome.ts";

/** So much takes seconds on werift, which carries some 10 MB/s. */
const LARGE_BYTES = 120_000_000;
const AGAIN_MS = 20_000;
/** A pace is known after ten seconds. */
const GUESS_MS = 40_000;

function becomes(stage: Stage, status: string): Promise<unknown> {
  return eventually(
    `the worker to be ${status}`,
    async () => (await discover(stage)).workers.find((worker) => worker.status === status),
    AGAIN_MS,
  );
}

Deno.test("e2e: Ctrl-C in the upload frees the worker", () =>
  onStage("werift", async (stage) => {
    await stage.worker("gpu");
    const file = await stage.package();
    // What stands behind the last block of an HDF5 file is nobody's; it is sent all the same.
    await Deno.truncate(file, LARGE_BYTES);
    const client = stage.train(file, ["--runner", "demo", "--rtc", "werift"]);
    await client.line(({ event }) => event === "uploaded", "its first bytes", 30_000);
    client.signal("SIGINT");
    const printed = await endsWith(client, 130, 5_000);
    assert.equal(failed(printed).error, "interrupted");
    assert.doesNotMatch(printed.stderr, /sleap-rtc follow/);
    assert.ok(!client.lines.some(({ event }) => event === "started"), "The upload was too quick");
    await becomes(stage, "available");
  }));

Deno.test("e2e: Ctrl-C in the training: the job goes on, and then the worker is free", () =>
  onStage("auto", async (stage) => {
    const worker = await stage.worker("gpu", await slowTrainer(stage));
    const file = await stage.package();
    const client = stage.train(file, await slowTraining(stage, 40));
    await client.line(({ event }) => event === "epoch", "its first epoch", 30_000);
    client.signal("SIGINT");
    const { stderr } = await endsWith(client, 130, 5_000);
    assert.match(stderr, /sleap-rtc follow job-[a-z2-7]+\n.*sleap-rtc cancel job-/);
    await assert.rejects(Deno.stat(stage.results), Deno.errors.NotFound);
    assert.deepEqual((await discover(stage)).workers.map(({ status }) => status), ["busy"]);
    await becomes(stage, "available");
    const jobs = join(stage.folder, "home", "workers", worker.peerId, "jobs");
    const outputs = [...Deno.readDirSync(jobs)].map(({ name }) => join(jobs, name, "output"));
    assert.equal(outputs.length, 1);
    const weights = await Deno.readTextFile(join(outputs[0] ?? "", "best.ckpt"));
    assert.equal(weights, "weights\n", "The training did not come to its end");
    trained(await endsWith(stage.train(file, await slowTraining(stage, 1)), 0));
  }));

/** A training of `tenths` of a second whose client has gone. Gives its job. */
async function leftAlone(stage: Stage, tenths: number): Promise<string> {
  const client = stage.train(await stage.package(), await slowTraining(stage, tenths));
  await client.line(({ event }) => event === "epoch", "its first epoch", 30_000);
  client.signal("SIGINT");
  const { stdout } = await endsWith(client, 130, 5_000);
  const started = stdout.split("\n").find((line) => line.includes('"started"')) ?? "{}";
  return String(JSON.parse(started).job_id);
}

Deno.test("e2e: who finds no free worker is told for how long it will be held", () =>
  onStage("auto", async (stage) => {
    await stage.worker("gpu", await slowTrainer(stage));
    const job = await leftAlone(stage, 900);
    const file = await stage.package();
    const training = await slowTraining(stage, 1);
    const message = await eventually("a guess", async () => {
      const { stdout } = await endsWith(stage.train(file, [...training, "--no-wait"]), 6);
      const said = failed({ stdout }).message;
      return / for about \d+m/.test(said) ? said : undefined;
    }, GUESS_MS);
    assert.match(message, /gpu-\S+ is busy, for about \dm more/);
    await endsWith(stage.lab.start(["cancel", job]), 0);
  }));

Deno.test("e2e: follow tells what was missed and brings the results to where they were to go", () =>
  onStage("auto", async (stage) => {
    await stage.worker("gpu", await slowTrainer(stage));
    const job = await leftAlone(stage, 30);
    const listed = await endsWith(stage.lab.start(["jobs", "--json"]), 0);
    const [row] = JSON.parse(listed.stdout).jobs;
    assert.deepEqual([row.job_id, row.standing, row.ours], [job, "running", true]);
    const follow = stage.lab.start(["follow", job, "--json"]);
    const result = trained(await endsWith(follow, 0));
    assert.deepEqual([result.id, result.folder, result.epochs], [job, stage.results, 30]);
    assert.equal(result.first_loss, 0.9);
    const told = follow.lines.flatMap(({ event, epoch }) => event === "epoch" ? [epoch] : []);
    assert.ok(told.length > 0 && told.length < 30, `${told.length} epochs told again`);
    const copy = join(stage.folder, "copy");
    await endsWith(stage.lab.start(["results", job, "--output", copy]), 0);
    assert.equal(await Deno.readTextFile(join(copy, "best.ckpt")), "weights\n");
  }));

Deno.test("e2e: cancel ends a job that was left alone, and stop keeps what it has", () =>
  onStage("auto", async (stage) => {
    await stage.worker("gpu", await slowTrainer(stage));
    const first = await leftAlone(stage, 1_000);
    const cancelled = await endsWith(stage.lab.start(["cancel", first, "--json"]), 0);
    assert.equal(JSON.parse(cancelled.stdout).job.standing, "cancelled");
    assert.deepEqual((await discover(stage)).workers.map(({ status }) => status), ["available"]);
    const refused = await endsWith(stage.lab.start(["follow", first, "--json"]), 1);
    assert.equal(failed(refused).error, "job_cancelled");

    const second = await leftAlone(stage, 1_000);
    const stopped = await endsWith(stage.lab.start(["stop", second]), 0);
    assert.match(stopped.stdout, /^Stopped early: .*sleap-rtc results/);
    await endsWith(stage.lab.start(["results", second]), 0);
    const log = await Deno.readTextFile(join(stage.results, "training_log.csv"));
    assert.ok(log.startsWith("epoch,"));
  }));
