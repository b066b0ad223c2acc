/** Who dials whom, how many at once, by which way, and when again. */

import assert from "node:assert/strict";
import { SeededRandom } from "../../lib/base/random.ts";
import { Introduction, type Route } from "../../lib/mesh/introduction.ts";
import { MESH_TIMING } from "../../lib/mesh/timing.ts";
import { link, peer } from "./peers.ts";

const SERVER: Route = { by: "server" };
const byServer = () => [SERVER];
const newcomer = () => new Introduction(peer("w1"), MESH_TIMING, new SeededRandom(1));

Deno.test("the smaller id offers", () => {
  const introduction = newcomer();
  assert.ok(introduction.offersTo(peer("w2")));
  assert.ok(!introduction.offersTo(peer("w0")));
  assert.ok(!introduction.offersTo(peer("w1")));
});

Deno.test("at most three dials are in flight, and one to each peer", () => {
  const introduction = newcomer();
  const wanted = ["w2", "w3", "w4", "w5"].map(peer);
  const dials = introduction.begin(wanted, byServer, 0);
  assert.deepEqual(dials.map((dial) => dial.peerId), ["w2", "w3", "w4"]);
  assert.deepEqual(introduction.begin(wanted, byServer, 0), []);
  const [first] = dials;
  assert.ok(first);
  introduction.opened(first.linkId, first.peerId);
  assert.deepEqual(introduction.begin(wanted.slice(1), byServer, 0).map((dial) => dial.peerId), [
    "w5",
  ]);
});

Deno.test("attempts have new ids and longer limits, and take one way after the other", () => {
  const introduction = newcomer();
  const ways: Route[] = [{ by: "peer", peerId: peer("w9") }, SERVER];
  const seen: { limitMs: number; way: string; linkId: string }[] = [];
  let now = 0;
  for (let attempt = 0; attempt < 4; attempt++) {
    const [dial] = introduction.begin([peer("w2")], () => ways, now);
    assert.ok(dial);
    const way = introduction.routeOf(dial.linkId)?.by ?? "none";
    seen.push({ limitMs: dial.limitMs, way, linkId: dial.linkId });
    introduction.closed(dial.linkId, dial.peerId, now);
    now = introduction.retries.get(peer("w2"))?.nextAt ?? NaN;
    assert.equal(introduction.nextAt(now), Infinity, "what is due is not planned again");
  }
  assert.deepEqual(seen.map(({ limitMs }) => limitMs), [1_500, 3_000, 6_000, 6_000]);
  assert.deepEqual(seen.map(({ way }) => way), ["peer", "server", "peer", "server"]);
  assert.equal(new Set(seen.map(({ linkId }) => linkId)).size, 4);
});

Deno.test("without a way nobody is dialled, and who is not wanted is not dialled again", () => {
  const introduction = newcomer();
  assert.deepEqual(introduction.begin([peer("w2")], () => [], 0), []);
  const [dial] = introduction.begin([peer("w2")], byServer, 0);
  assert.ok(dial);
  introduction.closed(dial.linkId, dial.peerId, 0);
  assert.equal(introduction.retries.size, 1);
  introduction.begin([], byServer, 0);
  assert.equal(introduction.retries.size, 0);
});

Deno.test("an offer that a worker passes on ends no attempt that came another way", () => {
  const introduction = newcomer();
  const [relay, other] = [peer("w3"), peer("w4")].map((
    peerId,
  ) => ({ by: "peer", peerId } as const));
  assert.ok(relay && other);
  assert.deepEqual(introduction.offered(peer("w0"), link("l1"), relay, false), []);
  assert.deepEqual(introduction.offered(peer("w0"), link("l2"), other, false), []);
  assert.deepEqual(introduction.offered(peer("w0"), link("l3"), relay, false), ["l1"]);
  assert.equal(introduction.peerOf(link("l2")), "w0");
  assert.deepEqual(introduction.offered(peer("w0"), link("l4"), SERVER, false), ["l2", "l3"]);
});

Deno.test("a new offer of a peer replaces its last, and the end of the last changes nothing", () => {
  const introduction = newcomer();
  assert.deepEqual(introduction.offered(peer("w0"), link("l1"), SERVER, false), []);
  assert.deepEqual(introduction.offered(peer("w0"), link("l2"), SERVER, false), ["l1"]);
  introduction.closed(link("l1"), peer("w0"), 0);
  assert.equal(introduction.peerOf(link("l2")), "w0");
  assert.equal(introduction.retries.size, 0, "it is not ours to dial");
});
