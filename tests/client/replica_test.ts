/** A client's replica: what it shows of a stream of changes and reports, what it refuses, how it ages. */

import assert from "node:assert/strict";
import { Replica, REPLICA_SILENCE_MS } from "../../lib/client/replica.ts";
import { RoomState } from "../../lib/mesh/room_state.ts";
import type { SignedChange } from "../../lib/protocol/mesh_message.ts";
import type { WatchReport } from "../../lib/protocol/watch_message.ts";
import type { WorkerStatus } from "../../lib/protocol/worker.ts";
import { metadataOf, peer, room } from "../mesh/peers.ts";
import { automergeReady } from "../sim/automerge.ts";
import { createStandInSigner } from "../sim/stand_in_signer.ts";

await automergeReady();

const BEGUN = 1_000_000;

function authorOf(name: string) {
  const peerId = peer(name);
  return { roomId: room(), peerId, incarnation: 1, signer: createStandInSigner(peerId) };
}

/** A worker that writes its own entry. */
function writer(name: string, gpuMemoryMb: number) {
  const author = authorOf(name);
  const state = RoomState.create(author);
  const write = (status: WorkerStatus): SignedChange => {
    const change = state.update({
      peer_id: author.peerId,
      incarnation: author.incarnation,
      status,
      current_job: null,
      metadata: metadataOf(gpuMemoryMb),
    });
    assert.ok(change);
    return change;
  };
  return { state, write, [Symbol.dispose]: () => state.dispose() };
}

function replica() {
  const shown = new Replica(authorOf("laptop"), BEGUN);
  return { shown, [Symbol.dispose]: () => shown.dispose() };
}

function report(heads: readonly string[], rest: Partial<WatchReport> = {}): WatchReport {
  return {
    type: "watch_report",
    heads: [...heads],
    admin_peer_id: peer("w2"),
    epoch: 3,
    stale: false,
    stale_ms: 0,
    lives: [
      { peer_id: peer("w1"), alive: true, last_heard_ms: 0 },
      { peer_id: peer("w2"), alive: true, last_heard_ms: 250 },
    ],
    ...rest,
  };
}

Deno.test("a replica shows what the stream of changes and reports says", () => {
  using one = writer("w1", 8_000);
  using two = writer("w2", 24_000);
  using laptop = replica();
  const { shown } = laptop;
  const stream = [one.write("available"), two.write("available"), one.write("busy")];
  one.state.merge(stream);
  assert.ok(!shown.isLevel, "before anything was said");
  for (const change of stream.slice(0, 2)) shown.take([change]);
  shown.hear(report(one.state.heads), BEGUN);
  assert.ok(!shown.isLevel, "a change that the report speaks of is missing");
  shown.take(stream);
  assert.ok(shown.isLevel);
  assert.deepEqual(shown.heads, one.state.heads);
  const list = shown.list({}, BEGUN + 500);
  assert.deepEqual(
    list.workers.map((view) =>
      `${view.peer_id} ${view.status} ${view.is_admin} ${view.alive} ${view.last_heard_ms}`
    ),
    ["w2 available true true 750", "w1 busy false true 500"],
  );
  const { total_count, admin_peer_id, epoch, stale, stale_ms } = list;
  assert.deepEqual([total_count, admin_peer_id, epoch, stale, stale_ms], [2, "w2", 3, false, 0]);
  assert.deepEqual(shown.list({ status: "busy" }, BEGUN).workers.map((view) => view.peer_id), [
    "w1",
  ]);

  shown.take([two.write("left")]);
  assert.deepEqual(shown.list({}, BEGUN).workers.map((view) => view.peer_id), ["w1"]);
});

Deno.test("a worker of which no report speaks is forgotten, and not listed", () => {
  using three = writer("w3", 8_000);
  using laptop = replica();
  laptop.shown.take([three.write("available")]);
  laptop.shown.hear(report(three.state.heads), BEGUN);
  const { workers, total_count } = laptop.shown.list({}, BEGUN);
  assert.deepEqual([workers, total_count], [[], 0]);
});

Deno.test("forged changes are refused, and what was there stays", () => {
  using one = writer("w1", 8_000);
  using evil = writer("evil", 99_000);
  using laptop = replica();
  const { shown } = laptop;
  shown.take([one.write("available")]);
  shown.hear(report(one.state.heads), BEGUN);
  const before = shown.list({}, BEGUN);
  const later = one.write("busy");
  const own = evil.write("available");
  const table: [what: string, change: SignedChange, reason: RegExp][] = [
    ["in another's name", { ...own, author: peer("w1") }, /signature/],
    ["with another's key", { ...later, public_key: "mine" }, /signature/],
    ["signed for something else", { ...later, signature: own.signature }, /signature/],
    ["of another life", { ...later, incarnation: 2 }, /actor/],
    ["senseless bytes", { ...later, change: "AAAA" }, /uncompressed/],
  ];
  for (const [what, change, reason] of table) {
    const { applied, refused } = shown.take([change]);
    assert.deepEqual(applied, [], what);
    assert.match(refused.join(), reason, what);
    assert.deepEqual(shown.list({}, BEGUN), before, what);
  }
  assert.deepEqual(shown.take([later]).refused, []);
  assert.equal(shown.list({}, BEGUN).workers[0]?.status, "busy");
});

Deno.test("every answer says whether it is stale, and for how long", () => {
  const silence = REPLICA_SILENCE_MS;
  const table: [
    what: string,
    told: Partial<WatchReport> | undefined,
    isOver: boolean,
    ageMs: number,
    expected: [stale: boolean, staleMs: number],
  ][] = [
    ["nothing was ever told", undefined, false, 700, [true, 700]],
    ["fresh", {}, false, 0, [false, 0]],
    ["a report late, but not too late", {}, false, silence, [false, 0]],
    ["silence", {}, false, silence + 1, [true, silence + 1]],
    ["the worker is lost", {}, true, 20, [true, 20]],
    ["the worker is cut off", { stale: true, stale_ms: 5_000 }, false, 100, [true, 5_100]],
    ["cut off and silent", { stale: true, stale_ms: 5_000 }, true, silence * 2, [
      true,
      5_000 + silence * 2,
    ]],
  ];
  for (const [what, told, isOver, ageMs, expected] of table) {
    using laptop = replica();
    if (told !== undefined) laptop.shown.hear(report([], told), BEGUN);
    if (isOver) laptop.shown.end();
    const { stale, stale_ms } = laptop.shown.list({}, BEGUN + ageMs);
    assert.deepEqual([stale, stale_ms], expected, what);
  }
});
