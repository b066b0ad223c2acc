/** By which way the words of a dial go, and what becomes of those that come. */

import assert from "node:assert/strict";
import { SeededRandom } from "../../lib/base/random.ts";
import { Administration } from "../../lib/mesh/administration.ts";
import { Courier } from "../../lib/mesh/courier.ts";
import type { Effect } from "../../lib/mesh/effect.ts";
import { Introduction, type Route } from "../../lib/mesh/introduction.ts";
import { LinkTable } from "../../lib/mesh/link_table.ts";
import { Membership } from "../../lib/mesh/membership.ts";
import { Outbox } from "../../lib/mesh/outbox.ts";
import { ServerView } from "../../lib/mesh/server_view.ts";
import { MESH_TIMING } from "../../lib/mesh/timing.ts";
import type { LinkSignal } from "../../lib/protocol/link_signal.ts";
import { link, metadataOf, peer } from "./peers.ts";

const OFFER: LinkSignal = { kind: "offer", sdp: "v=0" };
const BY_SERVER: Route = { by: "server" };

/** The courier of w1, which follows w9 and has links to w8 and w9. */
class Post {
  readonly links = new LinkTable();
  readonly server = new ServerView({ freshMs: 3_000, askMs: 1_000 });
  readonly outbox = new Outbox();
  readonly membership = new Membership(MESH_TIMING);
  readonly introduction = new Introduction(peer("w1"), MESH_TIMING, new SeededRandom(1));
  readonly courier: Courier;

  constructor() {
    const administration = new Administration(peer("w1"), MESH_TIMING);
    administration.answered(peer("w9"));
    administration.reconcile({
      living: [{ peerId: peer("w9"), gpuMemoryMb: 2 }, { peerId: peer("w1"), gpuMemoryMb: 1 }],
      linked: new Set(),
      mourned: new Set(),
      server: undefined,
    }, 0);
    for (const name of ["w8", "w9"]) {
      this.links.open({ linkId: link(`to${name}`), peerId: peer(name), openedAt: 0 });
    }
    this.courier = new Courier({ ...this, self: peer("w1"), administration, answerMs: 6_000 });
  }

  ways(to: string): string {
    return this.courier.routesTo(peer(to))
      .map((route) => route.by === "server" ? "server" : route.peerId).join(" ");
  }

  said(): Effect[] {
    return this.outbox.take();
  }
}

Deno.test("the admin's link comes first, then the server, then the others that have a link", () => {
  const post = new Post();
  assert.equal(post.ways("w2"), "w9 w8");
  post.server.registered(null, 0, [peer("w2")]);
  assert.equal(post.ways("w2"), "w9 server w8");
  post.links.reported(peer("w9"), [peer("w3")]);
  assert.equal(post.ways("w2"), "server w8", "the admin has no link to it");
  post.links.introduced(peer("w9"), peer("w2"));
  assert.equal(post.ways("w2"), "w9 server w8");
  assert.equal(post.ways("w9"), "w8", "nobody introduces itself");
  post.server.lost();
  assert.equal(post.ways("w2"), "w9 w8");
});

Deno.test("an offer makes a link, a second one replaces it, a repeated one does nothing", () => {
  const post = new Post();
  const deliver = (id: string) => ({ type: "deliver", linkId: link(id), signal: OFFER });
  const answer = (id: string) => ({
    type: "answer",
    linkId: link(id),
    peerId: peer("w0"),
    limitMs: 6_000,
  });
  post.courier.receive(peer("w0"), link("l1"), OFFER, BY_SERVER);
  assert.deepEqual(post.said(), [answer("l1"), deliver("l1")]);
  post.courier.receive(peer("w0"), link("l1"), OFFER, BY_SERVER);
  assert.deepEqual(post.said(), []);
  post.courier.receive(peer("w0"), link("l2"), OFFER, BY_SERVER);
  assert.deepEqual(post.said(), [
    { type: "drop", linkId: "l1", reason: "The other side began a new attempt" },
    answer("l2"),
    deliver("l2"),
  ]);
});

