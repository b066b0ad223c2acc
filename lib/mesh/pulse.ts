/** Says regularly to every linked worker: I live, this is what I know, and these I hear. */

import type { PeerId } from "../base/id.ts";
import type { Instant } from "../base/time.ts";
import type { MeshMessage } from "../protocol/mesh_message.ts";
import type { Administration } from "./administration.ts";
import type { LinkTable } from "./link_table.ts";
import type { Membership } from "./membership.ts";
import type { Outbox } from "./outbox.ts";
import type { RoomState } from "./room_state.ts";

/** Heartbeats in the time of one, where others wait for ours. Higher: they wait less; lower: calmer. */
const HASTE_PER_BEAT = 4;

/** What a heartbeat is made of. */
export interface PulseParts {
  readonly links: LinkTable;
  readonly outbox: Outbox;
  readonly membership: Membership;
  readonly administration: Administration;
  readonly state: RoomState;
  readonly heartbeatMs: number;
}

/** One worker's heartbeats. */
export class Pulse {
  readonly #parts: PulseParts;
  #nextAt: Instant = -Infinity;
  #lastAt: Instant = -Infinity;
  #sequence = 0;

  constructor(parts: PulseParts) {
    this.#parts = parts;
  }

  /** When the next one is due. */
  get nextAt(): Instant {
    return this.#nextAt;
  }

  /** There is something to say: the next one is due now. */
  hurry(now: Instant): void {
    this.#nextAt = now;
  }

  /**
   * Others wait for it, since they suspect us or since newcomers count by it: the next one comes early,
   * but not at once after the last. Two who suspect each other would otherwise answer each other
   * without end.
   */
  hasten(now: Instant): void {
    const earliestAt = this.#lastAt + this.#parts.heartbeatMs / HASTE_PER_BEAT;
    this.#nextAt = Math.min(this.#nextAt, Math.max(now, earliestAt));
  }

  /** Beats, if it is time. */
  beat(now: Instant): void {
    if (now < this.#nextAt) return;
    const { heartbeatMs, links, outbox } = this.#parts;
    this.#nextAt = now + heartbeatMs;
    this.#lastAt = now;
    this.#sequence++;
    const heartbeat = this.heartbeat(now);
    for (const { linkId } of links.links) outbox.send(linkId, heartbeat);
  }

  /** What there is to say now. */
  heartbeat(now: Instant): MeshMessage {
    const { administration, membership, state } = this.#parts;
    const suspects: PeerId[] = [];
    for (const member of membership.members) {
      if (membership.livenessOf(member, now) === "suspect") suspects.push(member.peerId);
    }
    return {
      type: "heartbeat",
      sequence: this.#sequence,
      heads: state.toldHeads,
      heard: membership.signs(now),
      suspects,
      admin_peer_id: administration.admin ?? null,
      epoch: administration.epoch,
      agreed_epoch: administration.agreedEpoch,
      partitioned: administration.partitionedSince !== undefined,
      cut_off: administration.cutOff,
      agreed: [...administration.agreed],
      joining: [...administration.joining],
    };
  }
}
