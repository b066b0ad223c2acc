/** Properties of what is read and judged of changes: whatever comes, nothing throws and nothing is ruined. */

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import fc from "fast-check";
import { readChange } from "../../lib/mesh/automerge.ts";
import { changeBytes } from "../../lib/mesh/author.ts";
import { RoomState } from "../../lib/mesh/room_state.ts";
import type { SignedChange } from "../../lib/protocol/mesh_message.ts";
import { automergeReady } from "../sim/automerge.ts";
import { createStandInSigner } from "../sim/stand_in_signer.ts";
import { metadataOf, peer, room } from "./peers.ts";

await automergeReady();

const RUNS = { numRuns: 200, seed: 5 };
/** Where a chunk has its checksum: the first bytes of the digest of all that follows it. */
const CHECKSUM = { from: 4, to: 8 };

function stateOf(name: string): RoomState {
  const peerId = peer(name);
  return RoomState.create({
    roomId: room(),
    peerId,
    incarnation: 1,
    signer: createStandInSigner(peerId),
  });
}

/** What `name` writes of itself. */
function wordOf(state: RoomState, name: string, memoryMb: number): SignedChange {
  const entry = { peer_id: peer(name), incarnation: 1, status: "busy", current_job: null } as const;
  const change = state.update({ ...entry, metadata: metadataOf(memoryMb, ["gpu"]) });
  assert.ok(change);
  return change;
}

/** `change` with its chunk replaced, and signed anew by its author: a member that writes by hand. */
function handwritten(change: SignedChange, chunk: Uint8Array): SignedChange {
  const signature = createStandInSigner(change.author).sign(changeBytes(room(), chunk));
  return { ...change, change: chunk.toBase64(), signature };
}

/** `chunk` with some of its bytes changed, and the checksum set right. */
function spoilt(chunk: Uint8Array, edits: readonly (readonly [at: number, byte: number])[]) {
  const copy = chunk.slice();
  for (const [at, byte] of edits) copy[at % copy.length] = byte;
  const digest = createHash("sha256").update(copy.subarray(CHECKSUM.to)).digest();
  copy.set(digest.subarray(0, CHECKSUM.to - CHECKSUM.from), CHECKSUM.from);
  return copy;
}

Deno.test("bytes that are no change are read as none", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      assert.equal(readChange(bytes), undefined);
    }),
    RUNS,
  );
});

Deno.test("a change with bytes spoilt never throws, changes no other's entry and ruins no document", () => {
  const writer = stateOf("w2");
  const first = wordOf(writer, "w2", 1_000);
  const second = wordOf(writer, "w2", 2_000);
  const own = stateOf("w3");
  const third = wordOf(own, "w3", 3_000);
  const chunk = Uint8Array.fromBase64(second.change);
  const edits = fc.array(fc.tuple(fc.nat(chunk.length - 1), fc.nat(255)), {
    minLength: 1,
    maxLength: 4,
  });
  try {
    fc.assert(
      fc.property(edits, (edits) => {
        const reader = stateOf("w1");
        try {
          reader.merge([first, third]);
          const before = reader.entries.get(peer("w3"));
          const { applied, refused } = reader.merge([handwritten(second, spoilt(chunk, edits))]);
          assert.ok(applied.length + refused.length <= 1);
          assert.deepEqual(reader.entries.get(peer("w3")), before);
          const fourth = wordOf(reader, "w1", 4_000);
          assert.ok(reader.serialise().includes(fourth), "its own words still fit");
        } finally {
          reader.dispose();
        }
      }),
      RUNS,
    );
  } finally {
    writer.dispose();
    own.dispose();
  }
});
