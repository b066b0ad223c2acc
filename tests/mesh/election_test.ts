/** Elections by table: GPU memory descending, then peer id; independent of the order of the candidates. */

import assert from "node:assert/strict";
import fc from "fast-check";
import { electAdmin } from "../../lib/mesh/election.ts";
import { peer } from "./peers.ts";

Deno.test("the best candidate wins", () => {
  const table: [candidates: Record<string, number>, winner: string | undefined][] = [
    [{}, undefined],
    [{ w1: 0 }, "w1"],
    [{ w1: 8_000, w2: 24_000 }, "w2"],
    [{ w2: 24_000, w1: 24_000 }, "w1"],
    [{ w10: 24_000, w2: 24_000 }, "w10"],
    [{ a: 1, B: 1 }, "B"],
  ];
  for (const [candidates, winner] of table) {
    const list = Object.entries(candidates).map(([name, gpuMemoryMb]) => ({
      peerId: peer(name),
      gpuMemoryMb,
    }));
    assert.equal(electAdmin(list), winner, JSON.stringify(candidates));
  }
});

Deno.test("the winner does not depend on the order of the candidates", () => {
  const candidates = fc.uniqueArray(
    fc.record({
      peerId: fc.stringMatching(/^[a-z][0-9]$/).map(peer),
      gpuMemoryMb: fc.constantFrom(0, 8_000, 24_000),
    }),
    { selector: (candidate) => candidate.peerId, minLength: 1 },
  );
  fc.assert(
    fc.property(candidates, (list) => {
      assert.equal(electAdmin(list.toReversed()), electAdmin(list));
    }),
  );
});
