/**
 * Which requests wait, and in which order: a pure function of what workers wrote down and of who
 * lives. Every replica that holds the same finds the same. Knows nothing of whose turn it is.
 *
 * Several workers may have a row of one request: its client went from one to the next. Together they
 * are one request, which has the earliest of their tickets and is over as soon as one of them says so.
 */

import type { JobId, PeerId } from "../base/id.ts";
import { haveOneKey } from "../protocol/identity.ts";
import { type QueueRow, TICKET_MAX, type Waiting } from "../protocol/queue_message.ts";
import type { WorkerEntry } from "../protocol/worker.ts";

/** Rows of one author that count. Higher: a member can make the others hold more; lower: labs run out. */
export const ROWS_MAX = 64;

/** The rows of every worker that has written some. */
export type QueueRows = ReadonlyMap<PeerId, ReadonlyMap<JobId, QueueRow>>;

/** One worker's row of a request. */
export interface AuthoredRow extends QueueRow {
  readonly author: PeerId;
}

/** One request, whoever has written it down. */
export interface QueuedRequest extends Waiting {
  /** Never empty. */
  readonly rows: readonly AuthoredRow[];
  /** Whether it waits no more. */
  readonly isOver: boolean;
}

/** What a list is made of. */
export interface QueueFacts {
  readonly rows: QueueRows;
  readonly entries: ReadonlyMap<PeerId, WorkerEntry>;
  /** Whether an author lives: nobody vouches for the clients of one that does not. */
  isLiving(author: PeerId): boolean;
}

/** All requests in the order of the queue, those that are over too. */
export function requestsIn({ rows, entries, isLiving }: QueueFacts): readonly QueuedRequest[] {
  const byJob = new Map<JobId, { jobId: JobId; rows: AuthoredRow[] }[]>();
  for (const [author, written] of rows) {
    for (const [jobId, row] of counted(written)) {
      const requests = byJob.get(jobId) ?? [];
      byJob.set(jobId, requests);
      // Nobody takes another's place by knowing the name of its job.
      const request = requests.find(({ rows: [first] }) =>
        first !== undefined && haveOneKey(first.client_id, row.client_id)
      );
      if (request === undefined) requests.push({ jobId, rows: [{ ...row, author }] });
      else request.rows.push({ ...row, author });
    }
  }
  const requests = [...byJob.values()].flat().flatMap(({ jobId, rows }): QueuedRequest[] => {
    const ordered = rows.toSorted((one, other) =>
      one.ticket - other.ticket || compareText(one.author, other.author)
    );
    const [first] = ordered;
    if (first === undefined) return [];
    const present = ordered.filter(({ standing, author }) =>
      standing === "waits" && isLiving(author)
    );
    const { client_id, needs } = present.at(-1) ?? first;
    const { ticket, queued_at_ms } = first;
    const isOver = rows.some(({ standing }) => standing === "over") ||
      isStarted(jobId, client_id, entries.values());
    const is_present = present.length > 0;
    return [
      { job_id: jobId, client_id, needs, ticket, queued_at_ms, is_present, rows: ordered, isOver },
    ];
  });
  return requests.toSorted(compareRequests);
}

/** Those that still wait, as others are told of them. */
export function waitingIn(facts: QueueFacts): readonly Waiting[] {
  return requestsIn(facts).filter(({ isOver }) => !isOver).map(
    ({ rows: _rows, isOver: _isOver, ...waiting }) => waiting,
  );
}

/** The ticket of a newcomer, behind all that there are. */
export function nextTicket(requests: readonly QueuedRequest[]): number {
  const last = requests.reduce((highest, { ticket }) => Math.max(highest, ticket), 0);
  return Math.min(last + 1, TICKET_MAX);
}

/** Whether a worker runs the job, by its own word. */
function isStarted(jobId: JobId, client: PeerId, entries: Iterable<WorkerEntry>): boolean {
  for (const { status, current_job } of entries) {
    if (current_job === null || current_job.job_id !== jobId) continue;
    if (status !== "reserved" && haveOneKey(current_job.client_id, client)) return true;
  }
  return false;
}

/** The rows of one author that count: what a member writes beyond the limit, nobody heeds. */
function counted(rows: ReadonlyMap<JobId, QueueRow>): Iterable<readonly [JobId, QueueRow]> {
  if (rows.size <= ROWS_MAX) return rows;
  return [...rows].toSorted(([one, { ticket }], [other, { ticket: later }]) =>
    ticket - later || compareText(one, other)
  ).slice(0, ROWS_MAX);
}

function compareRequests(one: QueuedRequest, other: QueuedRequest): number {
  return one.ticket - other.ticket || compareText(one.job_id, other.job_id) ||
    compareText(one.client_id, other.client_id);
}

function compareText(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0;
}
