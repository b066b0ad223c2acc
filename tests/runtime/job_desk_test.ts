/**
 * The desk of a worker as a whole: a job from end to end, words out of place, and a stop. Like the
 * tests of its parts, with real files and real processes, over links in memory.
 */

import { deepEqual, equal, match, rejects } from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { describeFolder } from "../../lib/runtime/file_digest.ts";
import { REQUEST, SPEC } from "./desk_lab.ts";
import { deskTests, ONE, TWO, WAITS, WRITES } from "./desk_scene.ts";

const test = deskTests("job desk");

test(
  "a job from its reservation to its results",
  `echo epoch,train_loss,val_loss > output/training_log.csv
  echo 0,0.5,0.4 >> output/training_log.csv
  echo learning; cat "inputs/${SPEC.package}" > output/copy`,
  async (lab) => {
    const client = await lab.client();
    await client.run(ONE);
    equal((await client.next("job_log")).text, "learning");
    deepEqual((await client.next("job_metric")).epoch, {
      epoch: 0,
      train_loss: 0.5,
      val_loss: 0.4,
    });
    const { results } = await client.next("job_done");
    deepEqual(results.files.map(({ path }) => path), ["copy", "training_log.csv"]);
    const home = join(lab.folder, "home");
    await client.fetch(ONE, home);
    deepEqual(await describeFolder(join(home, "files")), results);
    deepEqual(lab.statuses, ["reserved", "busy", "available"]);
    deepEqual(lab.events(ONE), ["job_accepted", "job_log", "job_metric", "job_done"]);
    deepEqual(lab.warnings, []);
  },
);

test("words and bytes out of place do no harm", WRITES, async (lab) => {
  const client = await lab.client();
  const job = { job_id: ONE, purpose: "inputs" } as const;
  client.end.link.sendData(3, 99, new Uint8Array(10));
  client.end.say({ type: "transfer_want", ...job, runs: [{ index: 7, first: 2 ** 40, count: 1 }] });
  client.end.say({ type: "transfer_credit", ...job, received_bytes: 2 ** 50 });
  client.end.say({ type: "transfer_done", ...job });
  client.end.say({ type: "transfer_failed", ...job, reason: "no" });
  client.end.say({ type: "job_release", job_id: ONE });
  client.end.say({ type: "job_lease", request_id: REQUEST, job_id: ONE, lease_ms: 1 });
  client.end.say({ type: "job_alive" });
  await client.next("job_alive");
  deepEqual(lab.warnings, ["A client sent job_lease, which workers say"]);
  await client.run(ONE);
  await client.next("job_done");
});

test("a worker that stops while it trains ends the trainer, and says so", WAITS, async (lab) => {
  const client = await lab.client();
  await client.run(ONE);
  await client.next("job_log");
  await lab.desk.stop();
  match((await client.next("job_failed")).reason, /The worker was stopped/);
  equal(lab.events(ONE).at(-1), "job_failed");
  equal(lab.statuses.at(-1), "draining");
  await client.reserve(TWO);
  equal((await client.next("job_refused")).code, "closed");
});

test(
  "a worker that stops during an upload keeps no lease and starts nothing",
  WRITES,
  async (lab) => {
    const client = await lab.client();
    await client.reserve(ONE);
    await client.next("job_lease");
    const upload = await client.upload(ONE);
    const stopped = lab.desk.stop();
    await rejects(upload.done, /The lease of the job ended/);
    await stopped;
    client.start(ONE);
    equal((await client.next("job_refused")).code, "unknown_job");
    equal(existsSync(lab.jobFolder(ONE)), false);
  },
);

test(
  "a worker that has stopped sends no results: it would wait for its client",
  WRITES,
  async (lab) => {
    const client = await lab.client();
    await client.run(ONE);
    await client.next("job_done");
    await lab.desk.stop();
    client.end.say({ type: "job_fetch", job_id: ONE });
    match((await client.next("transfer_failed")).reason, /The worker is stopping/);
  },
);
