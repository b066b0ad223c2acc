/** The simulator: sound nodes pass it, and a seed always tells the same story. */

import assert from "node:assert/strict";
import { automergeReady } from "./automerge.ts";
import { simulate } from "./simulation.ts";

await automergeReady();

Deno.test("twenty seeds do nothing wrong and come to rest", () => {
  for (let seed = 1; seed <= 20; seed++) {
    const { violation } = simulate({ seed });
    assert.equal(violation, undefined, `deno task simulate --seed ${seed} --trace: ${violation}`);
  }
});

Deno.test("the same seed gives the same trace, another seed another", () => {
  const digests = [7, 7, 8].map((seed) => simulate({ seed }).digest);
  assert.equal(digests[0], digests[1]);
  assert.notEqual(digests[0], digests[2]);
});
