/** Durations that a mesh cannot live by are refused in words. */

import assert from "node:assert/strict";
import { MESH_TIMING, validateTiming } from "../../lib/mesh/timing.ts";

Deno.test("the durations of production hold together", () => {
  assert.equal(validateTiming(MESH_TIMING), MESH_TIMING);
});

Deno.test("durations that cannot work are refused", () => {
  const table = [
    [{ heartbeatMs: 0 }, /heartbeatMs above 0/],
    [{ quietMs: 1_999 }, /quietMs of at least two heartbeats/],
    [{ mournMs: 5_499 }, /mournMs of at least 5500/],
    [{ dialMs: [] }, /at least one dialMs/],
    [{ dialsInFlightMax: 0 }, /dialsInFlightMax of at least 1/],
  ] as const;
  for (const [change, reason] of table) {
    assert.throws(() => validateTiming({ ...MESH_TIMING, ...change }), reason);
  }
});
