/**
 * Keeps this worker's replica of the room state equal to the others'. Knows links only as ways to send.
 * A new change goes to every link at once; what was missed is fetched by heads, never guessed.
 */

import type { JobId, PeerId } from "../base/id.ts";
import type { Instant } from "../base/time.ts";
import type { SignedChange } from "../protocol/mesh_message.ts";
import type { QueueRow } from "../protocol/queue_message.ts";
import type { WorkerEntry } from "../protocol/worker.ts";
import {
  answerOf,
  broadcastsOf,
  CHANGES_PER_MESSAGE,
  type StateBroadcast,
} from "./change_batch.ts";
import type { LinkTable, OpenLink } from "./link_table.ts";
import type { Outbox } from "./outbox.ts";
import type { RoomState } from "./room_state.ts";

interface Fetch {
  readonly from: OpenLink;
  readonly heads: readonly string[];
  readonly until: Instant;
}

/** The replication of one room state. */
export class StateSync {
  readonly #state: RoomState;
  readonly #links: LinkTable;
  readonly #outbox: Outbox;
  readonly #fetchMs: number;
  /** What was asked for: until it is there or the time is over, nobody else is asked. */
  #fetch: Fetch | undefined;
  /** Of those that have what we lack, the versions that they spoke of last. */
  readonly #offers = new Map<PeerId, readonly string[]>();

  constructor(state: RoomState, links: LinkTable, outbox: Outbox, fetchMs: number) {
    this.#state = state;
    this.#links = links;
    this.#outbox = outbox;
    this.#fetchMs = fetchMs;
  }

  /** Writes our own entry where it differs from `entry`, and tells everybody. */
  publish(entry: WorkerEntry): void {
    const change = this.#state.update(entry);
    if (change !== undefined) this.#broadcast([change], []);
  }

  /** Writes our own rows of the queue, and tells everybody. */
  publishRows(rows: ReadonlyMap<JobId, QueueRow | undefined>): void {
    const change = this.#state.writeRows(rows);
    if (change !== undefined) this.#broadcast([change], []);
  }

  /** Notes in the room state that this worker is the admin. */
  nameAdmin(): void {
    const change = this.#state.nameAdmin();
    if (change !== undefined) this.#broadcast([change], []);
  }

  /** A worker says which versions it has: ask it for what we lack. */
  compare(link: OpenLink, heads: readonly string[], now: Instant): void {
    if (!this.#state.lacks(heads)) return;
    this.#offers.set(link.peerId, heads);
    this.#fetchNext(now);
  }

  /** A worker asks for what it lacks: it has `heads` and, of each actor, `held` changes. */
  supply(link: OpenLink, heads: readonly string[], held: Readonly<Record<string, number>>): void {
    const lacked = this.#state.lackedBy(heads, CHANGES_PER_MESSAGE + 1, held);
    this.#outbox.send(link.linkId, answerOf(lacked));
  }

  /**
   * Changes arrived. `unreached` are peers that the sender cannot reach itself; where this worker
   * leads, it passes the changes on to them.
   */
  take(
    link: OpenLink,
    { changes, more }: StateBroadcast,
    unreached: readonly PeerId[],
    now: Instant,
  ): void {
    const { applied, refused } = this.#state.merge(changes);
    for (const reason of refused) {
      this.#outbox.log("warning", "change_refused", reason, { from_peer_id: link.peerId });
    }
    if (applied.length > 0 && unreached.length > 0) {
      this.#broadcast(applied, [link.peerId], unreached);
    }
    if (more === true && applied.length > 0) this.#request(link);
    this.#fetchNext(now);
  }

  /**
   * One request at a time: nine peers would send the same changes nine times. But as soon as one is
   * answered the next is asked for what is lacking still, or each would cost a heartbeat.
   */
  #fetchNext(now: Instant): void {
    const open = this.#fetch;
    const isOpen = open !== undefined && now < open.until && this.#state.lacks(open.heads);
    if (isOpen && this.#links.has(open.from)) return;
    this.#fetch = undefined;
    for (const [peerId, heads] of this.#offers) {
      this.#offers.delete(peerId);
      const link = this.#links.to(peerId);
      if (link === undefined || !this.#state.lacks(heads)) continue;
      this.#fetch = { from: link, heads, until: now + this.#fetchMs };
      return this.#request(link);
    }
  }

  #request(link: OpenLink): void {
    const { toldHeads: heads, held } = this.#state;
    this.#outbox.send(link.linkId, { type: "state_request", heads, held });
  }

  /** One message object for all links: whoever sends it writes it out once. */
  #broadcast(
    changes: readonly SignedChange[],
    without: readonly PeerId[],
    only?: readonly PeerId[],
  ) {
    // Changes that waited for one may become many at once.
    const messages = broadcastsOf(changes);
    for (const { linkId, peerId } of this.#links.links) {
      if (without.includes(peerId) || only?.includes(peerId) === false) continue;
      for (const message of messages) this.#outbox.send(linkId, message);
    }
  }
}
