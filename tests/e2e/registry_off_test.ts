/** A server with the room registry turned off: workers are found through it alone, and jobs run. */

import assert from "node:assert/strict";
import { eventually } from "./condition.ts";
import { slowTrainer, slowTraining } from "./slow_trainer.ts";
import { endsWith, onStage } from "./stage.ts";
import { discover, trained } from "./training_outcome.ts";

/** For a worker's status to be at the server. */
const TOLD_MS = 20_000;
/** What workers that make a mesh say. */
const MESH_WORDS = ["mesh_complete", "admin_elected", "partitioned", "peer_dead", "server_refused"];

Deno.test("e2e: without a registry workers are found through the server alone, and a job runs", () =>
  onStage("auto", async (stage) => {
    const trainer = await slowTrainer(stage);
    const workers = await stage.lab.addWorkers([
      { name: "gpu-a", gpuMemoryMb: 24_000, trainer },
      { name: "gpu-b", gpuMemoryMb: 8_000, trainer },
    ]);
    const found = await discover(stage);
    assert.deepEqual([found.via, found.admin_peer_id, found.epoch], ["server", null, 0]);
    assert.deepEqual(found.workers.map(({ peer_id }) => peer_id), workers.map((w) => w.peerId));

    const client = stage.train(await stage.package(), await slowTraining(stage, 40));
    await client.line(({ event }) => event === "epoch", "its first epoch", 30_000);
    await eventually("the server to know who is busy", async () => {
      const states = (await discover(stage)).workers.map(({ status }) => status);
      return states.join() === "busy,available" ? states : undefined;
    }, TOLD_MS);
    const job = trained(await endsWith(client, 0));
    assert.deepEqual([job.worker, job.epochs], [workers[0]?.peerId, 40]);

    for (const { program } of workers) {
      const said = program.lines.map(({ event }) => String(event));
      assert.deepEqual(said.filter((event) => MESH_WORDS.includes(event)), []);
    }
  }, { ENABLE_ROOM_REGISTRY: "false" }));
