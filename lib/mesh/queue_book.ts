/**
 * What one worker writes down of the queue: a row for each request whose client watches the room
 * through it. Knows its own rows and visits; decides nothing about turns.
 *
 * A row is written when something happens, never to say that nothing did: once when its client comes,
 * goes or comes back, and once when it is over. It is removed as soon as no other worker has a row of
 * the same request that has not heard of the end.
 */

import type { JobId, LinkId, PeerId } from "../base/id.ts";
import { DAY_MS, type Instant } from "../base/time.ts";
import { haveOneKey } from "../protocol/identity.ts";
import type { Needs, QueueRow } from "../protocol/queue_message.ts";
import { type AuthoredRow, nextTicket, type QueuedRequest, ROWS_MAX } from "./waiting_list.ts";

/** Requests of one key that may wait at once. Higher: one person fills the queue; lower: scripts fail. */
export const REQUESTS_PER_KEY_MAX = 16;
/** Requests of a room that may wait at once. */
export const REQUESTS_MAX = 256;
/** For which the place of a client that is away is kept. */
export const AWAY_MAX_MS = 7 * DAY_MS;

/** A client that waits here. */
export interface Visitor {
  readonly client: PeerId;
  readonly jobId: JobId;
  readonly needs: Needs;
  /** When it came, by this worker's wall clock. */
  readonly wallMs: number;
}

/** A client that waits no more, although it did not say so itself. */
export interface Dismissal {
  readonly linkId: LinkId;
  readonly jobId: JobId;
}

/** What a book goes by. */
export interface BookFacts {
  readonly requests: readonly QueuedRequest[];
  /** The job that this worker runs, by its own word. */
  readonly runningJobId: JobId | undefined;
  /** Whether the client on that link still watches. */
  watches(linkId: LinkId): boolean;
}

/** Rows to be written, and jobs whose row is to be removed. */
export type RowChanges = ReadonlyMap<JobId, QueueRow | undefined>;

/** The book of one worker. */
export class QueueBook {
  readonly #self: PeerId;
  readonly #visitors = new Map<LinkId, Visitor>();
  /** Requests that their clients withdrew, until that is written down. */
  readonly #withdrawn = new Map<JobId, PeerId>();
  readonly #awaySince = new Map<JobId, Instant>();
  readonly #dismissed: Dismissal[] = [];

  constructor(self: PeerId) {
    this.#self = self;
  }

  /** Whether nobody waits here, and nothing of it is still to be written down. */
  get isEmpty(): boolean {
    return this.#visitors.size === 0 && this.#withdrawn.size === 0;
  }

