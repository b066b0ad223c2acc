/** What this worker sees of its room at a time: who lives, who leads, and whether it is cut off. Tells nobody. */

import type { PeerId } from "../base/id.ts";
import type { Instant } from "../base/time.ts";
import type { Waiting } from "../protocol/queue_message.ts";
import type { Administration } from "./administration.ts";
import type { Life, Outlook } from "./directory.ts";
import type { Membership } from "./membership.ts";
import type { RoomState } from "./room_state.ts";
import { waitingIn } from "./waiting_list.ts";

/** What is looked at. */
export interface LookoutParts {
  readonly self: PeerId;
  readonly membership: Membership;
  readonly administration: Administration;
  readonly state: RoomState;
}

/** One worker's view of its room. */
export class Lookout {
  readonly #parts: LookoutParts;

  constructor(parts: LookoutParts) {
    this.#parts = parts;
  }

  /** What there is to see at `now`, with the life of every worker that has an entry and is not forgotten. */
  outlook(now: Instant): Outlook {
    const { administration, state } = this.#parts;
    const { admin, epoch, partitionedSince } = administration;
    const lives = new Map<PeerId, Life>();
    for (const { peer_id: peerId, status } of state.entries.values()) {
      const life = status === "left" ? undefined : this.#lifeOf(peerId, now);
      if (life !== undefined) lives.set(peerId, life);
    }
    return {
      admin_peer_id: admin ?? null,
      epoch,
      stale: partitionedSince !== undefined,
      stale_ms: partitionedSince === undefined ? 0 : Math.max(0, now - partitionedSince),
      lives,
    };
  }

  /** The requests that wait in the room, in order. */
  waiting(now: Instant): readonly Waiting[] {
    const { rows, entries } = this.#parts.state;
    if (rows.size === 0) return [];
    return waitingIn({ rows, entries, isLiving: (peerId) => this.isLiving(peerId, now) });
  }

  /** Whether a worker counts as living; this one does. */
  isLiving(peerId: PeerId, now: Instant): boolean {
    return this.#lifeOf(peerId, now)?.alive ?? false;
  }

  #lifeOf(peerId: PeerId, now: Instant): Life | undefined {
    const { self, membership } = this.#parts;
    if (peerId === self) return { alive: true, last_heard_ms: 0 };
    const member = membership.get(peerId);
    if (member === undefined) return undefined;
    const liveness = membership.livenessOf(member, now);
    const heardAt = member.evidenceAt;
    return {
      alive: liveness === "alive" || liveness === "suspect",
      last_heard_ms: heardAt === undefined ? null : Math.max(0, Math.round(now - heardAt)),
    };
  }
}
