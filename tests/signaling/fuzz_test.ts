import assert from "node:assert/strict";
import { fuzz } from "../../scripts/proof/fuzz.ts";

/** The long form is `deno task prove-signaling`. */
Deno.test("fuzz: hostile frames and requests are answered quickly, and nothing escapes", async () => {
  const { violations, answers } = await fuzz({ seed: 7, frames: 6_000, requests: 1_000 });
  assert.deepEqual(violations, []);
  assert(answers > 5_000, `most is answered, got ${answers}`);
});