Deno.test("a member that invents names gets 32 answers, and leaves room for workers that are known", () => {
  const post = new Post();
  const answers = () => post.said().filter((effect) => effect.type === "answer").length;
  const byPeer: Route = { by: "peer", peerId: peer("w8") };
  for (let index = 0; index < 100; index++) {
    post.courier.receive(peer(`nobody${index}`), link(`n${index}`), OFFER, byPeer);
  }
  assert.equal(answers(), 32);
  post.courier.receive(peer("nobody0"), link("again"), OFFER, byPeer);
  assert.equal(answers(), 1, "a new attempt of one takes the place of its old one");
  for (let index = 0; index < 100; index++) {
    const known = peer(`a${index}`);
    post.membership.announce({ peer_id: known, incarnation: 1, metadata: metadataOf(1) }, 0);
    post.courier.receive(known, link(`w${index}`), OFFER, BY_SERVER);
  }
  assert.equal(answers(), 32, "64 in all");
  post.introduction.closed(link("n1"), peer("nobody1"), 0);
  post.courier.receive(peer("nobody99"), link("late"), OFFER, byPeer);
  assert.equal(answers(), 1);
});

Deno.test("a word for somebody else's dial, or for none, does nothing", () => {
  const post = new Post();
  const signal: LinkSignal = { kind: "answer", sdp: "v=0" };
  post.courier.receive(peer("w0"), link("l1"), signal, BY_SERVER);
  post.courier.receive(peer("w0"), link("l2"), OFFER, BY_SERVER);
  post.said();
  post.courier.receive(peer("w7"), link("l2"), signal, BY_SERVER);
  post.courier.receive(peer("w7"), link("l2"), OFFER, BY_SERVER);
  assert.deepEqual(post.said(), []);
});

Deno.test("who relays stamps the sender, and says where it has no link", () => {
  const post = new Post();
  const from = post.links.to(peer("w8"));
  assert.ok(from);
  const offer = {
    type: "mesh_offer",
    from_peer_id: peer("w5"),
    link_id: link("l1"),
    offer: { type: "offer", sdp: "v=0" },
  } as const;
  post.courier.relay(from, { ...offer, to_peer_id: peer("w9") });
  post.courier.relay(from, { ...offer, to_peer_id: peer("w4") });
  assert.deepEqual(post.said(), [
    {
      type: "send",
      linkId: "tow9",
      message: { ...offer, from_peer_id: "w8", to_peer_id: "w9" },
    },
    {
      type: "send",
      linkId: "tow8",
      message: { type: "mesh_undeliverable", to_peer_id: "w4", link_id: "l1" },
    },
  ]);
});

Deno.test("only the way that a dial takes can say that it leads nowhere, and only while it is in flight", () => {
  const post = new Post();
  const byAdmin: Route = { by: "peer", peerId: peer("w9") };
  const [dial] = post.introduction.begin([peer("w2")], () => [byAdmin], 0);
  assert.ok(dial);
  for (const route of [BY_SERVER, { by: "peer", peerId: peer("w8") } as const]) {
    post.courier.undelivered(dial.linkId, route, "no such peer");
  }
  assert.deepEqual(post.said(), []);
  post.courier.undelivered(dial.linkId, byAdmin, "no such peer");
  assert.deepEqual(post.said(), [{ type: "drop", linkId: dial.linkId, reason: "no such peer" }]);
  post.introduction.opened(dial.linkId, dial.peerId);
  post.courier.undelivered(dial.linkId, byAdmin, "no such peer");
  assert.deepEqual(post.said(), []);
});

Deno.test("a dial without any way left is dropped", () => {
  const post = new Post();
  const [dial] = post.introduction.begin([peer("w2")], () => post.courier.routesTo(peer("w2")), 0);
  assert.ok(dial);
  post.courier.send(dial.linkId, OFFER);
  assert.deepEqual(post.said().map((effect) => effect.type), ["send"]);
  post.links.close(peer("w9"), link("tow9"));
  post.courier.send(dial.linkId, OFFER);
  assert.deepEqual(post.said(), [
    { type: "drop", linkId: dial.linkId, reason: "No way is left to reach w2" },
  ]);
});
