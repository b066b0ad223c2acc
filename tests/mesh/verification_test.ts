/** Who was asked, who answered, and who stayed silent for too long. */

import assert from "node:assert/strict";
import { Verification } from "../../lib/mesh/verification.ts";
import { peer, peers } from "./peers.ts";

const VERIFY_MS = 2_000;
const [w1, w2, w3] = [peer("w1"), peer("w2"), peer("w3")];

Deno.test("who was asked and does not answer in time counts as not asked", () => {
  const verification = new Verification(VERIFY_MS);
  verification.ask(w1, 100);
  verification.ask(w2, 200);
  verification.answered(w1);
  assert.deepEqual(verification.dueAts, [2_200]);
  assert.deepEqual(verification.takeSilent(2_199), []);
  assert.deepEqual(verification.takeSilent(2_200), [w2]);
  assert.deepEqual([w1, w2].map((peerId) => verification.has(peerId)), [true, false]);
  assert.equal(verification.hasAnswered(w1), true);
  assert.deepEqual(verification.dueAts, []);
});

Deno.test("who speaks unasked has answered", () => {
  const verification = new Verification(VERIFY_MS);
  verification.answered(w3);
  assert.equal(verification.hasAnswered(w3), true);
  assert.deepEqual(verification.takeSilent(1e9), []);
});

Deno.test("an answer counts as long as its candidate lives and the search lasts", () => {
  const verification = new Verification(VERIFY_MS);
  for (const peerId of [w1, w2, w3]) verification.answered(peerId);
  verification.keep(peers("w1 w2"));
  verification.dismiss(w2);
  assert.deepEqual([w1, w2, w3].map((id) => verification.hasAnswered(id)), [true, false, false]);
  verification.clear();
  assert.equal(verification.hasAnswered(w1), false);
});