  /** A client wants to wait. Gives why it cannot. Said again, it changes nothing. */
  join(
    linkId: LinkId,
    visitor: Visitor,
    requests: readonly QueuedRequest[],
  ): string | undefined {
    const { client, jobId } = visitor;
    const known = this.#visitors.get(linkId);
    const isKnown = known?.jobId === jobId &&
      JSON.stringify(known.needs) === JSON.stringify(visitor.needs);
    if (isKnown) return undefined;
    const open = requests.filter(({ isOver }) => !isOver);
    const own = requests.filter((request) => this.#rowOf(request) !== undefined);
    const request = requests.find((one) => isOf(one, jobId, client));
    if (request?.isOver === true) return `${jobId} waits no more; ask with a new job`;
    if (own.some((one) => one.job_id === jobId && one !== request)) {
      return `${jobId} is another client's`;
    }
    if (request === undefined) {
      if (own.length >= ROWS_MAX || open.length >= REQUESTS_MAX) {
        return `${open.length} requests wait already; try again when some are served`;
      }
      const { length } = open.filter(({ client_id }) => haveOneKey(client_id, client));
      if (length >= REQUESTS_PER_KEY_MAX) {
        return `${length} of your requests wait already; try again when some are served`;
      }
    }
    this.#visitors.set(linkId, visitor);
    return undefined;
  }

  /** The client on that link withdraws its request. */
  withdraw(linkId: LinkId, jobId: JobId, client: PeerId): void {
    if (this.#visitors.get(linkId)?.jobId === jobId) this.#visitors.delete(linkId);
    this.#withdrawn.set(jobId, client);
  }

  /** A link is over. */
  close(linkId: LinkId): void {
    this.#visitors.delete(linkId);
  }

  /**
   * Clients whose requests another process of their key withdrew since this was asked last. A job that
   * begins may be among them for a moment: its client knows better.
   */
  takeDismissed(): readonly Dismissal[] {
    return this.#dismissed.splice(0);
  }

  /** What is to be written, as of `now`. Asked again after that was done, there is nothing. */
  reconcile(facts: BookFacts, now: Instant): RowChanges {
    const changes = new Map<JobId, QueueRow | undefined>();
    for (const linkId of this.#visitors.keys()) {
      if (!facts.watches(linkId)) this.#visitors.delete(linkId);
    }
    for (const request of facts.requests) this.#keep(request, facts, changes, now);
    this.#withdrawn.clear();
    for (const jobId of this.#awaySince.keys()) {
      if (!facts.requests.some(({ job_id }) => job_id === jobId)) this.#awaySince.delete(jobId);
    }
    let ticket = nextTicket(facts.requests);
    for (const { client, jobId, needs, wallMs } of this.#visitors.values()) {
      if (facts.requests.some((request) => isOf(request, jobId, client))) continue;
      changes.set(jobId, {
        client_id: client,
        needs,
        ticket: ticket++,
        queued_at_ms: Math.max(0, Math.round(wallMs)),
        standing: "waits",
      });
    }
    return changes;
  }

  /** What becomes of this worker's row of one request. */
  #keep(
    request: QueuedRequest,
    { runningJobId }: BookFacts,
    changes: Map<JobId, QueueRow | undefined>,
    now: Instant,
  ): void {
    const { job_id: jobId, client_id, ticket, queued_at_ms } = request;
    const own = this.#rowOf(request);
    const visits = [...this.#visitors].filter(([, { jobId, client }]) =>
      isOf(request, jobId, client)
    );
    const withdrawer = this.#withdrawn.get(jobId);
    const isWithdrawn = withdrawer !== undefined && haveOneKey(withdrawer, client_id);
    if (request.isOver || isWithdrawn) {
      const isLetGo = isWithdrawn || request.rows.some(({ standing }) => standing === "over");
      for (const [linkId] of visits) {
        this.#visitors.delete(linkId);
        if (isLetGo) this.#dismissed.push({ linkId, jobId });
      }
      this.#awaySince.delete(jobId);
      // Who runs it or lets it go sees to it that the others hear of it, also those that are away.
      const mustTell = isWithdrawn || runningJobId === jobId || own !== undefined;
      const isUnheard = request.rows.some(({ author, standing }) =>
        author !== this.#self && standing !== "over"
      );
      if (mustTell && isUnheard) {
        const row = own === undefined ? rowOf(request) : withoutAuthor(own);
        this.#put(request, { ...row, standing: "over" }, changes);
      } else if (own !== undefined) changes.set(jobId, undefined);
      return;
    }
    const [, visitor] = visits.at(-1) ?? [];
    if (visitor !== undefined) {
      this.#awaySince.delete(jobId);
      const { client, needs } = visitor;
      const row = { client_id: client, needs, ticket, queued_at_ms, standing: "waits" } as const;
      return this.#put(request, row, changes);
    }
    if (own === undefined) return;
    const since = this.#awaySince.get(jobId) ?? now;
    this.#awaySince.set(jobId, since);
    if (now - since < AWAY_MAX_MS) {
      return this.#put(request, { ...withoutAuthor(own), standing: "away" }, changes);
    }
    this.#awaySince.delete(jobId);
    changes.set(jobId, undefined);
  }

  #put(
    request: QueuedRequest,
    row: QueueRow,
    changes: Map<JobId, QueueRow | undefined>,
  ): void {
    const own = this.#rowOf(request);
    const isSame = own !== undefined &&
      JSON.stringify(ordered(own)) === JSON.stringify(ordered(row));
    if (!isSame) changes.set(request.job_id, row);
  }

  #rowOf({ rows }: QueuedRequest): AuthoredRow | undefined {
    return rows.find(({ author }) => author === this.#self);
  }
}

function isOf({ job_id, client_id }: QueuedRequest, jobId: JobId, client: PeerId): boolean {
  return job_id === jobId && haveOneKey(client_id, client);
}

function rowOf({ client_id, needs, ticket, queued_at_ms }: QueuedRequest) {
  return { client_id, needs, ticket, queued_at_ms };
}

function withoutAuthor({ author: _author, ...row }: AuthoredRow): QueueRow {
  return row;
}

/** The fields in one order, to be compared as text. */
function ordered({ client_id, needs, ticket, queued_at_ms, standing }: QueueRow) {
  const { runner, min_gpu_memory_mb, worker, workers = [] } = needs;
  return [client_id, runner, min_gpu_memory_mb, worker, workers, ticket, queued_at_ms, standing];
}
