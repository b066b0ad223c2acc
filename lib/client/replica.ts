/**
 * A client's own read-only copy of what one worker knows of its room: the room state, every change
 * checked as workers check them, and that worker's reports besides. Answers without a hop. Knows
 * nothing of links; the time is given to it.
 */

import type { PeerId } from "../base/id.ts";
import { type Instant, SECOND_MS } from "../base/time.ts";
import type { Author } from "../mesh/author.ts";
import { listRoom, type Outlook } from "../mesh/directory.ts";
import { type Acceptance, RoomState } from "../mesh/room_state.ts";
import { waitingIn } from "../mesh/waiting_list.ts";
import type { SignedChange } from "../protocol/mesh_message.ts";
import type { Filters, WorkerList } from "../protocol/query.ts";
import type { WatchReport } from "../protocol/watch_message.ts";

/** Silence after which a replica calls itself stale. Reports come each second. Higher: it boasts. */
export const REPLICA_SILENCE_MS = 3 * SECOND_MS;

/** What a replica shows before it was told anything. */
const NOTHING: Outlook = {
  admin_peer_id: null,
  epoch: 0,
  stale: true,
  stale_ms: 0,
  lives: new Map(),
};

/** A replica of what one worker knows. */
export class Replica {
  readonly #state: RoomState;
  #outlook: Outlook = NOTHING;
  #reportedHeads: readonly string[] = [];
  #toldAt: Instant;
  #isOver = false;

  /**
   * @param author The client, as whom nothing is ever written; its signer checks what others wrote.
   * @param now When it begins. Automerge must be loaded.
   */
  constructor(author: Author, now: Instant) {
    this.#state = RoomState.create(author);
    this.#toldAt = now;
  }

  /** The versions that it has, to ask for what it lacks. */
  get heads(): string[] {
    return this.#state.toldHeads;
  }

  /** Whether a report has come, and all that it speaks of is here. */
  get isLevel(): boolean {
    return this.#outlook !== NOTHING && !this.#state.lacks(this.#reportedHeads);
  }

  /** Takes changes; gives those that were new, and why others were refused. */
  take(changes: readonly SignedChange[]): Acceptance {
    return this.#state.merge(changes);
  }

  /** Takes a report that came at `now`. */
  hear({ lives, heads, admin_peer_id, epoch, stale, stale_ms }: WatchReport, now: Instant): void {
    this.#toldAt = now;
    this.#reportedHeads = heads;
    this.#outlook = {
      admin_peer_id,
      epoch,
      stale,
      stale_ms,
      lives: new Map(lives.map(({ peer_id, ...life }) => [peer_id, life])),
    };
  }

  /** The worker is lost: what is here only grows older. */
  end(): void {
    this.#isOver = true;
  }

  /** The workers that `filters` ask for, with ages as of `now`. */
  list(filters: Filters, now: Instant): WorkerList {
    const ageMs = Math.max(0, now - this.#toldAt);
    const { rows, entries } = this.#state;
    const { lives } = this.#outlook;
    const isLiving = (peerId: PeerId) => lives.get(peerId)?.alive ?? false;
    const waiting = waitingIn({ rows, entries, isLiving });
    const list = listRoom(entries.values(), this.#outlook, filters, waiting);
    const isSilent = this.#isOver || ageMs > REPLICA_SILENCE_MS;
    const stale = list.stale || isSilent;
    return {
      ...list,
      stale,
      stale_ms: stale ? Math.round(list.stale_ms + ageMs) : 0,
      workers: list.workers.map((worker) => ({
        ...worker,
        last_heard_ms: worker.last_heard_ms === null
          ? null
          : Math.round(worker.last_heard_ms + ageMs),
      })),
    };
  }

  /** Frees the room state. The replica must not be used again. */
  dispose(): void {
    this.#state.dispose();
  }
}
