/** What is said of a mesh that forms, falls apart and is whole again. */

import assert from "node:assert/strict";
import { Formation } from "../../lib/mesh/formation.ts";
import { LinkTable } from "../../lib/mesh/link_table.ts";
import { Membership } from "../../lib/mesh/membership.ts";
import { Outbox } from "../../lib/mesh/outbox.ts";
import { MESH_TIMING } from "../../lib/mesh/timing.ts";
import { link, metadataOf, peer } from "./peers.ts";

/** w1's mesh, which begins to form at 0. */
class Subject {
  readonly #links = new LinkTable();
  readonly #membership = new Membership(MESH_TIMING);
  readonly #outbox = new Outbox();
  readonly #formation: Formation;
  #now = 0;

  constructor() {
    const [links, membership, outbox] = [this.#links, this.#membership, this.#outbox];
    this.#formation = new Formation({ links, membership, outbox });
    this.#formation.begin(0);
  }

  announced(...names: string[]): void {
    for (const name of names) {
      const who = { peer_id: peer(name), incarnation: 1, metadata: metadataOf(0) };
      this.#membership.announce(who, this.#now);
    }
  }

  linked(...names: string[]): void {
    for (const name of names) {
      this.#links.open({ linkId: link(name), peerId: peer(name), openedAt: this.#now });
      this.#membership.heard(peer(name), this.#now);
    }
  }

  cut(...names: string[]): void {
    for (const name of names) this.#links.close(peer(name), link(name));
  }

  /** `forMs` without a sign of anybody's life. */
  silence(forMs: number): void {
    for (const end = this.#now + forMs; this.#now < end; this.#now += 500) {
      this.#membership.advance(this.#now, this.#links.isEmpty);
    }
  }

  /** What is said now: of a whole mesh workers and milliseconds, of another links and those wanted. */
  said(isKnown = true): unknown[] {
    this.#formation.report(isKnown, this.#now);
    return this.#outbox.take().map((effect) => {
      if (effect.type !== "log") return effect;
      const { event, ...facts } = effect.fields;
      return event === "mesh_complete"
        ? [event, facts["workers"], facts["took_ms"]]
        : [event, facts["links"], facts["links_wanted"]];
    });
  }
}

Deno.test("a mesh is whole when every worker that lives has a link, which is said once", () => {
  const subject = new Subject();
  subject.announced("w2", "w3");
  assert.deepEqual(subject.said(), []);
  subject.linked("w2");
  assert.deepEqual(subject.said(), [["mesh_forming", 1, 2]]);
  assert.deepEqual(subject.said(), []);
  subject.silence(1_000);
  subject.linked("w3");
  assert.deepEqual(subject.said(false), [], "nobody leads yet");
  assert.deepEqual(subject.said(), [["mesh_complete", 3, 1_000]]);
  assert.deepEqual(subject.said(), []);
});

Deno.test("a link that is lost and comes back makes the mesh whole again", () => {
  const subject = new Subject();
  subject.announced("w2");
  subject.linked("w2");
  assert.deepEqual(subject.said(), [["mesh_complete", 2, 0]]);
  subject.cut("w2");
  assert.deepEqual(subject.said(), []);
  subject.silence(500);
  subject.linked("w2");
  assert.deepEqual(subject.said(), [["mesh_complete", 2, 500]]);
});

Deno.test("who was cut off says so when the dead are back, with link and life in one moment", () => {
  const subject = new Subject();
  subject.announced("w2", "w3");
  subject.linked("w2", "w3");
  assert.deepEqual(subject.said(), [["mesh_complete", 3, 0]]);
  subject.silence(6_000);
  subject.cut("w2", "w3");
  assert.deepEqual(subject.said(false), [], "alone and cut off, nothing is whole");
  subject.linked("w2");
  assert.deepEqual(subject.said(), [["mesh_complete", 2, 0]]);
  subject.linked("w3");
  assert.deepEqual(subject.said(), [["mesh_complete", 3, 0]]);
  assert.deepEqual(subject.said(), []);
});
