/** Why a job waits, from a list of the room: its place, and what each worker lacks. */

import assert from "node:assert/strict";
import { queueOutlook, serversOf } from "../../lib/client/queue_outlook.ts";
import type { WorkerView } from "../../lib/protocol/worker.ts";
import { metadataOf } from "../mesh/peers.ts";
import { ANY, jobOf, serving } from "../mesh/queued.ts";
import { list, view, waiting } from "./waiting_room.ts";

const LARGE = { ...ANY, min_gpu_memory_mb: 16_000 };
const LARGE_ONE = { metadata: metadataOf(24_000) };

Deno.test("the place counts those whose clients are there, and each worker has its reason", () => {
  const room = list([
    view("w1", { ...serving("busy", "z"), ...LARGE_ONE }),
    view("w2"),
    view("w3", { alive: false }),
    view("w4", { status: "draining", ...LARGE_ONE }),
    view("w5", { ...serving("reserved", "y", "ben"), ...LARGE_ONE }),
    view("w6", LARGE_ONE),
  ], [waiting("a"), waiting("gone", false), waiting("b")]);
  const outlook = queueOutlook(room, jobOf("b"), LARGE);
  assert.deepEqual([outlook.position, outlook.waiting, outlook.turnAt], [2, 2, undefined]);
  assert.deepEqual(
    outlook.obstacles.map(({ worker, kind, reason }) => `${worker} ${kind}: ${reason}`),
    [
      "w1 busy: runs job-0000000z of laptop",
      "w2 unfit: has 8000 MB of GPU memory",
      "w3 away: gives no sign of life",
      "w4 unfit: takes no more jobs",
      "w5 busy: is reserved for job-0000000y of ben",
      "w6 free: is free",
    ],
  );
});

Deno.test("a worker that is held says when it expects to be free, and one that is free nothing", () => {
  const soon = {
    metadata: {
      ...metadataOf(24_000),
      properties: { ...metadataOf(24_000).properties, free_at_ms: 7 },
    },
  };
  const room = list([
    view("w1", { ...serving("busy", "z"), ...soon }),
    view("w2", soon),
    view("w3", serving("busy", "y")),
  ], [waiting("a")]);
  const { obstacles } = queueOutlook(room, jobOf("a"), ANY);
  assert.deepEqual(obstacles.map(({ freeAtMs }) => freeAtMs), [7, undefined, undefined]);
});

Deno.test("of a job that some workers refused, they say so", () => {
  const { peer_id } = view("w1");
  const room = list([view("w1", serving("busy", "z")), view("w2")], [waiting("a")]);
  const { obstacles } = queueOutlook(room, jobOf("a"), { ...ANY, workers: [peer_id] });
  assert.deepEqual(obstacles.map(({ kind, reason }) => `${kind}: ${reason}`), [
    "busy: runs job-0000000z of laptop",
    "unfit: would not run it",
  ]);
});

const rooms: [string, readonly WorkerView[], boolean][] = [
  ["nobody is there", [], false],
  ["one that fits is busy", [view("w1", { ...serving("busy", "z"), ...LARGE_ONE })], true],
  ["none is large enough", [view("w1", serving("busy", "z"))], false],
  ["one that fits is dead", [view("w1", { alive: false, ...LARGE_ONE })], false],
  ["one that fits is in maintenance", [view("w1", { status: "maintenance", ...LARGE_ONE })], true],
  ["one that fits drains", [view("w1", { status: "draining", ...LARGE_ONE })], false],
];
for (const [what, workers, expected] of rooms) {
  Deno.test(`who can be served some time waits, and nobody else: ${what}`, () => {
    assert.equal(serversOf({ workers }, LARGE).length > 0, expected);
  });
}
