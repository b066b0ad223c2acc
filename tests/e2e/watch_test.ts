/** `discover --watch` and `discover --from` with real processes: changes as they come, and a lost admin. */

import assert from "node:assert/strict";
import { z } from "zod";
import { workerListSchema } from "../../lib/protocol/query.ts";
import type { Line, Program } from "../../scripts/lab/program.ts";
import { slowTrainer, slowTraining } from "./slow_trainer.ts";
import { endsWith, onStage } from "./stage.ts";

const START_MS = 30_000;
/** The promise of `--watch`. */
const SEEN_MS = 1_000;
/** Detection (2.5 s, or 3 s of silence), a new link and an election, on a busy machine. */
const NEXT_MS = 20_000;

const workerEventSchema = z.object({
  worker: z.object({ peer_id: z.string(), status: z.string(), alive: z.boolean() }),
});

function isWorker(line: Line, peerId: string, status: string): boolean {
  const decoded = workerEventSchema.safeParse(line);
  return decoded.success && decoded.data.worker.peer_id === peerId &&
    decoded.data.worker.status === status;
}

function watching(program: Program, peerId: string, limitMs: number): Promise<Line> {
  const wanted = ({ event, peer_id }: Line) => event === "watching" && peer_id === peerId;
  return program.line(wanted, `that it watches ${peerId}`, limitMs);
}

Deno.test("e2e: a watch sees a status change within a second, and survives the admin", () =>
  onStage("auto", async (stage) => {
    const trainer = await slowTrainer(stage);
    const [admin, next] = await stage.workers([{ name: "gpu-a" }, { name: "gpu-b", trainer }]);
    assert.ok(admin !== undefined && next !== undefined);
    const watch = stage.lab.start(["discover", "--watch", "--json"]);
    const first = await watching(watch, admin.peerId, START_MS);
    assert.equal(first["via"], "replica");
    for (const { peerId } of [admin, next]) {
      await watch.line((line) => isWorker(line, peerId, "available"), `${peerId} free`, SEEN_MS);
    }
    const file = await stage.package();
    const client = stage.train(file, [
      ...await slowTraining(stage, 4),
      "--worker",
      next.peerId,
    ]);
    await client.line(({ event }) => event === "leased", "its lease", START_MS);
    await watch.line((line) => isWorker(line, next.peerId, "reserved"), "reserved", SEEN_MS);
    await client.line(({ event }) => event === "started", "its start", START_MS);
    await watch.line((line) => isWorker(line, next.peerId, "busy"), "busy", SEEN_MS);

    const from = watch.lines.length;
    admin.program.signal("SIGKILL");
    await watch.line(
      ({ event, peer_id }) => event === "lost" && peer_id === admin.peerId,
      "that the admin is lost",
      NEXT_MS,
      from,
    );
    await watching(watch, next.peerId, NEXT_MS);
    await watch.line(
      ({ event, admin_peer_id }) => event === "admin_changed" && admin_peer_id === next.peerId,
      "that there is a new admin",
      NEXT_MS,
      from,
    );
    await endsWith(client, 0, START_MS);
    await watch.line(
      (line) => isWorker(line, next.peerId, "available"),
      "that the worker is free again",
      SEEN_MS,
      from,
    );
    watch.signal("SIGINT");
    await endsWith(watch, 0, 5_000);
  }));

Deno.test("e2e: a worker that is not the admin answers, and says who is", () =>
  onStage("werift", async (stage) => {
    const [admin, other] = await stage.workers([{ name: "gpu-a" }, { name: "gpu-b" }]);
    assert.ok(admin !== undefined && other !== undefined);
    const args = ["discover", "--from", other.peerId, "--rtc", "werift", "--json"];
    const { stdout } = await endsWith(stage.lab.start(args), 0);
    const answer = workerListSchema.extend({ via: z.string(), peer_id: z.string() })
      .parse(JSON.parse(stdout));
    assert.deepEqual(
      [answer.via, answer.peer_id, answer.admin_peer_id, answer.total_count, answer.stale],
      ["worker", other.peerId, admin.peerId, 2, false],
    );
  }));
