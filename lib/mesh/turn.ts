/**
 * Whose turn it is at one worker, and for how long its slot is held for that request. Each worker
 * decides for itself alone, so that nobody's death lies between a decision and the slot that it is
 * about. Knows what is written down of the queue, not who wrote it.
 *
 * Invariants
 *  1. Only a slot that is free is held, and for one request.
 *  2. Nothing is taken from the queue unless `mayTake`: a minority never dispatches.
 *  3. A hold ends `HOLD_MS` after it began at the latest, and who did not come is passed over for
 *     `PASS_MS`: nobody starves behind it.
 *  4. Where two workers hold for one request, the better one keeps it.
 */

import type { JobId, PeerId } from "../base/id.ts";
import { type Instant, SECOND_MS } from "../base/time.ts";
import { shortcomingOf } from "../protocol/fitness.ts";
import { haveOneKey } from "../protocol/identity.ts";
import { type CurrentJob, gpuMemoryMb, type WorkerEntry } from "../protocol/worker.ts";
import { compareCandidates } from "./election.ts";
import type { QueuedRequest } from "./waiting_list.ts";

/** For a client to come once it is its turn. Higher: a slot is idle for one that sleeps; lower: slow dials fail. */
export const HOLD_MS = 15 * SECOND_MS;
/** For which one that did not come is passed over. Higher: a blip costs it more; lower: it idles the slot more. */
export const PASS_MS = 30 * SECOND_MS;

/** What a turn is found from. */
export interface TurnFacts {
  /** This worker, with what its slot itself does. */
  readonly slot: WorkerEntry;
  /** The entries of the other workers that live. */
  readonly others: readonly WorkerEntry[];
  /** In the order of the queue. */
  readonly requests: readonly QueuedRequest[];
  /** Whether this worker may take from the queue: it is with the majority of its room. */
  readonly mayTake: boolean;
}

/** What became of the turn. */
export type TurnChange =
  | { readonly type: "held"; readonly job: CurrentJob }
  | { readonly type: "passed_over"; readonly jobId: JobId };

interface Hold {
  readonly job: CurrentJob;
  readonly until: Instant;
}

/**
 * The requests that the worker could take now, the first one first: they wait, their clients are there,
 * the worker fits, and no other worker serves them.
 */
export function lineFor({ slot, others, requests }: TurnFacts): readonly QueuedRequest[] {
  return requests.filter((request) =>
    !request.isOver && request.is_present && shortcomingOf(slot, request.needs) === undefined &&
    !others.some((entry) => serves(entry, request))
  );
}

/** The turns at one worker. */
export class Turn {
  #hold: Hold | undefined;
  /** The job that the slot itself is reserved for. */
  #served: JobId | undefined;
  readonly #passedOver = new Map<JobId, Instant>();
  #facts: TurnFacts | undefined;

  /** The job that a free slot is held for. */
  get held(): CurrentJob | undefined {
    return this.#hold?.job;
  }

  /** Whether nothing is held, and nobody passed over. */
  get isIdle(): boolean {
    return this.#hold === undefined && this.#passedOver.size === 0;
  }

  /** When there is something to decide next, as far as time alone brings it. */
  get nextAt(): Instant {
    return Math.min(this.#hold?.until ?? Infinity, ...this.#passedOver.values());
  }

  /** Decides what follows from `facts`. Calling it twice with the same decides nothing new. */
  reconcile(facts: TurnFacts, now: Instant): readonly TurnChange[] {
    this.#facts = facts;
    const changes: TurnChange[] = [];
    const { slot } = facts;
    const isKnown = (jobId: JobId) => facts.requests.some(({ job_id }) => job_id === jobId);
    if (slot.status === "available" && this.#served !== undefined) {
      // It came, and went without a start.
      changes.push(...this.#passOver(this.#served, facts, now));
    }
    this.#served = slot.status === "reserved" ? slot.current_job?.job_id : undefined;
    if (slot.status !== "available") this.#hold = undefined;
    else if (this.#hold !== undefined) {
      const { job, until } = this.#hold;
      if (now >= until) changes.push(...this.#passOver(job.job_id, facts, now));
      if (now >= until || !this.#keeps(this.#hold, facts)) this.#hold = undefined;
    }
    for (const [jobId, until] of this.#passedOver) {
      if (now >= until || !isKnown(jobId)) this.#passedOver.delete(jobId);
    }
    const [first] = this.#line(facts);
    if (slot.status !== "available" || this.#hold !== undefined || !facts.mayTake) return changes;
    if (first === undefined) return changes;
    const job = { job_id: first.job_id, client_id: first.client_id };
    this.#hold = { job, until: now + HOLD_MS };
    changes.push({ type: "held", job });
    return changes;
  }

  /** Why the slot, if it is free, is not for this client's job now; `undefined` where it is. */
  objectionTo(client: PeerId, jobId: JobId): string | undefined {
    const facts = this.#facts;
    if (facts === undefined || facts.slot.status !== "available") return undefined;
    const isIt = ({ job_id, client_id }: CurrentJob) =>
      job_id === jobId && haveOneKey(client_id, client);
    if (this.#hold !== undefined) {
      if (isIt(this.#hold.job)) return undefined;
      const { length } = this.#line(facts).filter((request) => !isIt(request));
      return `The worker is held for ${this.#hold.job.job_id}, whose turn it is; ${before(length)}`;
    }
    const waits = facts.requests.some((request) => !request.isOver && isIt(request));
    if (waits && !facts.mayTake) {
      return "The worker is cut off from the majority of its room, and takes nothing from the queue";
    }
    const line = this.#line(facts);
    const place = line.findIndex(isIt);
    const ahead = place < 0 ? line.length : place;
    return ahead === 0 ? undefined : before(ahead);
  }

  #line(facts: TurnFacts): readonly QueuedRequest[] {
    return lineFor(facts).filter(({ job_id }) => !this.#passedOver.has(job_id));
  }

  #keeps({ job }: Hold, { mayTake, others, requests, slot }: TurnFacts): boolean {
    const request = requests.find((one) => isSame(one, job));
    if (!mayTake || request === undefined || request.isOver || !request.is_present) return false;
    if (shortcomingOf(slot, request.needs) !== undefined) return false;
    return !others.some((entry) =>
      serves(entry, request) && compareCandidates(candidateOf(entry), candidateOf(slot)) < 0
    );
  }

  /** Notes that a turn was let pass. Who withdrew or began in the same moment has let nothing pass. */
  #passOver(jobId: JobId, { requests }: TurnFacts, now: Instant): readonly TurnChange[] {
    if (!requests.some(({ job_id, isOver }) => job_id === jobId && !isOver)) return [];
    this.#passedOver.set(jobId, now + PASS_MS);
    return [{ type: "passed_over", jobId }];
  }
}

function before(count: number): string {
  return `${count} ${count === 1 ? "request waits" : "requests wait"} before you`;
}

/** Whether a worker holds itself for the request, or has taken it. */
function serves({ status, current_job }: WorkerEntry, request: QueuedRequest): boolean {
  return status !== "left" && current_job !== null && isSame(request, current_job);
}

function isSame(request: QueuedRequest, job: CurrentJob): boolean {
  return request.job_id === job.job_id && haveOneKey(request.client_id, job.client_id);
}

function candidateOf({ peer_id, metadata }: WorkerEntry) {
  return { peerId: peer_id, gpuMemoryMb: gpuMemoryMb(metadata) };
}
