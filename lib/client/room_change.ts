/** What is different between two lists of the same room. Compares; knows nothing of where they come from. */

import type { PeerId } from "../base/id.ts";
import { matches } from "../protocol/match.ts";
import type { Filters, WorkerList } from "../protocol/query.ts";
import type { WorkerView } from "../protocol/worker.ts";

/** One difference. */
export type RoomChange =
  | { readonly type: "worker_came"; readonly worker: WorkerView }
  /** Its status, job, description or sign of life is another. */
  | { readonly type: "worker_changed"; readonly before: WorkerView; readonly worker: WorkerView }
  | { readonly type: "worker_left"; readonly worker: WorkerView }
  | {
    readonly type: "admin_changed";
    readonly before: PeerId | null;
    readonly admin: PeerId | null;
    readonly epoch: number;
  }
  /** Whoever is asked has been cut off for so long, or is so no more. */
  | { readonly type: "staleness_changed"; readonly stale: boolean; readonly staleMs: number };

/** The list of a room of which nothing is known yet. */
export const BLANK_LIST: WorkerList = {
  workers: [],
  total_count: 0,
  admin_peer_id: null,
  epoch: 0,
  stale: false,
  stale_ms: 0,
};

/**
 * What became of `before`, both of them unfiltered. Of the workers only those count that `filters`
 * ask for, before or after.
 */
export function roomChanges(
  before: WorkerList,
  after: WorkerList,
  filters: Filters,
): RoomChange[] {
  const changes: RoomChange[] = [];
  if (before.admin_peer_id !== after.admin_peer_id) {
    const { admin_peer_id: admin, epoch } = after;
    changes.push({ type: "admin_changed", before: before.admin_peer_id, admin, epoch });
  }
  if (before.stale !== after.stale) {
    const { stale, stale_ms: staleMs } = after;
    changes.push({ type: "staleness_changed", stale, staleMs });
  }
  const known = new Map(before.workers.map((worker) => [worker.peer_id, worker]));
  for (const worker of after.workers) {
    const former = known.get(worker.peer_id);
    known.delete(worker.peer_id);
    const isMeant = matches(worker, filters) || former !== undefined && matches(former, filters);
    if (!isMeant) continue;
    if (former === undefined) changes.push({ type: "worker_came", worker });
    else if (substanceOf(former) !== substanceOf(worker)) {
      changes.push({ type: "worker_changed", before: former, worker });
    }
  }
  for (const worker of known.values()) {
    if (matches(worker, filters)) changes.push({ type: "worker_left", worker });
  }
  return changes;
}

/** All but the time that has passed, and who is admin, which is said apart. */
function substanceOf(worker: WorkerView): string {
  const { incarnation, status, current_job, metadata, alive } = worker;
  return JSON.stringify([incarnation, status, current_job, metadata, alive]);
}
