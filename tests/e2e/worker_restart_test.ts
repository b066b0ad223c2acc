/** Workers that die or leave in the middle of a training and come back: their jobs go on, or are lost once. */

import assert from "node:assert/strict";
import { basename, join } from "node:path";
import type { Program } from "../../scripts/lab/program.ts";
import { eventually } from "./condition.ts";
import { keptRuns } from "./kept_run.ts";
import { slowTrainer, slowTraining } from "./slow_trainer.ts";
import { endsWith, onStage, type Stage } from "./stage.ts";
import { discover, failed, trained } from "./training_outcome.ts";

const FIRST_EPOCH_MS = 30_000;
const RESULT_MS = 60_000;
const EPOCHS = 120;

/** A worker in the middle of a training that its client follows for as long as it takes. */
async function inTraining(stage: Stage, leaving: readonly string[] = []) {
  const options = [...await slowTrainer(stage), ...leaving];
  const worker = await stage.worker("gpu", options);
  const training = [...await slowTraining(stage, EPOCHS), "--reattach", "60"];
  const client = stage.train(await stage.package(), training);
  await client.line(({ event }) => event === "epoch", "its first epoch", FIRST_EPOCH_MS);
  const [run] = await keptRuns(stage);
  assert.ok(run !== undefined);
  return { worker, client, run, options };
}

/** Every epoch was told, in order and once. */
function assertEveryEpoch(client: Program): void {
  const epochs = client.lines.flatMap(({ event, epoch }) => event === "epoch" ? [epoch] : []);
  assert.deepEqual(epochs, Array.from({ length: EPOCHS }, (_, index) => index));
}

Deno.test("e2e: a worker that is killed and started again goes on with its job, and its client misses nothing", () =>
  onStage("auto", async (stage) => {
    const { worker, client, run, options } = await inTraining(stage);
    worker.program.signal("SIGKILL");
    await worker.program.exited(10_000);
    const again = await stage.worker("gpu", options);
    assert.equal(again.peerId, worker.peerId);
    const { workers: [view] } = await discover(stage);
    const runs = await keptRuns(stage);
    assert.ok(runs.every(({ trainer }) => trainer === run.trainer), "Another trainer was started");
    // It still runs, and so it ran when the room was asked.
    if (runs.length > 0) {
      assert.equal(view?.status, "busy");
      assert.equal(view?.current_job?.job_id, basename(run.jobFolder));
    }
    assert.equal(trained(await endsWith(client, 0, RESULT_MS)).epochs, EPOCHS);
    assertEveryEpoch(client);
  }));

Deno.test("e2e: a worker that is killed with its trainer loses the job, once", () =>
  onStage("auto", async (stage) => {
    const { worker, client, run, options } = await inTraining(stage);
    worker.program.signal("SIGKILL");
    Deno.kill(run.keeper, "SIGKILL");
    Deno.kill(-run.trainer, "SIGKILL");
    await worker.program.exited(10_000);
    const again = await stage.worker("gpu", options);
    const { error, message } = failed(await endsWith(client, 1, RESULT_MS));
    assert.equal(error, "job_failed");
    assert.match(message, /^job-\S+ is lost: .*killed.*train again$/);
    again.program.signal("SIGTERM");
    await endsWith(again.program, 0);
    await stage.worker("gpu", options);
    const events = await Deno.readTextFile(join(run.jobFolder, "events.jsonl"));
    assert.equal(events.match(/"job_lost"/g)?.length, 1);
    const listed = await endsWith(stage.lab.start(["jobs", "--json"]), 0);
    assert.equal(JSON.parse(listed.stdout).jobs[0].standing, "lost");
  }));

Deno.test("e2e: a worker that leaves its job behind takes it up when it is started again", () =>
  onStage("auto", async (stage) => {
    const { worker, client, run, options } = await inTraining(stage, ["--leave-jobs"]);
    worker.program.signal("SIGTERM");
    await endsWith(worker.program, 0);
    assert.deepEqual((await keptRuns(stage)).map(({ trainer }) => trainer), [run.trainer]);
    await stage.worker("gpu", options.filter((word) => word !== "--leave-jobs"));
    assert.equal(trained(await endsWith(client, 0, RESULT_MS)).epochs, EPOCHS);
    assertEveryEpoch(client);
    await eventually(
      "no trainer",
      async () => (await keptRuns(stage)).length === 0 || undefined,
      10_000,
    );
  }));
