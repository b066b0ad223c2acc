/** What only the whole node can do. */

import assert from "node:assert/strict";
import { SeededRandom } from "../../lib/base/random.ts";
import type { Effect } from "../../lib/mesh/effect.ts";
import type { Input } from "../../lib/mesh/input.ts";
import { MeshNode } from "../../lib/mesh/node.ts";
import type { MeshView } from "../../lib/mesh/view.ts";
import type { MeshMessage } from "../../lib/protocol/mesh_message.ts";
import { automergeReady } from "../sim/automerge.ts";
import { createStandInSigner } from "../sim/stand_in_signer.ts";
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

  /** Gives what it asks for. */
  does(input: Input): Effect[] {
    return this.#node.step(input, this.#now);
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
    return this.does({
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

  /** Gives the errors that it writes down. */
  take(input: Input): string[] {
    return this.does(input).flatMap((effect) =>
      effect.type === "log" && effect.level === "error" ? [effect.message] : []
    );
  }

  /** Lets time pass, second by second. */
  pass(seconds: number): Effect[] {
    const effects: Effect[] = [];
    for (let second = 0; second < seconds; second++) {
      this.#now += 1_000;
      effects.push(...this.does({ type: "woke", dueAt: this.#now }));
    }
    return effects;
  }

  meets(name: string): void {
    const opened = { linkId: link(name), peerId: peer(name), incarnation: 1 } as const;
    this.take({ type: "link_opened", role: "worker", metadata: metadataOf(80_000), ...opened });
  }

  loses(name: string): void {
    const closed = { linkId: link(name), peerId: peer(name), reason: "a test" } as const;
    this.take({ type: "link_closed", ...closed });
  }

  hears(name: string, says: Partial<Heartbeat>): string[] {
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
      ...says,
    };
    return this.take({ type: "peer_said", linkId: link(name), peerId: peer(name), message });
  }

  [Symbol.dispose](): void {
    this.#node.dispose();
  }
}

Deno.test("a node that hears of a later life of its own says so loudly, once for each", () => {
  using subject = new Subject();
  subject.meets("w2");
  const life = (incarnation: number): string[] =>
    subject.hears("w2", {
      heard: [{ peer_id: peer("w1"), incarnation, age_ms: 0, direct: true }],
    });
  assert.deepEqual(life(5), []);
  assert.match(life(9).join(), /^Expected 5 to be this worker's latest life, got 9/);
  assert.deepEqual(life(9), []);
  assert.equal(life(12).length, 1);
  assert.equal(subject.view.laterLife, 12);
});

Deno.test("a cut-off node is let in again by a word that was said in the knowledge of it", () => {
  using subject = new Subject();
  const w2Leads = { admin_peer_id: peer("w2"), epoch: 1, agreed_epoch: 1 };
  const others = ["w2", "w3", "w4", "w5"];
  for (const name of others) subject.meets(name);
  for (const name of others) subject.hears(name, w2Leads);
  assert.equal(subject.view.admin, "w2");
  for (const name of others) subject.loses(name);
  subject.pass(5);
  assert.ok(subject.view.partitioned, "one of five");
  subject.meets("w2");
  const agreed = [peer("w1"), peer("w2")];
  subject.hears("w2", { ...w2Leads, agreed });
  assert.ok(subject.view.partitioned, "said before w2 could know");
  subject.hears("w2", { ...w2Leads, agreed, cut_off: [peer("w1")] });
  assert.ok(!subject.view.partitioned, "the room went on as one of two");
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
  const busy = subject.does({ type: "status_changed", status: "busy", currentJob: null });
  assert.deepEqual(meshWork(busy), ["update_metadata"]);
});

Deno.test("in a room without a registry another worker's link is ended, and clients' are answered", () => {
  using subject = new Subject();
  subject.enters(false, ["w2"]);
  const opened = { linkId: link("w2"), peerId: peer("w2"), incarnation: 1 } as const;
  const effects = subject.does({
    type: "link_opened",
    role: "worker",
    metadata: metadataOf(80_000),
    ...opened,
  });
  assert.ok(effects.some((effect) => effect.type === "drop" && effect.linkId === "w2"));
  subject.loses("w2");
  assert.deepEqual(meshWork(subject.pass(60)), []);

  const offer = { type: "offer", sdp: "v=0" } as const;
  const dialled = subject.does({
    type: "server_said",
    message: { type: "mesh_offer", from_peer_id: peer("ann"), link_id: link("ann"), offer },
  });
  assert.deepEqual(meshWork(dialled), ["answer", "deliver"]);
  const watched = subject.does({
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
  for (const name of ["w2", "w3"]) subject.hears(name, w2Leads);
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
  for (const name of ["w2", "w3"]) subject.hears(name, { ...w2Leads, epoch: 2, agreed_epoch: 2 });
  assert.equal(subject.view.admin, "w2");
});
