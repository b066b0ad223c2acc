/** Rows of the queue in the room state: what travels, and what is refused whoever sends it. */

import * as automerge from "@automerge/automerge/slim";
import assert from "node:assert/strict";
import { changeBytes } from "../../lib/mesh/author.ts";
import { queueKey } from "../../lib/mesh/automerge.ts";
import { ROW_LENGTH_MAX } from "../../lib/mesh/change_judgement.ts";
import { RoomState } from "../../lib/mesh/room_state.ts";
import type { SignedChange } from "../../lib/protocol/mesh_message.ts";
import { automergeReady } from "../sim/automerge.ts";
import { createStandInSigner } from "../sim/stand_in_signer.ts";
import { peer, room } from "./peers.ts";
import { jobOf, row } from "./queued.ts";

await automergeReady();

function authorOf(name: string, incarnation = 1) {
  const peerId = peer(name);
  return { roomId: room(), peerId, incarnation, signer: createStandInSigner(peerId) };
}

type Operations = Parameters<typeof automerge.encodeChange>[0]["ops"];

/** What every room begins with. */
function genesisHeads(): string[] {
  const blank = RoomState.create(authorOf("evil"));
  const { heads } = blank;
  blank.dispose();
  return heads;
}

/** A change of `evil` with one operation on the document itself. */
function forged(operation: Omit<Operations[number], "obj" | "pred">): SignedChange {
  const { peerId, incarnation, roomId, signer } = authorOf("evil");
  const chunk = automerge.encodeChange({
    actor: signer.actorOf(peerId, incarnation),
    author: null,
    seq: 1,
    startOp: 2,
    time: 0,
    message: null,
    deps: genesisHeads(),
    ops: [{ ...operation, obj: "_root", pred: [] }],
  });
  return {
    author: peerId,
    incarnation,
    public_key: signer.publicKey,
    change: chunk.toBase64(),
    signature: signer.sign(changeBytes(roomId, chunk)),
  };
}

function told(state: RoomState): unknown {
  return [...state.rows].map(([author, rows]) => [author, Object.fromEntries(rows)]);
}

Deno.test("rows travel, change and go, and a later life takes up those of an earlier one", () => {
  const [one, two] = [RoomState.create(authorOf("w1")), RoomState.create(authorOf("w2"))];
  const [a, b] = [jobOf("a"), jobOf("b")];
  const first = one.writeRows(new Map([[a, row()], [b, row({ ticket: 2 })]]));
  assert.ok(first);
  assert.deepEqual(two.merge([first]).refused, []);
  assert.deepEqual(told(two), [["w1", { [a]: row(), [b]: row({ ticket: 2 }) }]]);
  const young = RoomState.create(authorOf("w1", 2));
  young.merge([first]);
  const second = young.writeRows(new Map([[a, undefined], [b, row({ standing: "away" })]]));
  assert.ok(second);
  for (const state of [one, two]) {
    assert.deepEqual(state.merge([second]).refused, []);
    assert.deepEqual(told(state), [["w1", { [b]: row({ standing: "away" }) }]]);
    assert.deepEqual(state.heads, young.heads);
  }
  const third = young.writeRows(new Map([[b, undefined]]));
  assert.ok(third);
  two.merge([third]);
  assert.deepEqual(told(two), []);
  for (const state of [one, two, young]) state.dispose();
});

Deno.test("nobody writes another's rows, long ones, or anything else beside them", () => {
  const victim = RoomState.create(authorOf("w1"));
  victim.writeRows(new Map([[jobOf("a"), row()]]));
  const { heads } = victim;
  const own = queueKey("evil", jobOf("a"));
  const text = JSON.stringify(row());
  const refusals: [string, SignedChange][] = [
    ["another's row", forged({ action: "set", key: queueKey("w1", jobOf("a")), value: text })],
    ["deletes another's row", forged({ action: "del", key: queueKey("w1", jobOf("a")) })],
    ["a name that is no job", forged({ action: "set", key: queueKey("evil", "x"), value: text })],
    ["a name behind a job", forged({ action: "set", key: `${own}/b`, value: text })],
    ["a long row", forged({ action: "set", key: own, value: "x".repeat(ROW_LENGTH_MAX + 1) })],
    ["a number", forged({ action: "set", key: own, value: 7 })],
    ["a map", forged({ action: "makeMap", key: own })],
    ["the area of all", forged({ action: "makeMap", key: "queue" })],
  ];
  for (const [what, change] of refusals) {
    assert.match(victim.merge([change]).refused.join(), /its own entry only/, what);
    assert.deepEqual(victim.heads, heads, what);
  }
  // What cannot be read is in the document, so that a later version may say more; nobody heeds it.
  const odd = forged({ action: "set", key: own, value: "of another version" });
  assert.deepEqual(victim.merge([odd]).refused, []);
  assert.deepEqual([...victim.rows.keys()], ["w1"]);
  victim.dispose();
});
