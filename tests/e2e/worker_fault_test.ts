/** Workers that fail, are stopped or killed: what their client and the room learn of it. */

import assert from "node:assert/strict";
import { join } from "node:path";
import type { LabWorker } from "../../scripts/lab/lab.ts";
import type { Program } from "../../scripts/lab/program.ts";
import { eventually } from "./condition.ts";
import { endTrainers, keptRuns } from "./kept_run.ts";
import { slowTrainer, slowTraining } from "./slow_trainer.ts";
import { endsWith, onStage, type Stage } from "./stage.ts";
import { discover, failed, trained } from "./training_outcome.ts";

/** From a worker's death until its client must have given up (issue 2). */
const PATIENCE_MS = 15_000;
const FIRST_EPOCH_MS = 30_000;

/** A worker in the middle of a long training, and the client that waits for it. */
async function inTraining(stage: Stage): Promise<{ worker: LabWorker; client: Program }> {
  const worker = await stage.worker("gpu", await slowTrainer(stage));
  const patience = ["--reattach", "2"];
  const training = [...await slowTraining(stage, 1_000), ...patience];
  const client = stage.train(await stage.package(), training);
  await client.line(({ event }) => event === "epoch", "its first epoch", FIRST_EPOCH_MS);
  return { worker, client };
}

/** Nothing looks like results: not their folder, and nothing beside it. */
function assertNoResults(stage: Stage): void {
  const names = [...Deno.readDirSync(stage.folder)].map(({ name }) => name);
  assert.deepEqual(names.filter((name) => name.includes("results")), []);
}

Deno.test("e2e: a worker killed in the middle of a job", () =>
  onStage("auto", async (stage) => {
    const { worker, client } = await inTraining(stage);
    worker.program.signal("SIGKILL");
    const { error, message } = failed(await endsWith(client, 7, PATIENCE_MS));
    assert.equal(error, "worker_lost");
    assert.ok(message.includes(worker.peerId));
    assertNoResults(stage);
    await endTrainers(stage);
  }));

Deno.test("e2e: a worker stopped in the middle of a job says so, and leaves in order", () =>
  onStage("auto", async (stage) => {
    const { worker, client } = await inTraining(stage);
    worker.program.signal("SIGTERM");
    const { error, message } = failed(await endsWith(client, 1, PATIENCE_MS));
    assert.deepEqual([error, message], ["job_failed", "The worker was stopped"]);
    await endsWith(worker.program, 0);
    assertNoResults(stage);
  }));

Deno.test("e2e: a trainer that fails is reported with its last words; the worker takes the next job", () =>
  onStage("auto", async (stage) => {
    await stage.worker("gpu", await slowTrainer(stage));
    const file = await stage.package();
    const client = stage.train(file, await slowTraining(stage, 5, "fail"));
    const { message } = failed(await endsWith(client, 1));
    assert.match(message, /exit code 3.*CUDA out of memory/);
    assertNoResults(stage);

    const next = stage.train(file, await slowTraining(stage, 5));
    const job = trained(await endsWith(next, 0));
    assert.deepEqual([job.epochs, job.first_loss, job.last_loss], [5, 0.9, 0.896]);
    const weights = await Deno.readTextFile(join(stage.results, "best.ckpt"));
    assert.equal(weights, "weights\n");
  }));

Deno.test("e2e: an idle worker that is stopped leaves the room at once", () =>
  onStage("auto", async (stage) => {
    const [first, second] = await stage.workers([{ name: "gpu-a" }, { name: "gpu-b" }]);
    assert.ok(first !== undefined && second !== undefined);
    second.program.signal("SIGTERM");
    await endsWith(second.program, 0);
    const { workers } = await eventually(
      "a room of one worker",
      async () => {
        const found = await discover(stage);
        return found.total_count === 1 ? found : undefined;
      },
      10_000,
    );
    const gone = workers.filter(({ status }) => status === "left");
    assert.ok(gone.every(({ peer_id }) => peer_id === second.peerId));
  }));

