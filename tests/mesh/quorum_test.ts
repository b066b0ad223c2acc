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
    ["w1 w2", "w1", undefined, false],
    ["w1 w2", "w2", undefined, false],
    ["w1 w2", "w2", none, true],
    ["w1 w2 w3 w4", "w1 w2", w4, false],
    ["w1 w2 w3 w4", "w3 w4", w4, true],
  ];
  for (const [agreed, living, server, majority] of table) {
    const quorum = { agreed: peers(agreed), living: peers(living), server };
    assert.equal(isMajority(quorum), majority, `${living} of ${agreed}`);
  }
});

Deno.test("of two parts that hear of the same admin, or nothing, at most one is a majority", () => {
  const names = ["w1", "w2", "w3", "w4", "w5", "w6"];
  fc.assert(
    fc.property(
      fc.subarray(names, { minLength: 2 }),
      fc.subarray(names),
      fc.constantFrom(...names),
      fc.boolean(),
      fc.boolean(),
      (agreed, side, adminName, oneHears, otherHears) => {
        const one = side.filter((name) => agreed.includes(name));
        const other = agreed.filter((name) => !side.includes(name));
        if (!agreed.includes(adminName)) return;
        const decides = (part: string[], hears: boolean) =>
          isMajority({
            agreed: peers(agreed.join(" ")),
            living: peers(part.join(" ")),
            server: hears ? { adminPeerId: peer(adminName) } : undefined,
          });
        assert.ok(!(decides(one, oneHears) && decides(other, otherHears)), `${one} and ${other}`);
      },
    ),
  );
});
