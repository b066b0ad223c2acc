/** Pauses of 4 s kill nobody, longer ones do, and an admin that is frozen for good is still replaced in time. */

import assert from "node:assert/strict";
import { MeshNode } from "../../lib/mesh/node.ts";
import { MESH_TIMING } from "../../lib/mesh/timing.ts";
import { automergeReady } from "./automerge.ts";
import { starve } from "./starvation.ts";

await automergeReady();

const ROOM = { workers: 6, durationMs: 120_000, pauseMs: 4_000, everyMs: 15_000 };

Deno.test("workers that stand still for 4 s are never declared dead, and the admin stays", () => {
  for (const seed of [1, 3]) {
    const { pauses, falseDeaths, reelections, replacedMs } = starve({ ...ROOM, seed });
    assert.ok(pauses > 20, `${pauses} pauses`);
    assert.equal(falseDeaths, 0);
    assert.equal(reelections, 0);
    assert.ok(replacedMs <= 6_000, `A frozen admin is replaced after ${replacedMs} ms`);
  }
});

Deno.test("the count counts: with shorter patience or longer pauses there are false deaths", () => {
  const timing = { ...MESH_TIMING, quietMs: 3_000 };
  const createNode = (options: ConstructorParameters<typeof MeshNode>[0]) =>
    new MeshNode({ ...options, timing });
  assert.notEqual(starve({ ...ROOM, seed: 1, createNode }).falseDeaths, 0);
  assert.notEqual(starve({ ...ROOM, seed: 1, pauseMs: 7_000 }).falseDeaths, 0);
});