Deno.test("e2e: two workers of one name on one machine: the second is refused", () =>
  onStage("auto", async (stage) => {
    const { peerId } = await stage.worker("gpu");
    const twin = stage.lab.start(["worker", "--runner", "demo", "--name", "gpu", "--json"]);
    const status = await twin.exited(30_000);
    assert.notEqual(status.code, 0);
    assert.match(twin.text.stderr, /Expected .* to be free.*another --name/);
    const { workers } = await discover(stage);
    assert.deepEqual(workers.map(({ peer_id, alive }) => [peer_id, alive]), [[peerId, true]]);
  }));

Deno.test("e2e: a worker that is stopped comes to the end of its job first, and takes no other", () =>
  onStage("auto", async (stage) => {
    const drain = [...await slowTrainer(stage), "--drain-timeout", "600"];
    const worker = await stage.worker("gpu", drain);
    const file = await stage.package();
    const client = stage.train(file, await slowTraining(stage, 60));
    await client.line(({ event }) => event === "epoch", "its first epoch", FIRST_EPOCH_MS);
    worker.program.signal("SIGTERM");
    await eventually(
      "a worker that drains",
      async () => (await discover(stage)).workers.find(({ status }) => status === "draining"),
      10_000,
    );
    assert.equal(trained(await endsWith(client, 0)).epochs, 60);
    await endsWith(worker.program, 0, 10_000);
  }));

Deno.test("e2e: a worker that is to be maintained lets its job end, takes no other, and comes back when told", () =>
  onStage("auto", async (stage) => {
    const worker = await stage.worker("gpu", await slowTrainer(stage));
    const client = stage.train(await stage.package(), await slowTraining(stage, 60));
    await client.line(({ event }) => event === "epoch", "its first epoch", FIRST_EPOCH_MS);
    const drain = (...more: string[]) => stage.lab.start(["drain", "--name", "gpu", ...more]);
    const reads = async (wanted: string) => {
      const isSo = ({ status }: { status: string }) => status === wanted;
      await eventually(
        `a worker that reads ${wanted}`,
        async () => (await discover(stage)).workers.find(isSo),
        PATIENCE_MS,
      );
    };
    await endsWith(drain("--reason", "A new driver"), 0);
    await reads("draining");
    assert.equal(trained(await endsWith(client, 0)).epochs, 60);
    await reads("maintenance");
    await endsWith(drain("--end"), 0);
    await reads("available");
    worker.program.signal("SIGTERM");
    await endsWith(worker.program, 0);
  }));

Deno.test("e2e: a job that outlasts the time to drain is ended, and its client hears it", () =>
  onStage("auto", async (stage) => {
    const drain = [...await slowTrainer(stage), "--drain-timeout", "1"];
    const worker = await stage.worker("gpu", drain);
    const client = stage.train(await stage.package(), await slowTraining(stage, 1_000));
    await client.line(({ event }) => event === "epoch", "its first epoch", FIRST_EPOCH_MS);
    worker.program.signal("SIGTERM");
    const { message } = failed(await endsWith(client, 1, PATIENCE_MS));
    assert.equal(message, "The worker was stopped");
    await endsWith(worker.program, 0);
  }));

Deno.test("e2e: a worker that drains and is told again ends its job properly, and says so", () =>
  onStage("auto", async (stage) => {
    const drain = [...await slowTrainer(stage), "--drain-timeout", "600"];
    const worker = await stage.worker("gpu", drain);
    const client = stage.train(await stage.package(), await slowTraining(stage, 1_000));
    await client.line(({ event }) => event === "epoch", "its first epoch", FIRST_EPOCH_MS);
    worker.program.signal("SIGTERM");
    await eventually(
      "a worker that drains",
      async () => (await discover(stage)).workers.find(({ status }) => status === "draining"),
      10_000,
    );
    worker.program.signal("SIGTERM");
    const { message } = failed(await endsWith(client, 1, PATIENCE_MS));
    assert.equal(message, "The worker was stopped");
    await endsWith(worker.program, 0);
    assert.deepEqual(await keptRuns(stage), []);
  }));
