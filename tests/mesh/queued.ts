/** Short ways to write down requests that wait, for tests. */

import { isJobId, type JobId, type PeerId } from "../../lib/base/id.ts";
import type { QueueRows } from "../../lib/mesh/waiting_list.ts";
import type { Needs, QueueRow } from "../../lib/protocol/queue_message.ts";
import type { WorkerEntry } from "../../lib/protocol/worker.ts";
import { metadataOf, peer } from "./peers.ts";

/** What any worker can do. */
export const ANY: Needs = { runner: "demo", min_gpu_memory_mb: 0, worker: null };

/** A job, from a short name. */
export function jobOf(name: string): JobId {
  const id = `job-${name.padStart(8, "0")}`;
  if (!isJobId(id)) throw new Error(`Expected a job id, got ${id}`);
  return id;
}

/** A row of the client `laptop`, which waits. */
export function row(changes: Partial<QueueRow> = {}): QueueRow {
  return {
    client_id: peer("laptop"),
    needs: ANY,
    ticket: 1,
    queued_at_ms: 0,
    standing: "waits",
    ...changes,
  };
}

/** Rows as they stand in a test. */
export type Written = readonly (readonly [author: string, job: string, row: QueueRow])[];

/** Rows by author and job, in the order given. */
export function rowsOf(written: Written): QueueRows {
  const rows = new Map<PeerId, Map<JobId, QueueRow>>();
  for (const [author, job, one] of written) {
    const own = rows.get(peer(author)) ?? new Map<JobId, QueueRow>();
    rows.set(peer(author), own.set(jobOf(job), one));
  }
  return rows;
}

/** The entry of a free worker of 8 GB. */
export function entry(name: string, changes: Partial<WorkerEntry> = {}): WorkerEntry {
  return {
    peer_id: peer(name),
    incarnation: 1,
    status: "available",
    current_job: null,
    metadata: metadataOf(8_000),
    ...changes,
  };
}

/** What a worker says that a job holds. */
export function serving(
  status: WorkerEntry["status"],
  job: string,
  client = "laptop",
): Partial<WorkerEntry> {
  return { status, current_job: { job_id: jobOf(job), client_id: peer(client) } };
}
