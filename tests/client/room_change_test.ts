/** What is different between two lists of one room, by table. */

import assert from "node:assert/strict";
import { BLANK_LIST, type RoomChange, roomChanges } from "../../lib/client/room_change.ts";
import type { Filters, WorkerList } from "../../lib/protocol/query.ts";
import type { WorkerView } from "../../lib/protocol/worker.ts";
import { metadataOf, peer } from "../mesh/peers.ts";

function view(name: string, rest: Partial<WorkerView> = {}): WorkerView {
  return {
    peer_id: peer(name),
    incarnation: 1,
    status: "available",
    current_job: null,
    metadata: metadataOf(8_000),
    is_admin: false,
    alive: true,
    last_heard_ms: 0,
    ...rest,
  };
}

function list(...workers: WorkerView[]): WorkerList {
  return { ...BLANK_LIST, workers, total_count: workers.length };
}

function brief(change: RoomChange): string {
  switch (change.type) {
    case "worker_came":
    case "worker_left":
      return `${change.type} ${change.worker.peer_id}`;
    case "worker_changed":
      return `${change.worker.peer_id} ${change.before.status} ${change.worker.status}`;
    case "admin_changed":
      return `admin ${change.before} ${change.admin} ${change.epoch}`;
    case "staleness_changed":
      return `stale ${change.stale} ${change.staleMs}`;
  }
  return change satisfies never;
}

Deno.test("changes are told, and what only grows older is not", () => {
  const busy = view("w1", { status: "busy" });
  const table: [
    what: string,
    before: WorkerList,
    after: WorkerList,
    filters: Filters,
    told: string[],
  ][] = [
    ["nothing", list(view("w1")), list(view("w1", { last_heard_ms: 900 })), {}, []],
    ["all are new", BLANK_LIST, list(view("w1"), view("w2")), {}, [
      "worker_came w1",
      "worker_came w2",
    ]],
    ["one left", list(view("w1"), view("w2")), list(view("w2")), {}, ["worker_left w1"]],
    ["a status", list(view("w1")), list(busy), {}, ["w1 available busy"]],
    ["a sign of life", list(view("w1")), list(view("w1", { alive: false })), {}, [
      "w1 available available",
    ]],
    ["a description", list(view("w1")), list(view("w1", { metadata: metadataOf(9) })), {}, [
      "w1 available available",
    ]],
    [
      "an admin",
      list(view("w1")),
      {
        ...list(view("w1", { is_admin: true })),
        admin_peer_id: peer("w1"),
        epoch: 4,
      },
      {},
      ["admin null w1 4"],
    ],
    ["staleness", list(), { ...list(), stale: true, stale_ms: 3_500 }, {}, ["stale true 3500"]],
    [
      "older staleness",
      { ...list(), stale: true, stale_ms: 1 },
      {
        ...list(),
        stale: true,
        stale_ms: 2,
      },
      {},
      [],
    ],
    ["out of the filter", list(view("w1")), list(busy), { status: "available" }, [
      "w1 available busy",
    ]],
    ["into the filter", list(view("w1")), list(busy), { status: "busy" }, ["w1 available busy"]],
    ["beside the filter", list(view("w1")), list(busy), { status: "draining" }, []],
    ["came beside the filter", list(), list(busy), { status: "available" }, []],
    ["left beside the filter", list(busy), list(), { status: "available" }, []],
  ];
  for (const [what, before, after, filters, told] of table) {
    assert.deepEqual(roomChanges(before, after, filters).map(brief), told, what);
  }
});
