/** Jobs as they run at a real desk: how each ends, or is ended, and what is told of it. */

import { deepEqual, equal, match, ok } from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { until } from "./condition.ts";
import { AGAIN, deskTests, ONE, TWO, WRITES } from "./desk_scene.ts";

const test = deskTests("job bench");

test("a trainer that cannot be started fails its job, and frees the slot", "", async (lab) => {
  await Deno.writeTextFile(join(lab.folder, "sleap-nn"), "#!/no/such/program\n");
  const client = await lab.client();
  await client.run(ONE);
  match((await client.next("job_failed")).reason, /The trainer cannot be started: /);
  equal(lab.statuses.at(-1), "available");
  await client.reserve(TWO);
  await client.next("job_lease", TWO);
});

test(
  "a cancel ends the trainer and what it started before the slot is free",
  "trap '' TERM; sleep 60 & echo $!; trap 'exit 9' TERM; while :; do sleep 0.02; done",
  async (lab) => {
    const client = await lab.client();
    await client.run(ONE);
    const pid = Number((await client.next("job_log")).text);
    const again = await lab.client(AGAIN);
    again.endJob("job_cancel", ONE);
    equal((await again.next("job_following")).after_sequence, 2);
    await again.next("job_cancelled");
    equal(existsSync(`/proc/${pid}`), false, "The trainer's own child outlives the job");
    await client.next("job_cancelled");
    equal(lab.statuses.at(-1), "available");
    again.end.say({ type: "job_fetch", job_id: ONE });
    match(
      (await again.next("transfer_failed")).reason,
      /The job was cancelled already, and has no results/,
    );
  },
);

test(
  "a stop lets the trainer keep what it has, however it ends then",
  `mkdir -p output; echo best > output/best.ckpt; trap 'exit 5' INT; echo up; while :; do sleep 0.02; done`,
  async (lab) => {
    const client = await lab.client();
    await client.run(ONE);
    await client.next("job_log");
    client.endJob("job_stop", ONE);
    const { stopped_early, results } = await client.next("job_done");
    equal(stopped_early, true);
    deepEqual(results.files.map(({ path }) => path), ["best.ckpt"]);
    await client.fetch(ONE, join(lab.folder, "home"));
  },
);

test(
  "a job that is stopped before it wrote anything has failed, and says so",
  "trap 'exit 0' INT; echo up; while :; do sleep 0.02; done",
  async (lab) => {
    const client = await lab.client();
    await client.run(ONE);
    await client.next("job_log");
    client.endJob("job_stop", ONE);
    match((await client.next("job_failed")).reason, /was stopped before it wrote a file/);
  },
);

test(
  "a trainer that fails is quoted",
  "echo 'CUDA out of memory' >&2; exit 7",
  async (lab) => {
    const client = await lab.client();
    await client.run(ONE);
    const { exit_code, reason } = await client.next("job_failed");
    equal(exit_code, 7);
    equal(reason, "The trainer ended with exit code 7; its last complaint: CUDA out of memory");
  },
);

test("a trainer that writes nothing has no results", "echo well", async (lab) => {
  const client = await lab.client();
  await client.run(ONE);
  match((await client.next("job_failed")).reason, /ended well but wrote no file/);
});

test(
  "an output with an odd name is left out and told of, and the rest are the results",
  `${WRITES}; echo image > 'output/viz epoch 1: val.png'`,
  async (lab) => {
    const client = await lab.client();
    await client.run(ONE);
    match(
      (await client.next("job_log")).text,
      /^\[1 of the trainer's files cannot be sent .*: "viz epoch 1: val.png" \(it has one of </,
    );
    const { results } = await client.next("job_done");
    deepEqual(results.files.map(({ path }) => path), ["model.json"]);
  },
);

test(
  "a flood of output is cut, and the job ends well",
  `yes | head -c 2000000; ${WRITES}`,
  async (lab) => {
    const client = await lab.client();
    await client.run(ONE);
    await client.next("job_done");
    const texts = client.end.heard.flatMap((message) =>
      message.type === "job_log" ? [message.text] : []
    );
    ok(texts.length > 100 && texts.length < 20_000, `${texts.length} lines`);
    // How many lines come after the last of these depends on when the flood ends.
    const cut = /^\[\d+ lines left out: the trainer prints too fast or too much\]$/;
    ok(texts.some((text) => cut.test(text)), "Nobody is told that lines are missing");
    equal(texts.at(-1), "y", "The last lines are told all the same");
  },
);

test(
  "losses that are no numbers are told as such",
  `log=output/training_log.csv; echo epoch,train_loss,val_loss > $log; echo 0,nan,inf >> $log; ${WRITES}`,
  async (lab) => {
    const client = await lab.client();
    await client.run(ONE);
    await until("the verdict", () => lab.statuses.at(-1) === "available");
    match(
      Deno.readTextFileSync(join(lab.jobFolder(ONE), "events.jsonl")),
      /"epoch":\{"epoch":0,"train_loss":null,"val_loss":null,"is_diverged":true\}/,
    );
  },
);
