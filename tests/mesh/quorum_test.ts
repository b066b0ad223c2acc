/** Majorities by table, and that two halves never both decide by the server's word. */

import assert from "node:assert/strict";
import fc from "fast-check";
import type { PeerId } from "../../lib/base/id.ts";
import { isMajority } from "../../lib/mesh/quorum.ts";
import { peer, peers } from "./peers.ts";

Deno.test("who lives decides", () => {
  const none = { adminPeerId: undefined };
  const w4 = { adminPeerId: peer("w4") };
  const table: [string, string, { adminPeerId: PeerId | undefined } | undefined, boolean][] = [
    ["w1", "w1", undefined, true],
    ["w1 w2 w3", "w1 w2", undefined, true],
    ["w1 w2 w3", "w3", undefined, false],
    ["w1 w2 w3", "w3 w9", undefined, false],
    ["w1 w2", "w1", undefined, true],
    ["w1 w2", "w2", undefined, false],
    ["w1 w2", "w2", none, true],
    ["w1 w2 w3 w4", "w1 w2", w4, false],
    ["w1 w2 w3 w4", "w3 w4", w4, true],
  ];
  for (const [agreed, living, server, majority] of table) {
    const quorum = { agreed: peers(agreed), living: peers(living), isNewcomer: false, server };
    assert.equal(isMajority(quorum), majority, `${living} of ${agreed}`);
  }
});

Deno.test("half is no majority to a newcomer without the server's word", () => {
  const half = { agreed: peers("w1 w2"), living: peers("w1"), isNewcomer: true };
  assert.equal(isMajority({ ...half, server: undefined }), false);
  assert.equal(isMajority({ ...half, server: { adminPeerId: peer("w1") } }), true);
  assert.equal(isMajority({ ...half, living: peers("w1 w2"), server: undefined }), true);
});

Deno.test("of two parts that see the same server and its admin, at most one is a majority", () => {
  const names = ["w1", "w2", "w3", "w4", "w5", "w6"];
  fc.assert(
    fc.property(
      fc.subarray(names, { minLength: 2 }),
      fc.subarray(names),
      fc.constantFrom(...names),
      fc.boolean(),
      (agreed, side, adminName, reachable) => {
        const one = side.filter((name) => agreed.includes(name));
        const other = agreed.filter((name) => !side.includes(name));
        if (!agreed.includes(adminName)) return;
        const server = reachable ? { adminPeerId: peer(adminName) } : undefined;
        const decides = (part: string[]) =>
          isMajority({
            agreed: peers(agreed.join(" ")),
            living: peers(part.join(" ")),
            isNewcomer: false,
            server,
          });
        assert.ok(!(decides(one) && decides(other)), `${one} and ${other}`);
      },
    ),
  );
});
