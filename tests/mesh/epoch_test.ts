/** Which epochs are believed: of workers up to a bound, of the server always. */

import assert from "node:assert/strict";
import { Epoch, EPOCH_JUMP_MAX } from "../../lib/mesh/epoch.ts";

const HALF = EPOCH_JUMP_MAX / 2;

Deno.test("of workers, epochs are believed up to half of what the server grants, and the next one always", () => {
  const epoch = new Epoch();
  epoch.granted(40);
  epoch.heard(40);
  const table: [spokenOf: number, believed: number][] = [
    [40 + HALF + 1, 40],
    [39, 40],
    [40 + HALF, 40 + HALF],
    [40 + EPOCH_JUMP_MAX, 40 + HALF],
    [Number.MAX_SAFE_INTEGER, 40 + HALF],
    [41 + HALF, 41 + HALF],
  ];
  for (const [spokenOf, believed] of table) {
    assert.equal(epoch.heard(spokenOf), epoch.held === spokenOf && spokenOf === believed);
    assert.equal(epoch.held, believed, `${spokenOf}`);
  }
  assert.ok(epoch.next() <= 40 + EPOCH_JUMP_MAX, "an honest claim is still granted");
});

Deno.test("whatever the server has granted is credible", () => {
  const epoch = new Epoch();
  epoch.granted(9 * EPOCH_JUMP_MAX);
  assert.ok(epoch.heard(9 * EPOCH_JUMP_MAX + HALF));
});

Deno.test("a server that forgot is gone on above, but begun anew with where it would grant nothing", () => {
  for (
    const [held, anew] of [[EPOCH_JUMP_MAX, false], [EPOCH_JUMP_MAX + 1, true]] as const
  ) {
    const epoch = new Epoch();
    epoch.granted(held);
    epoch.heard(held);
    assert.equal(epoch.granted(0), anew);
    assert.equal(epoch.next(), anew ? 1 : held + 1);
  }
});
