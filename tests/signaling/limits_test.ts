import assert from "node:assert/strict";
import { limitsWith, SIGNALING_LIMITS } from "../../signaling/limits.ts";

Deno.test("limits: wrong ones are refused in sentences", () => {
  assert.deepEqual(limitsWith({}), SIGNALING_LIMITS);
  assert.throws(() => limitsWith({ registerMs: 0 }), /Expected a positive registerMs, got 0/);
  assert.throws(() => limitsWith({ frames: { capacity: 1, perSecond: NaN } }), /frames/);
  assert.throws(() => limitsWith({ silenceMs: 20_000 }), /above pingIntervalMs/);
  assert.throws(() => limitsWith({ roomTtlSeconds: 600 }), /keepMs below the 600 s/);
});
