/** A signaling server that dies: the mesh, discovery and a running job do without it. */

import assert from "node:assert/strict";
import { eventually } from "./condition.ts";
import { slowTrainer, slowTraining } from "./slow_trainer.ts";
import { endsWith, onStage } from "./stage.ts";
import { discover, trained } from "./training_outcome.ts";

/** The longest pause between two attempts to reach a server that was away for a moment. */
const BACK_MS = 30_000;

Deno.test("e2e: a server that is asked to stop tells its peers when to come back, and ends in order", () =>
  onStage("auto", async (stage) => {
    const worker = await stage.worker("gpu-a");
    stage.lab.server.signal("SIGTERM");
    await endsWith(stage.lab.server, 0);
    const told = ({ event }: { readonly event?: unknown }) => event === "server_draining";
    await worker.program.line(told, "that the server stops", BACK_MS);
    await stage.lab.restartServer();
    await eventually("the worker to be back", async () => {
      return (await discover(stage)).workers.length === 1 ? true : undefined;
    }, BACK_MS);
  }));

Deno.test("e2e: the server is killed and comes back while a job runs", () =>
  onStage("auto", async (stage) => {
    const trainer = await slowTrainer(stage);
    const workers = await stage.workers(
      ["gpu-a", "gpu-b", "gpu-c"].map((name) => ({ name, trainer })),
    );
    const client = stage.train(await stage.package(), await slowTraining(stage, 60));
    await client.line(({ event }) => event === "epoch", "its first epoch", 30_000);
    const seen = workers.map(({ program }) => program.lines.length);
    await stage.lab.restartServer();
    const registered = await eventually(
      "all workers to be back at the server",
      async () => {
        const found = await discover(stage);
        return found.workers.length === 3 && found.via === "admin" ? found : undefined;
      },
      BACK_MS,
    );
    assert.ok(registered.workers.every(({ alive }) => alive));
    assert.equal(registered.admin_peer_id, workers[0]?.peerId);

    const job = trained(await endsWith(client, 0));
    assert.deepEqual([job.worker, job.epochs], [workers[0]?.peerId, 60]);
    for (const [index, { program }] of workers.entries()) {
      const later = program.lines.slice(seen[index]);
      assert.ok(later.some(({ event }) => event === "server_lost"), "It never missed the server");
      const told = later.map(({ event }) => event);
      assert.ok(!told.includes("admin_elected") && !told.includes("partitioned"), told.join());
    }
  }));
