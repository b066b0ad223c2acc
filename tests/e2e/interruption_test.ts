/** Ctrl-C of a client: in the upload and in the training. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { eventually } from "./condition.ts";
import { slowTrainer, slowTraining } from "./slow_trainer.ts";
import { endsWith, onStage, type Stage } from "./stage.ts";
import { discover, failed, trained } from "./training_outcome.ts";

/** So much takes seconds on werift, which carries some 10 MB/s. */
const LARGE_BYTES = 120_000_000;
const AGAIN_MS = 20_000;

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
    await endsWith(client, 130, 5_000);
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
