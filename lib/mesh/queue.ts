/**
 * This worker's part in the queue of its room: writes down who waits here, and holds its own slot for
 * whoever's turn it is. Puts the book and the turns together; both decide by themselves.
 */

import type { JobId, LinkId, PeerId } from "../base/id.ts";
import type { Instant } from "../base/time.ts";
import type { CurrentJob, WorkerEntry } from "../protocol/worker.ts";
import type { Administration } from "./administration.ts";
import type { Lookout } from "./lookout.ts";
import type { Observers } from "./observers.ts";
import type { Outbox } from "./outbox.ts";
import type { OwnEntry } from "./own_entry.ts";
import { QueueBook, type Visitor } from "./queue_book.ts";
import type { RoomState } from "./room_state.ts";
import type { StateSync } from "./state_sync.ts";
import { Turn } from "./turn.ts";
import { type QueuedRequest, requestsIn } from "./waiting_list.ts";

/** What a client is told whose request another process of its key withdrew. */
const WITHDRAWN = { reason: "Another process withdrew it", is_withdrawn: true } as const;

/** What a queue works with. */
export interface QueueParts {
  readonly self: PeerId;
  readonly own: OwnEntry;
  readonly administration: Administration;
  readonly lookout: Lookout;
  readonly observers: Observers;
  readonly outbox: Outbox;
  readonly state: RoomState;
  readonly sync: StateSync;
}

/** The queue, as one worker takes part in it. */
export class Queue {
  readonly #parts: QueueParts;
  readonly #book: QueueBook;
  readonly #turn = new Turn();

  constructor(parts: QueueParts) {
    this.#parts = parts;
    this.#book = new QueueBook(parts.self);
  }

  /** The job whose turn it is, while the free slot is held for it. */
  get held(): CurrentJob | undefined {
    return this.#turn.held;
  }

  /** When there is something to decide next, as far as time alone brings it. */
  get nextAt(): Instant {
    return this.#turn.nextAt;
  }

  /** A client that watches wants to wait. */
  join(linkId: LinkId, visitor: Visitor, now: Instant): void {
    const { observers, outbox } = this.#parts;
    const reason = observers.has(linkId)
      ? this.#book.join(linkId, visitor, this.#requests(now))
      : "Expected a client that watches the room; watch it first";
    if (reason === undefined) return;
    const message = { type: "queue_refused", job_id: visitor.jobId, reason } as const;
    outbox.add({ type: "tell_observer", linkId, message });
  }

  /** A client need not wait any more. */
  leave(linkId: LinkId, client: PeerId, jobId: JobId): void {
    this.#book.withdraw(linkId, jobId, client);
  }

  /** A link is over. */
  close(linkId: LinkId): void {
    this.#book.close(linkId);
  }

  /** Why this worker's slot is not for that job now, although it is free; `undefined` where it is. */
  objectionTo(client: PeerId, jobId: JobId): string | undefined {
    return this.#turn.objectionTo(client, jobId);
  }

  /** Writes down what happened to those who wait here, and decides whose turn it is. Gives whether the own entry changed. */
  reconcile(now: Instant): boolean {
    const { administration, observers, own, outbox, state, sync } = this.#parts;
    if (state.rows.size === 0 && this.#book.isEmpty && this.#turn.isIdle) return false;
    const { slot } = own;
    const runs = slot.status !== "reserved" ? slot.current_job?.job_id : undefined;
    const changes = this.#book.reconcile({
      requests: this.#requests(now),
      runningJobId: runs,
      watches: (linkId) => observers.has(linkId),
    }, now);
    sync.publishRows(changes);
    for (const { linkId, jobId: job_id } of this.#book.takeDismissed()) {
      const message = { type: "queue_refused", job_id, ...WITHDRAWN } as const;
      outbox.add({ type: "tell_observer", linkId, message });
    }
    const facts = {
      slot,
      others: this.#livingOthers(now),
      requests: this.#requests(now),
      mayTake: administration.partitionedSince === undefined && administration.admin !== undefined,
    };
    for (const change of this.#turn.reconcile(facts, now)) {
      if (change.type === "held") {
        const { job_id } = change.job;
        outbox.log("info", "held", `It is the turn of ${job_id}: the slot is held for it`, {
          job_id,
        });
      } else {
        const { jobId: job_id } = change;
        const message = `${job_id} did not begin in time; others come first for a while`;
        outbox.log("info", "passed_over", message, { job_id });
      }
    }
    return own.hold(this.#turn.held);
  }

  #requests(now: Instant): readonly QueuedRequest[] {
    const { lookout, own, self, state } = this.#parts;
    if (state.rows.size === 0) return [];
    // The own entry is newer here than in the room state, where it is written at the end of the step.
    const entries = new Map(state.entries).set(self, own.slot);
    return requestsIn({
      rows: state.rows,
      entries,
      isLiving: (peerId) => peerId === self || lookout.isLiving(peerId, now),
    });
  }

  #livingOthers(now: Instant): readonly WorkerEntry[] {
    const { lookout, self, state } = this.#parts;
    return [...state.entries.values()].filter(({ peer_id }) =>
      peer_id !== self && lookout.isLiving(peer_id, now)
    );
  }
}
