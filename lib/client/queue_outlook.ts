/**
 * Why a job waits: its place, and of each worker why it does not take it now. Decides from a list
 * alone, as every replica could.
 */

import type { JobId, PeerId } from "../base/id.ts";
import { freeAtMsOf } from "../protocol/free_time.ts";
import { shortcomingOf } from "../protocol/fitness.ts";
import type { WorkerList } from "../protocol/query.ts";
import type { Needs, Waiting } from "../protocol/queue_message.ts";
import type { WorkerStatus, WorkerView } from "../protocol/worker.ts";

/** What a worker is doing that takes jobs, or will again. */
const SERVING: readonly WorkerStatus[] = ["available", "reserved", "busy", "maintenance"];

/** What stands between a worker and a job that waits. */
export interface Obstacle {
  readonly worker: PeerId;
  /**
   * `unfit`: it never will take it as it is; `away`: it may come back, nobody knows when; `busy`: another
   * job holds it; `free`: it is free, and will take whoever is first.
   */
  readonly kind: "unfit" | "away" | "busy" | "free";
  /** To follow the worker's name in a sentence. */
  readonly reason: string;
  /** When it expects to be free, by its own clock, in ms since 1970, where it says so. */
  readonly freeAtMs?: number;
}

/** How a job that waits stands. */
export interface QueueOutlook {
  /** Its place among those whose clients are there, from 1; absent while nobody has written it down. */
  readonly position: number | undefined;
  /** How many those are. */
  readonly waiting: number;
  /** The worker that is held for it: it is its turn. */
  readonly turnAt: PeerId | undefined;
  /** Whether those who answer are cut off from the majority: then nobody's turn comes. */
  readonly isCutOff: boolean;
  readonly obstacles: readonly Obstacle[];
}

/** How `jobId`, which needs `needs`, stands in the queue of `list`. */
export function queueOutlook(list: WorkerList, jobId: JobId, needs: Needs): QueueOutlook {
  const present = (list.waiting ?? []).filter(({ job_id, is_present }) =>
    is_present || job_id === jobId
  );
  const index = present.findIndex(({ job_id }) => job_id === jobId);
  return {
    position: index < 0 ? undefined : index + 1,
    waiting: present.length,
    turnAt: holderOf(list, jobId)?.peer_id,
    isCutOff: list.stale,
    obstacles: list.workers.flatMap((worker) => obstacleOf(worker, jobId, needs)),
  };
}

/** The worker whose slot is held for `jobId`, or that has it already. */
export function holderOf({ workers }: WorkerList, jobId: JobId): WorkerView | undefined {
  return workers.find(({ alive, current_job, status }) =>
    alive && status !== "left" && current_job?.job_id === jobId
  );
}

/** The request of `jobId`, where it waits. */
export function waitingJob({ waiting }: WorkerList, jobId: JobId): Waiting | undefined {
  return waiting?.find(({ job_id }) => job_id === jobId);
}

/** The workers that live and could run it, once they are free or their maintenance is over. */
export function serversOf(
  { workers }: { readonly workers: readonly WorkerView[] },
  needs: Needs,
): readonly WorkerView[] {
  return workers.filter((worker) =>
    worker.alive && SERVING.includes(worker.status) && shortcomingOf(worker, needs) === undefined
  );
}

function obstacleOf(worker: WorkerView, jobId: JobId, needs: Needs): readonly Obstacle[] {
  const { alive, current_job: job, metadata, peer_id, status } = worker;
  const is = (kind: Obstacle["kind"], reason: string) => [{ worker: peer_id, kind, reason }];
  if (job?.job_id === jobId) return [];
  if (!alive) return is("away", "gives no sign of life");
  const shortcoming = shortcomingOf({ peer_id, status, metadata }, needs);
  if (shortcoming !== undefined) return is("unfit", shortcoming);
  const of = job === null ? "another job" : `${job.job_id} of ${job.client_id}`;
  switch (status) {
    case "available":
      return is("free", "is free");
    case "reserved":
      return is("busy", `is reserved for ${of}`);
    case "busy":
      return is("busy", `runs ${of}`).map((obstacle) => {
        const freeAtMs = freeAtMsOf(worker);
        return freeAtMs === undefined ? obstacle : { ...obstacle, freeAtMs };
      });
    case "draining":
      return is("unfit", "takes no more jobs");
    case "maintenance":
      return is("away", "is in maintenance");
    case "left":
      return is("away", "has left");
    default:
      return status satisfies never;
  }
}
