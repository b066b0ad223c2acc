/** Who counts, step by step, and that no two parts of a cut room are majorities while newcomers settle. */

import assert from "node:assert/strict";
import fc from "fast-check";
import type { PeerId } from "../../lib/base/id.ts";
import { Electorate } from "../../lib/mesh/electorate.ts";
import { isMajority } from "../../lib/mesh/quorum.ts";
import { peer, peers } from "./peers.ts";

const NONE = new Set<PeerId>();

/** What w1 counts that is in a room of the `settled` with the `living`. */
function electorateOf(settled: string, living: string): Electorate {
  const electorate = new Electorate(peer("w1"));
  electorate.adopt([...peers(settled)], []);
  electorate.settle(peers(living), NONE);
  return electorate;
}

function names(of: ReadonlySet<PeerId>): string {
  return [...of].toSorted().join(" ");
}

Deno.test("a newcomer is settled once a majority of the settled has noted it", () => {
  const living = peers("w1 w2 w3 w4");
  const electorate = electorateOf("w1 w2 w3", "w1 w2 w3 w4");
  assert.equal(names(electorate.joining), "w4");
  electorate.acknowledged(peer("w4"), living);
  electorate.settle(living, NONE);
  assert.equal(names(electorate.settled), "w1 w2 w3", "its own word does not count");
  electorate.acknowledged(peer("w2"), living);
  electorate.settle(living, NONE);
  assert.equal(names(electorate.settled), "w1 w2 w3 w4");
  assert.equal(names(electorate.joining), "");
});

Deno.test("the word of one that is out of reach settles nobody", () => {
  const electorate = electorateOf("w1 w2 w3", "w1 w2 w3 w4");
  electorate.acknowledged(peer("w2"), peers("w1 w2 w3 w4"));
  electorate.settle(peers("w1 w3 w4"), peers("w2"));
  assert.equal(names(electorate.settled), "w1 w2 w3");
});

Deno.test("a newcomer makes no majority, and hinders one where it is out of reach", () => {
  const electorate = electorateOf("w1 w2 w3", "w1 w2 w3 w4");
  const table: [living: string, counted: string, majority: boolean][] = [
    ["w1 w2 w3 w4", "w1 w2 w3", true],
    ["w1 w4", "w1 w2 w3", false],
    ["w1 w2", "w1 w2 w3 w4", false],
    ["w1 w2 w3", "w1 w2 w3 w4", true],
  ];
  for (const [living, counted, majority] of table) {
    const agreed = electorate.counted(peers(living));
    assert.equal(names(agreed), counted, living);
    assert.equal(isMajority({ agreed, living: peers(living), server: undefined }), majority);
  }
});

Deno.test("the dead that nobody mourns count no more, settled or not", () => {
  const electorate = electorateOf("w1 w2 w3", "w1 w2 w3 w4 w5");
  electorate.settle(peers("w1 w2"), peers("w3 w4"));
  assert.equal(names(electorate.counted(peers("w1 w2"))), "w1 w2 w3 w4");
  electorate.settle(peers("w1 w2"), NONE);
  assert.equal(names(electorate.counted(peers("w1 w2"))), "w1 w2");
});

Deno.test("whoever comes to a room is a newcomer, and whoever finds nobody is the room", () => {
  const electorate = new Electorate(peer("w1"));
  electorate.arrive([]);
  assert.ok(!electorate.isNewcomer);
  electorate.arrive([peer("w2"), peer("w3")]);
  assert.ok(electorate.isNewcomer);
  assert.equal(names(electorate.counted(peers("w1 w2"))), "w2 w3");
  electorate.dismiss(peer("w2"));
  electorate.dismiss(peer("w3"));
  assert.equal(names(electorate.settled), "w1", "nobody else is left");
});

Deno.test("no more are counted than a heartbeat can name, whatever is made up", () => {
  const electorate = new Electorate(peer("w1"));
  const invented = Array.from({ length: 60 }, (_, index) => peer(`x${index}`));
  for (const peerId of invented) electorate.note(peerId);
  assert.equal(electorate.joining.size, 39);
  electorate.adopt(invented.slice(0, 40), invented.slice(20));
  assert.ok(electorate.settled.size + electorate.joining.size <= 40);
});

Deno.test("of two parts of a cut room at most one is a majority, whichever of them settled whom", () => {
  const old = ["w1", "w2", "w3", "w4", "w5"];
  const joining = ["w6", "w7", "w8"];
  const everybody = [...old, ...joining];
  fc.assert(
    fc.property(
      fc.subarray(old, { minLength: 1 }),
      fc.subarray(everybody),
      fc.subarray(joining),
      fc.subarray(joining),
      fc.subarray(joining),
      fc.subarray(joining),
      fc.boolean(),
      (members, side, settled, other, knownHere, knownThere, hasServer) => {
        // What one part has settled, a majority has noted: the other part knows of it.
        const parts = [
          { has: (name: string) => side.includes(name), settled, known: [...knownHere, ...other] },
          {
            has: (name: string) => !side.includes(name),
            settled: other,
            known: [...knownThere, ...settled],
          },
        ];
        const decides = parts.map(({ has, settled: mine, known }, index) => {
          const self = everybody.find(has);
          if (self === undefined) return false;
          const electorate = new Electorate(peer(self));
          electorate.adopt([...members, ...mine].map(peer), known.map(peer));
          const living = new Set(everybody.filter(has).map(peer));
          const agreed = electorate.counted(living);
          // The server is with one part, and grants it a claim.
          const server = (index === 0) === hasServer ? { adminPeerId: undefined } : undefined;
          return isMajority({ agreed, living, server });
        });
        assert.ok(!decides.every(Boolean), `${side.join(" ")} and the others`);
      },
    ),
    { numRuns: 2_000 },
  );
});
