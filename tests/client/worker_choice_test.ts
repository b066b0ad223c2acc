import { deepEqual } from "node:assert/strict";
import { isPeerId } from "../../lib/base/id.ts";
import { serving } from "../mesh/queued.ts";
import type { WorkerView } from "../../lib/protocol/worker.ts";
import { chooseWorkers, type WorkerWish } from "../../lib/client/worker_choice.ts";

function peerOf(text: string) {
  if (!isPeerId(text)) throw new Error(`Expected a peer id, got ${text}`);
  return text;
}

function worker(name: string, changes: Partial<WorkerView> = {}): WorkerView {
  return {
    peer_id: peerOf(name),
    incarnation: 1,
    status: "available",
    current_job: null,
    metadata: { tags: [], properties: { gpu_memory_mb: 8_000, runners: ["sleap-nn", "demo"] } },
    is_admin: false,
    alive: true,
    last_heard_ms: 3,
    ...changes,
  };
}

const properties = (properties: WorkerView["metadata"]["properties"]) => ({
  metadata: { tags: [], properties },
});
const used = (more: WorkerView["metadata"]["properties"]) =>
  properties({ gpu_memory_mb: 24_000, ...more });
const WISH: WorkerWish = { runner: "sleap-nn" };
const cases: [string, WorkerView[], WorkerWish, string[], string[]][] = [
  ["nobody", [], WISH, [], ["nobody is there"]],
  ["nobody, for one that was asked for", [], { ...WISH, worker: peerOf("a") }, [], [
    "nobody is there",
  ]],
  ["the order of the list", [worker("b"), worker("a")], WISH, ["b", "a"], []],
  ["one that is busy", [worker("a", { status: "busy" }), worker("b")], WISH, ["b"], ["a is busy"]],
  [
    "one that is busy and says how long",
    [worker("a", {
      status: "busy",
      current_job: serving("busy", "z").current_job ?? null,
      metadata: { tags: [], properties: { free_at_ms: Date.now() + 89_000 } },
    })],
    WISH,
    [],
    ["a is busy, for about 2m more"],
  ],
  ["one in maintenance", [worker("a", { status: "maintenance" })], WISH, [], [
    "a is in maintenance",
  ]],
  ["one that is draining", [worker("a", { status: "draining" })], WISH, [], ["a is draining"]],
  ["one that is silent", [worker("a", { alive: false })], WISH, [], ["a gives no sign of life"]],
  [
    "too little memory",
    [worker("a"), worker("b", properties({ gpu_memory_mb: 24_000 }))],
    { ...WISH, minGpuMemoryMb: 16_000 },
    ["b"],
    ["a has 8000 MB of GPU memory"],
  ],
  [
    "those whose GPU others use come last",
    [worker("a", properties({ gpu_in_use_by_others: true })), worker("b"), worker("c")],
    WISH,
    ["b", "c", "a"],
    [],
  ],
  [
    "a GPU that others have filled",
    [
      worker("a", used({ gpu_memory_free_mb: 900, gpu_in_use_by_others: true })),
      worker("b", used({ gpu_memory_free_mb: 900, gpu_in_use_by_others: false })),
      worker("c", used({ gpu_memory_free_mb: 1_000, gpu_in_use_by_others: true })),
    ],
    WISH,
    ["b", "c"],
    ["a has 900 MB of GPU memory free; the rest is in use by others"],
  ],
  [
    "a GPU that others have filled, for who needs none",
    [worker("a", used({ gpu_memory_free_mb: 900, gpu_in_use_by_others: true }))],
    { runner: "demo" },
    ["a"],
    [],
  ],
  [
    "what others leave free of the memory",
    [
      worker("a", used({ gpu_memory_free_mb: 9_000, gpu_in_use_by_others: true })),
      worker("b", used({ gpu_memory_free_mb: 9_000, gpu_in_use_by_others: false })),
      worker("c", used({ gpu_memory_free_mb: 20_000, gpu_in_use_by_others: true })),
    ],
    { ...WISH, minGpuMemoryMb: 16_000 },
    ["b", "c"],
    ["a has 9000 MB of GPU memory free; the rest is in use by others"],
  ],
  ["a GPU that failed", [worker("a", used({ gpu_fault: "GPU is lost" }))], WISH, [], [
    "a has a GPU that failed: GPU is lost",
  ]],
  ["memory that is not stated", [worker("a", properties({}))], { ...WISH, minGpuMemoryMb: 1 }, [], [
    "a has 0 MB of GPU memory",
  ]],
  ["another runner", [worker("a", properties({ runners: ["demo"] }))], WISH, [], [
    "a has no runner sleap-nn",
  ]],
  ["a runner that is not stated is asked for", [worker("a", properties({}))], WISH, ["a"], []],
  ["one that was asked for", [worker("a"), worker("b")], { ...WISH, worker: peerOf("b") }, ["b"], [
    "a was not asked for",
  ]],
  ["one that was asked for and is not there", [worker("a")], { ...WISH, worker: peerOf("c") }, [], [
    "c is not in the room",
    "a was not asked for",
  ]],
];
for (const [what, workers, wish, chosen, objections] of cases) {
  Deno.test(`worker choice: ${what}`, () => {
    const choice = chooseWorkers(workers, wish);
    deepEqual(choice.candidates.map(({ peer_id }) => String(peer_id)), chosen);
    deepEqual(choice.objections, objections);
  });
}
