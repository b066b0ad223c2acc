/** What only the whole node can do. */

import assert from "node:assert/strict";
import { SeededRandom } from "../../lib/base/random.ts";
import type { StateBroadcast } from "../../lib/mesh/change_batch.ts";
import type { Effect } from "../../lib/mesh/effect.ts";
import type { Input } from "../../lib/mesh/input.ts";
import { MeshNode } from "../../lib/mesh/node.ts";
import { RoomState } from "../../lib/mesh/room_state.ts";
import type { MeshView } from "../../lib/mesh/view.ts";
import type { MeshMessage, SignedChange } from "../../lib/protocol/mesh_message.ts";
import { requestIdSchema } from "../../lib/protocol/name.ts";
import { automergeReady } from "../sim/automerge.ts";
import { createStandInSigner } from "../sim/stand_in_signer.ts";
import { WireCheck } from "../sim/wire_check.ts";
import { link, metadataOf, peer, room } from "./peers.ts";

await automergeReady();

type Heartbeat = Extract<MeshMessage, { type: "heartbeat" }>;

/** w1, a node on its own. */
class Subject {
  readonly #node = new MeshNode({
    roomId: room(),
    peerId: peer("w1"),
    incarnation: 5,
    metadata: metadataOf(8_000),
    signer: createStandInSigner(peer("w1")),
    random: new SeededRandom(1),
  });
  #now = 0;

  constructor() {
    this.#node.step({ type: "started" }, 0);
  }

  get view(): MeshView {
    return this.#node.view(this.#now);
  }

  /** The server lets it into a room that keeps a registry or not, where the workers called `names` are. */
  enters(registry: boolean, names: readonly string[]): Effect[] {
    const peers = names.map((name) => ({
      peer_id: peer(name),
      role: "worker" as const,
      incarnation: 1,
      metadata: metadataOf(80_000),
      is_admin: false,
    }));
    return this.take({
      type: "server_said",
      message: {
        type: "registered_auth",
        room_id: room(),
        peer_id: peer("w1"),
        admin_peer_id: null,
        epoch: 0,
        peers,
        peer_list: peers.map(({ peer_id }) => peer_id),
        peer_metadata: {},
        expires_at: null,
        ping_interval_ms: 20_000,
        registry,
      },
    });
  }

  take(input: Input): Effect[] {
    return this.#node.step(input, this.#now);
  }

  /** What it gives w2, which has `held` changes of each actor. */
  answer(held: Readonly<Record<string, number>> = {}): StateBroadcast {
    const [effect] = this.hears("w2", { type: "state_request", heads: [], held: { ...held } });
    assert.ok(effect?.type === "send" && effect.message.type === "state_broadcast");
    return effect.message;
  }

  /** The changes behind its room state, as it gives them to w2. */
  get changes(): SignedChange[] {
    return this.answer().changes;
  }

  /** Lets time pass, second by second. */
  pass(seconds: number): Effect[] {
    const effects: Effect[] = [];
    for (let second = 0; second < seconds; second++) {
      this.#now += 1_000;
      effects.push(...this.take({ type: "woke", dueAt: this.#now }));
    }
    return effects;
  }

  meets(name: string): Effect[] {
    const opened = { linkId: link(name), peerId: peer(name), incarnation: 1 } as const;
    const metadata = metadataOf(80_000);
    return this.take({ type: "link_opened", role: "worker", metadata, ...opened });
  }

  loses(name: string, linkName = name): void {
    const closed = { linkId: link(linkName), peerId: peer(name), reason: "a test" } as const;
    this.take({ type: "link_closed", ...closed });
  }

  hears(name: string, message: MeshMessage): Effect[] {
    return this.take({ type: "peer_said", linkId: link(name), peerId: peer(name), message });
  }

  beats(name: string, says: Partial<Heartbeat>): Effect[] {
    const message: Heartbeat = {
      type: "heartbeat",
      sequence: 1,
      heads: [],
      heard: [{ peer_id: peer("w1"), incarnation: 5, age_ms: 0, direct: true }],
      suspects: [],
      admin_peer_id: null,
      epoch: 0,
      agreed_epoch: 0,
      partitioned: false,
      cut_off: [],
      agreed: [],
      joining: [],
      ...says,
    };
    return this.hears(name, message);
  }

  [Symbol.dispose](): void {
    this.#node.dispose();
  }
}

/** Replicas of w1 in other lives, and what they write of it. */
function writtenByLife(incarnation: number, known: readonly SignedChange[]): SignedChange[] {
  const peerId = peer("w1");
  const signer = createStandInSigner(peerId);
  const other = RoomState.create({ roomId: room(), peerId, incarnation, signer });
  try {
    other.merge(known);
    const entry = { peer_id: peerId, incarnation, status: "busy", current_job: null } as const;
    const change = other.update({ ...entry, metadata: metadataOf(8_000) });
    assert.ok(change);
    return [...known, change];
  } finally {
    other.dispose();
  }
}

Deno.test("a node whose entry a later life has replaced falls silent and stands down, once", () => {
  using subject = new Subject();
  subject.meets("w2");
  const changes = writtenByLife(9, subject.changes);
  const effects = subject.hears("w2", { type: "state_broadcast", changes });
  assert.deepEqual(effects.map(({ type }) => type), ["drop", "stand_down"]);
  const [, last] = effects;
  assert.match(
    last?.type === "stand_down" ? last.message : "",
    /^Expected life 5 to be the only process that is w1, got another: life 9 .*; stop one of them/,
  );
  assert.ok(subject.view.superseded);
  assert.deepEqual(subject.take({ type: "stopping" }), []);
  assert.deepEqual(subject.meets("w3").map(({ type }) => type), ["drop"]);
});

Deno.test("neither hearsay, an earlier life nor one that is over makes a node stand down", () => {
  using subject = new Subject();
  subject.meets("w2");
  const says = (incarnation: number, known: readonly SignedChange[]) =>
    subject.hears("w2", { type: "state_broadcast", changes: writtenByLife(incarnation, known) });
  subject.beats("w2", {
    heard: [{ peer_id: peer("w1"), incarnation: 9, age_ms: 0, direct: true }],
  });
  const [first] = subject.changes;
  assert.ok(first);
  // It had not read the entry of this life: it wrote before that, and may be over.
  says(9, []);
  says(4, [first]);
  assert.ok(!subject.view.superseded);
  assert.equal(subject.view.entries.get(peer("w1"))?.incarnation, 5);
});

Deno.test("a node that the server replaced by another process stands down", () => {
  using subject = new Subject();
  subject.meets("w2");
  const effects = subject.take({ type: "replaced" });
  assert.deepEqual(effects.map(({ type }) => type), ["drop", "stand_down"]);
  assert.deepEqual(subject.take({ type: "replaced" }), []);
});

Deno.test("a cut-off node is let in again by a word that was said in the knowledge of it", () => {
  using subject = new Subject();
  const w2Leads = { admin_peer_id: peer("w2"), epoch: 1, agreed_epoch: 1 };
  const others = ["w2", "w3", "w4", "w5"];
  for (const name of others) subject.meets(name);
  for (const name of others) subject.beats(name, w2Leads);
  assert.equal(subject.view.admin, "w2");
  for (const name of others) subject.loses(name);
  subject.pass(6);
  assert.ok(subject.view.partitioned, "one of five");
  subject.meets("w2");
  const agreed = [peer("w1"), peer("w2")];
  subject.beats("w2", { ...w2Leads, agreed });
  assert.ok(subject.view.partitioned, "said before w2 could know");
  subject.beats("w2", { ...w2Leads, agreed, cut_off: [peer("w1")] });
  assert.ok(!subject.view.partitioned, "the room went on as one of two");
});

Deno.test("a later life that a third speaks of is met when the link to the one we hear is over", () => {
  using subject = new Subject();
  subject.meets("w2");
  subject.meets("w3");
  const peer_id = peer("w3");
  const later = { peer_id, incarnation: 9, metadata: metadataOf(80_000) };
  const effects = subject.hears("w2", { type: "mesh_peer_joined", peer: later });
  const sent = effects.flatMap((effect) => effect.type === "send" ? [effect.message.type] : []);
  assert.ok(sent.includes("probe"), "it is asked");
  assert.ok(!effects.some(({ type }) => type === "drop"));
  assert.equal(subject.view.liveness.get(peer_id), "suspect");
  subject.hears("w3", { type: "probe_ack", request_id: requestIdSchema.parse("probe-1") });
  assert.equal(subject.view.liveness.get(peer_id), "alive");
  subject.loses("w3");
  assert.equal(subject.view.liveness.get(peer_id), "unknown", "the later life, not yet met");
});

Deno.test("of too many that were told of, one that nobody heard makes room for one that links", () => {
  using subject = new Subject();
  subject.meets("w2");
  const peers = Array.from({ length: 40 }, (_, index) => ({
    peer_id: peer(`x${index}`),
    incarnation: 1,
    metadata: metadataOf(1),
  }));
  subject.hears("w2", { type: "mesh_peer_list", peer_ids: [], peer_metadata: {}, peers });
  assert.equal(subject.view.liveness.size, 40);
  const [first] = subject.view.liveness.keys();
  subject.meets("w3");
  const { liveness, retries } = subject.view;
  assert.deepEqual([liveness.size, liveness.get(peer("w3"))], [40, "alive"]);
  assert.equal(first, "w2");
  assert.ok(!liveness.has(peer("x0")) && !retries.has(peer("x0")));
});

Deno.test("who was announced by a server that is gone since, and met by nobody, counts as absent", () => {
  const subject = new Subject();
  subject.enters(true, []);
  assert.equal(subject.view.leads, true);
  const newcomer = { peer_id: peer("w3"), role: "worker", incarnation: 1 } as const;
  const announced = { ...newcomer, metadata: metadataOf(80_000), is_admin: false };
  subject.take({ type: "server_said", message: { type: "peer_joined", peer: announced } });
  subject.take({ type: "server_lost" });
  subject.pass(5);
  assert.equal(subject.view.leads, true, "it may still come");
  subject.pass(1);
  assert.deepEqual([subject.view.leads, subject.view.partitioned], [false, true]);
});

Deno.test("a client whose link is over is not dialled again", () => {
  using subject = new Subject();
  const opened = { linkId: link("l1"), peerId: peer("x1"), incarnation: 1 } as const;
  subject.take({ type: "link_opened", role: "client", metadata: metadataOf(0), ...opened });
  subject.loses("x1", "l1");
  assert.equal(subject.view.retries.size, 0);
});

Deno.test("the server's epoch is taken over from either refusal of a claim", () => {
  for (const code of ["STALE_EPOCH", "EPOCH_TOO_FAR"] as const) {
    using subject = new Subject();
    const message = { type: "error", code, message: "no", epoch: 7, admin_peer_id: null } as const;
    subject.take({ type: "server_said", message });
    assert.equal(subject.view.epoch, 7, code);
  }
});

/** What a node does about other workers and about who leads them. */
function meshWork(effects: readonly Effect[]): string[] {
  return effects.flatMap((effect) =>
    effect.type === "tell_server"
      ? [effect.message.type]
      : effect.type === "log"
      ? [String(effect.fields["event"])]
      : effect.type === "wake"
      ? []
      : [effect.type]
  );
}

Deno.test("in a room without a registry a node dials nobody, leads nobody and follows nobody", () => {
  using subject = new Subject();
  const effects = [...subject.enters(false, ["w2", "w3"]), ...subject.pass(60)];
  assert.deepEqual(meshWork(effects), []);
  const { admin, leads, partitioned, liveness, entries } = subject.view;
  assert.deepEqual([admin, leads, partitioned, liveness.size], [undefined, false, false, 0]);
  assert.deepEqual([...entries.keys()], ["w1"], "its own entry, which nobody is told of");
  // The server is its only voice: what it does is told there.
  const busy = subject.take({ type: "status_changed", status: "busy", currentJob: null });
  assert.deepEqual(meshWork(busy), ["update_metadata"]);
});

Deno.test("in a room without a registry another worker's link is ended, and clients' are answered", () => {
  using subject = new Subject();
  subject.enters(false, ["w2"]);
  const opened = { linkId: link("w2"), peerId: peer("w2"), incarnation: 1 } as const;
  const effects = subject.take({
    type: "link_opened",
    role: "worker",
    metadata: metadataOf(80_000),
    ...opened,
  });
  assert.ok(effects.some((effect) => effect.type === "drop" && effect.linkId === "w2"));
  subject.loses("w2");
  assert.deepEqual(meshWork(subject.pass(60)), []);

  const offer = { type: "offer", sdp: "v=0" } as const;
  const dialled = subject.take({
    type: "server_said",
    message: { type: "mesh_offer", from_peer_id: peer("ann"), link_id: link("ann"), offer },
  });
  assert.deepEqual(meshWork(dialled), ["answer", "deliver"]);
  const watched = subject.take({
    type: "watched",
    linkId: link("ann"),
    peerId: peer("ann"),
    heads: [],
  });
  assert.match(
    JSON.stringify(watched),
    /"type":"watch_refused","reason":"The room keeps no registry/,
  );
});

Deno.test("a registry that is turned off ends the mesh, and one that is turned on begins it anew", () => {
  using subject = new Subject();
  for (const effect of subject.enters(true, ["w2", "w3"])) {
    if (effect.type !== "dial") continue;
    const { linkId, peerId } = effect;
    subject.take({ type: "link_closed", linkId, peerId, reason: "they dialled first" });
  }
  for (const name of ["w2", "w3"]) subject.meets(name);
  const w2Leads = { admin_peer_id: peer("w2"), epoch: 1, agreed_epoch: 1 };
  for (const name of ["w2", "w3"]) subject.beats(name, w2Leads);
  assert.equal(subject.view.admin, "w2");

  subject.take({ type: "server_lost" });
  const ended = subject.enters(false, ["w2", "w3"]).filter(({ type }) => type === "drop");
  assert.equal(ended.length, 2);
  for (const name of ["w2", "w3"]) subject.loses(name);
  assert.deepEqual(meshWork(subject.pass(60)), []);
  assert.deepEqual([subject.view.admin, subject.view.partitioned], [undefined, false]);

  subject.take({ type: "server_lost" });
  const again = [...subject.enters(true, ["w2", "w3"]), ...subject.pass(1)];
  assert.deepEqual(meshWork(again).filter((kind) => kind === "dial"), ["dial", "dial"]);
  for (const name of ["w2", "w3"]) subject.meets(name);
  for (const name of ["w2", "w3"]) subject.beats(name, { ...w2Leads, epoch: 2, agreed_epoch: 2 });
  assert.equal(subject.view.admin, "w2");
});

Deno.test("long changes reach a late joiner in messages that its link takes", () => {
  const peerId = peer("w3");
  const author = { roomId: room(), peerId, incarnation: 1, signer: createStandInSigner(peerId) };
  const talkative = RoomState.create(author);
  const late = RoomState.create({ ...author, peerId: peer("w2") });
  using subject = new Subject();
  try {
    subject.meets("w2");
    for (let index = 0; index < 30; index++) {
      // More than a worker may say of itself: whoever programs his own is held back by less.
      const properties = { long: String(index).padEnd(28_000, "x") };
      const entry = { peer_id: peerId, incarnation: 1, status: "busy", current_job: null } as const;
      const change = talkative.update({ ...entry, metadata: { tags: [], properties } });
      assert.ok(change);
      subject.hears("w2", { type: "state_broadcast", changes: [change] });
    }
    const wire = new WireCheck();
    const counts: number[] = [];
    for (let isMore = true; isMore;) {
      const answer = subject.answer(late.held);
      assert.ok(answer.changes.length > 0);
      wire.mesh(answer);
      late.merge(answer.changes);
      counts.push(answer.changes.length);
      isMore = answer.more === true;
    }
    assert.deepEqual(late.heads, subject.view.heads);
    assert.ok(counts.length > 1, "one message cannot hold them");
  } finally {
    talkative.dispose();
    late.dispose();
  }
});

Deno.test("a worker is warned of a room that fills up, once at each worker more", () => {
  using subject = new Subject();
  const seven = Array.from({ length: 7 }, (_, index) => `a${index}`);
  assert.deepEqual(logged("room_nearly_full", subject.enters(true, seven.slice(1))), []);
  assert.deepEqual(logged("room_nearly_full", subject.enters(true, seven)), ["warning"]);
  assert.deepEqual(logged("room_nearly_full", subject.enters(true, seven)), []);
});

Deno.test("dials that are tried again are told of, and warned of when every limit was tried", () => {
  using subject = new Subject();
  let effects = subject.enters(true, ["w2"]);
  const told: string[][] = [];
  for (let attempt = 0; attempt < 5; attempt++) {
    const dial = effects.find((effect) => effect.type === "dial");
    assert.ok(dial);
    told.push(logged("dial_retry", effects));
    const { linkId, peerId } = dial;
    subject.take({ type: "link_closed", linkId, peerId, reason: "a test" });
    effects = subject.pass(15).filter(({ type }) => type === "dial" || type === "log");
  }
  assert.deepEqual(told, [[], ["debug"], ["debug"], ["warning"], ["debug"]]);
});

/** At which levels that event is written down. */
function logged(event: string, effects: readonly Effect[]): string[] {
  return effects.flatMap((effect) =>
    effect.type === "log" && effect.fields["event"] === event ? [effect.level] : []
  );
}
