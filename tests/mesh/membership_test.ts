/** How signs of life, doubts and time make a worker alive, suspect, dead or left. */

import assert from "node:assert/strict";
import type { Liveness } from "../../lib/mesh/member.ts";
import { Membership } from "../../lib/mesh/membership.ts";
import { MESH_TIMING } from "../../lib/mesh/timing.ts";
import { metadataOf, peer } from "./peers.ts";

const W2 = peer("w2");

/** A membership that has been told of w2 in life 5 at time 0. */
class Told {
  readonly membership = new Membership({ ...MESH_TIMING, quietMs: 3_000 });
  alone = false;

  constructor() {
    this.announce(5, 0);
  }

  announce(incarnation: number, now: number): boolean {
    const metadata = metadataOf(8_000);
    return this.membership.announce({ peer_id: W2, incarnation, metadata }, now);
  }

  at(now: number): Liveness {
    this.membership.advance(now, this.alone);
    const member = this.membership.get(W2);
    assert.ok(member);
    return this.membership.livenessOf(member, now);
  }
}

Deno.test("silence makes suspect after 3 s and dead after 4 s", () => {
  const told = new Told();
  assert.equal(told.at(0), "unknown");
  told.membership.heard(W2, 1_000);
  const table: [number, Liveness][] = [
    [1_000, "alive"],
    [3_999, "alive"],
    [4_000, "suspect"],
    [4_999, "suspect"],
    [5_000, "dead"],
  ];
  for (const [now, liveness] of table) assert.equal(told.at(now), liveness, `${now} ms`);
});

Deno.test("any word clears suspicion and death, but word from before the doubt does not", () => {
  const told = new Told();
  told.membership.heard(W2, 0);
  assert.equal(told.at(3_000), "suspect");
  const sign = { peer_id: W2, incarnation: 5, direct: true };
  told.membership.told([{ ...sign, age_ms: 1_000 }], 3_500);
  assert.equal(told.at(3_500), "suspect");
  told.membership.told([{ ...sign, age_ms: 0 }], 3_500);
  assert.equal(told.at(3_500), "alive");
  assert.equal(told.at(6_400), "suspect");
  assert.equal(told.at(7_400), "dead");
  told.membership.vouched(W2, 4, 7_500);
  assert.equal(told.at(7_500), "dead", "another life is vouched for");
  told.membership.heard(W2, 7_600);
  assert.equal(told.at(7_600), "alive");
});

Deno.test("a doubt is a verdict after 1 s, but to one without any link only after the full silence", () => {
  for (const [alone, deadAt] of [[false, 2_500], [true, 5_000]] as const) {
    const told = new Told();
    told.alone = alone;
    told.membership.heard(W2, 1_000);
    assert.ok(told.membership.doubt(W2, 1_500));
    assert.ok(!told.membership.doubt(W2, 1_600), "one check at a time");
    assert.equal(told.membership.nextAt(alone), deadAt);
    assert.equal(told.at(1_500), "suspect");
    assert.equal(told.at(deadAt - 1), "suspect");
    assert.equal(told.at(deadAt), "dead");
  }
});

Deno.test("who left comes back only in a higher life", () => {
  const told = new Told();
  told.membership.heard(W2, 0);
  told.membership.leave(W2, 4, 100);
  assert.equal(told.at(100), "alive", "an old goodbye");
  told.membership.leave(W2, 5, 100);
  assert.equal(told.at(100), "left");
  told.membership.heard(W2, 200);
  assert.equal(told.announce(5, 200), false);
  assert.equal(told.at(200), "left");
  assert.equal(told.announce(6, 300), true);
  assert.equal(told.at(300), "unknown");
});

Deno.test("a worker whose clock went back is believed on its own link once its later life is dead", () => {
  const told = new Told();
  const earlier = { peer_id: W2, incarnation: 3, metadata: metadataOf(8_000) };
  told.membership.heard(W2, 0);
  assert.equal(told.membership.returned(earlier, 1_000), false);
  assert.equal(told.at(3_000), "suspect");
  assert.equal(told.membership.returned(earlier, 3_000), false);
  assert.equal(told.at(4_000), "dead");
  assert.equal(told.membership.returned(earlier, 4_000), true);
  assert.equal(told.membership.get(W2)?.incarnation, 3);
});

Deno.test("an announcement of an earlier life is no news", () => {
  const told = new Told();
  told.membership.heard(W2, 0);
  assert.equal(told.announce(4, 10), false);
  assert.equal(told.membership.get(W2)?.incarnation, 5);
});

Deno.test("a process that was held up excuses everybody for as long", () => {
  const told = new Told();
  told.membership.heard(W2, 0);
  told.membership.excuse(10_000, 10_000);
  assert.equal(told.at(12_000), "alive");
  assert.equal(told.at(13_000), "suspect");
  assert.equal(told.at(14_000), "dead");
});

Deno.test("a check in which the process was held up begins anew: the answer may lie unread", () => {
  const told = new Told();
  told.membership.heard(W2, 0);
  assert.equal(told.at(3_000), "suspect");
  // Its wake was due at the verdict, and came 3 s late.
  told.membership.excuse(3_000, 7_000);
  assert.equal(told.at(7_999), "suspect");
  assert.equal(told.at(8_000), "dead");
});

Deno.test("only fresh signs of the living are passed on", () => {
  const told = new Told();
  assert.deepEqual(told.membership.signs(0), []);
  told.membership.heard(W2, 0);
  assert.deepEqual(told.membership.signs(500), [
    { peer_id: W2, incarnation: 5, age_ms: 500, direct: true },
  ]);
  assert.deepEqual(told.membership.signs(4_001), []);
});

Deno.test("who is not heard of for a minute may be forgotten", () => {
  const told = new Told();
  const forgettable = (now: number) => told.membership.forgettable(now).map(({ peerId }) => peerId);
  assert.deepEqual(forgettable(59_999), []);
  assert.deepEqual(forgettable(60_000), [W2], "announced, never met");
  told.membership.heard(W2, 60_000);
  assert.deepEqual(forgettable(60_000), []);
  assert.equal(told.at(63_000), "suspect");
  assert.equal(told.at(64_000), "dead");
  assert.deepEqual(forgettable(123_999), []);
  assert.deepEqual(forgettable(124_000), [W2]);
});
