import assert from "node:assert/strict";
import { filtersSchema } from "../../lib/protocol/query.ts";
import { type Matchable, matches, statusOf } from "../../signaling/match.ts";
import { peerId } from "./rooms_world.ts";

const WORKER: Matchable = {
  peer_id: peerId("w1"),
  role: "worker",
  metadata: { tags: ["sleap-rtc", "lab"], properties: { gpu_memory_mb: 16_384, cuda: "12.4" } },
};
const CLIENT: Matchable = { ...WORKER, peer_id: peerId("c1"), role: "client" };

Deno.test("match: which filters a worker and a client fulfil", () => {
  const table: [filters: unknown, worker: boolean, client: boolean][] = [
    [{}, true, true],
    [{ role: "worker" }, true, false],
    [{ role: "client" }, false, true],
    [{ role: "peer" }, true, true],
    [{ status: "available" }, true, false],
    [{ status: "busy" }, false, false],
    [{ properties: { status: "available" } }, true, false],
    [{ min_gpu_memory_mb: 16_384 }, true, true],
    [{ min_gpu_memory_mb: 16_385 }, false, false],
    [{ tags: ["lab", "sleap-rtc"] }, true, true],
    [{ tags: ["lab", "other"] }, false, false],
    [{ properties: { cuda: "12.4" } }, true, true],
    [{ properties: { cuda: { $eq: "12.5" } } }, false, false],
    [{ properties: { cuda: { $ne: "12.5" } } }, true, true],
    [{ properties: { gpu_memory_mb: { $gte: 16_384, $lte: 16_384 } } }, true, true],
    [{ properties: { gpu_memory_mb: { $gt: 16_384 } } }, false, false],
    [{ properties: { gpu_memory_mb: { $lt: 16_385 } } }, true, true],
    [{ properties: { gpu_memory_mb: { $gte: "0" } } }, false, false],
    [{ properties: { cuda: { $in: ["11.8", "12.4"] } } }, true, true],
    [{ properties: { absent: { $gte: 0 } } }, false, false],
  ];
  for (const [given, worker, client] of table) {
    const filters = filtersSchema.parse(given);
    assert.equal(matches(WORKER, filters), worker, `worker ${JSON.stringify(given)}`);
    assert.equal(matches(CLIENT, filters), client, `client ${JSON.stringify(given)}`);
  }
});

Deno.test("match: a worker that states no status, or none that there is, is available", () => {
  for (const [stated, status] of [["busy", "busy"], ["asleep", "available"], [7, "available"]]) {
    const worker = { ...WORKER, metadata: { tags: [], properties: { status: stated ?? null } } };
    assert.equal(statusOf(worker), status);
  }
  assert.equal(statusOf(WORKER), "available");
});
