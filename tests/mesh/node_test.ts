/** What only the whole node can do. */

import assert from "node:assert/strict";
import { SeededRandom } from "../../lib/base/random.ts";
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

  /** Gives the errors that it writes down. */
  take(input: Input): string[] {
    return this.#node.step(input, this.#now).flatMap((effect) =>
      effect.type === "log" && effect.level === "error" ? [effect.message] : []
    );
  }

  /** Lets time pass, second by second. */
  pass(seconds: number): void {
    for (let second = 0; second < seconds; second++) {
      this.#now += 1_000;
      this.take({ type: "woke", dueAt: this.#now });
    }
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
  subject.pass(6);
  assert.ok(subject.view.partitioned, "one of five");
  subject.meets("w2");
  const agreed = [peer("w1"), peer("w2")];
  subject.hears("w2", { ...w2Leads, agreed });
  assert.ok(subject.view.partitioned, "said before w2 could know");
  subject.hears("w2", { ...w2Leads, agreed, cut_off: [peer("w1")] });
  assert.ok(!subject.view.partitioned, "the room went on as one of two");
});
