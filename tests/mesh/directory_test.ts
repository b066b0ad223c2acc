/** Which workers a query lists, and in which order. The rule of `lib/protocol/match.ts` by table. */

import assert from "node:assert/strict";
import { listWorkers } from "../../lib/mesh/directory.ts";
import { type Filters, filtersSchema } from "../../lib/protocol/query.ts";
import type { WorkerStatus } from "../../lib/protocol/worker.ts";
import { metadataOf, peer } from "./peers.ts";

const worker = (name: string, status: WorkerStatus, gpuMb: number, model: string) => ({
  peer_id: peer(name),
  status,
  metadata: {
    tags: model === "" ? [] : ["gpu"],
    properties: { ...metadataOf(gpuMb).properties, gpu_model: model, mounts: ["data"] },
  },
});
const WORKERS = [
  worker("w1", "available", 8_000, "RTX 2080"),
  worker("w2", "busy", 24_000, "RTX 3090"),
  worker("w3", "available", 24_000, "A5000"),
  worker("w4", "available", 0, ""),
];

Deno.test("filters choose, and the best comes first", () => {
  const table: [filters: Record<string, unknown>, listed: string][] = [
    [{}, "w2 w3 w1 w4"],
    [{ role: "worker" }, "w2 w3 w1 w4"],
    [{ role: "client" }, ""],
    [{ status: "available" }, "w3 w1 w4"],
    [{ min_gpu_memory_mb: 24_000 }, "w2 w3"],
    [{ tags: ["gpu"] }, "w2 w3 w1"],
    [{ tags: ["gpu", "fast"] }, ""],
    [{ properties: { status: "busy" } }, "w2"],
    [{ properties: { gpu_model: "A5000" } }, "w3"],
    [{ properties: { gpu_model: { $ne: "A5000" } } }, "w2 w1 w4"],
    [{ properties: { gpu_model: { $in: ["A5000", "RTX 3090"] } } }, "w2 w3"],
    [{ properties: { gpu_memory_mb: { $gte: 8_000, $lt: 24_000 } } }, "w1"],
    [{ properties: { gpu_memory_mb: { $gt: 8_000 } } }, "w2 w3"],
    [{ properties: { gpu_memory_mb: { $lte: 0 } } }, "w4"],
    [{ properties: { gpu_model: { $gte: 1 } } }, ""],
    [{ properties: { mounts: { $eq: ["data"] } } }, "w2 w3 w1 w4"],
    [{ properties: { unheard_of: { $lt: 1 } } }, ""],
    [{ properties: { unheard_of: { $ne: 1 } } }, "w2 w3 w1 w4"],
  ];
  for (const [given, listed] of table) {
    const filters: Filters = filtersSchema.parse(given);
    const names = listWorkers(WORKERS, filters).map((each) => each.peer_id);
    assert.equal(names.join(" "), listed, JSON.stringify(given));
  }
});
