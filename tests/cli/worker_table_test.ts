/** The table of workers: what it says, and that it fits. */

import { deepEqual, equal, match, ok } from "node:assert/strict";
import { widthOf } from "../../lib/cli/terminal_text.ts";
import { workerLines } from "../../lib/cli/worker_table.ts";
import { decode } from "../../lib/protocol/decode.ts";
import { type WorkerList, workerListSchema } from "../../lib/protocol/query.ts";

function listOf(value: unknown): WorkerList {
  const decoded = decode(value, workerListSchema);
  if (!decoded.ok) throw new Error(decoded.reason);
  return decoded.value;
}

function worker(peer_id: string, memory: number, rest: Readonly<Record<string, unknown>> = {}) {
  return {
    peer_id,
    incarnation: 1,
    status: "available",
    current_job: null,
    metadata: { properties: { gpu_memory_mb: memory, gpu_model: "RTX A5000" } },
    is_admin: false,
    alive: true,
    last_heard_ms: 340,
    ...rest,
  };
}

const LIST = listOf({
  workers: [
    worker("gpu-a-aaaaaaaaaa", 24_564, { is_admin: true, last_heard_ms: 0 }),
    worker("gpu-b-bbbbbbbbbb", 16_000, {
      status: "busy",
      current_job: { job_id: "job-12345678", client_id: "laptop-cccccccccc" },
    }),
    worker("gpu-c-cccccccccc", 0, { alive: false, last_heard_ms: null, metadata: {} }),
  ],
  total_count: 3,
  admin_peer_id: "gpu-a-aaaaaaaaaa",
  epoch: 2,
  stale: false,
  stale_ms: 0,
});
const ADMIN = { via: "admin", tookMs: 3.21 } as const;

Deno.test("the table tells who is there and who answered", () => {
  deepEqual(workerLines(LIST, ADMIN, { columns: 100, isColored: false }), [
    "WORKER              STATUS              GPU MEMORY  MODEL      JOB           HEARD",
    "gpu-a-aaaaaaaaaa *  available              24.6 GB  RTX A5000  -             0ms ago",
    "gpu-b-bbbbbbbbbb    busy                     16 GB  RTX A5000  job-12345678  340ms ago",
    "gpu-c-cccccccccc    available (silent)           -  -          -             -",
    "",
    "3 workers, 1 available, admin gpu-a-aaaaaaaaaa, answered by admin in 3.2 ms",
    "* admin",
  ]);
});

Deno.test("a GPU that others use, or that failed, is told beside the status", () => {
  const statuses: [properties: Record<string, unknown>, alive: boolean, wanted: string][] = [
    [{ gpu_in_use_by_others: true }, true, "available (in use by others)"],
    [{ gpu_in_use_by_others: false }, true, "available"],
    [{ gpu_in_use_by_others: true, gpu_fault: "GPU is lost" }, true, "available (GPU failed)"],
    [{ gpu_in_use_by_others: true }, false, "available (silent)"],
  ];
  for (const [properties, alive, wanted] of statuses) {
    const list = listOf({
      ...LIST,
      workers: [worker("gpu-a-aaaaaaaaaa", 1, { alive, metadata: { properties } })],
    });
    const [, row = ""] = workerLines(list, ADMIN, { columns: 100, isColored: false });
    equal(row.split(/ {2,}/)[1], wanted);
  }
});

Deno.test("on narrow screens the less important columns go first", () => {
  const heads: [number, string[]][] = [
    [100, ["WORKER", "STATUS", "GPU", "MEMORY", "MODEL", "JOB", "HEARD"]],
    [80, ["WORKER", "STATUS", "GPU", "MEMORY", "MODEL", "JOB"]],
    [66, ["WORKER", "STATUS", "GPU", "MEMORY", "JOB"]],
    [52, ["WORKER", "STATUS", "GPU", "MEMORY"]],
    [40, ["WORKER", "STATUS"]],
    [30, ["WORKER", "STATUS"]],
  ];
  for (const [columns, wanted] of heads) {
    const lines = workerLines(LIST, ADMIN, { columns, isColored: false });
    deepEqual(lines[0]?.split(/\s+/), wanted, `${columns} columns`);
    const table = lines.slice(0, 4);
    ok(table.every((line) => widthOf(line) <= columns), table.join("\n"));
  }
});

Deno.test("an empty list has a footer that says so, and a stale one a warning", () => {
  const empty = listOf({
    workers: [],
    total_count: 2,
    admin_peer_id: null,
    epoch: 0,
    stale: true,
    stale_ms: 61_000,
  });
  deepEqual(workerLines(empty, { via: "server", tookMs: 12 }, { columns: 80, isColored: false }), [
    "0 of 2 workers, 0 available, no admin, answered by server in 12.0 ms",
    "Stale: the workers have had no admin at the server for 1m 1s",
  ]);
  const [, byAdmin] = workerLines(empty, { via: "admin", tookMs: 12 }, {
    columns: 80,
    isColored: false,
  });
  equal(byAdmin, "Stale: who answered has been cut off from the others for 1m 1s");
});

Deno.test("what a worker says of itself cannot move the cursor", () => {
  const evil = listOf({
    ...LIST,
    workers: [worker("gpu-d-dddddddddd", 1, {
      metadata: { properties: { gpu_model: "\u001b[2J\u001b[1;1HA5000\u0007" } },
    })],
  });
  const text = workerLines(evil, ADMIN, { columns: 100, isColored: false }).join("\n");
  match(text, /A5000�/);
  ok(!text.includes("\u001b"));
});

Deno.test("colours appear only where they may", () => {
  const plain = workerLines(LIST, ADMIN, { columns: 100, isColored: false }).join("\n");
  const colored = workerLines(LIST, ADMIN, { columns: 100, isColored: true }).join("\n");
  ok(!plain.includes("\u001b"));
  // deno-lint-ignore no-control-regex -- colours are what is removed
  equal(colored.replace(/\u001b\[\d+m/g, ""), plain);
});
