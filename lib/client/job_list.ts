/**
 * The jobs of a room: those that its workers hold now, those that wait, and those that this installation
 * remembers.
 * Decides from lists alone.
 */

import type { JobId, PeerId, RoomId } from "../base/id.ts";
import { haveOneKey } from "../protocol/identity.ts";
import type { WorkerList } from "../protocol/query.ts";
import type { JobRecord } from "./job_records.ts";
import { type QueueOutlook, queueOutlook } from "./queue_outlook.ts";
import type { JobStanding } from "./training_record.ts";

/**
 * How a job stands. `waiting`: no worker is free for it yet; `away`: it keeps its place, but its client
 * is not there; `reserved`: it is its turn, or its package is on its way; `ended`: it runs no more, and
 * this installation has not heard how it ended.
 */
export type ListedStanding = "waiting" | "away" | "reserved" | JobStanding | "ended";

/** One job. */
export interface ListedJob {
  readonly jobId: JobId;
  readonly standing: ListedStanding;
  /** The worker that has it; none while it waits. */
  readonly worker: PeerId | undefined;
  /** Its place in the queue, from 1, while it waits. */
  readonly position: number | undefined;
  /** Whether this installation sent it. */
  readonly isOurs: boolean;
  readonly runName: string | undefined;
  /** When it started, by this machine's clock, or began to wait, by a worker's, in ms; of others' only the latter. */
  readonly startedAtMs: number | undefined;
  /** Epochs that this installation has heard of. */
  readonly epochs: number | undefined;
  /** Why it waits, while it does. */
  readonly outlook: QueueOutlook | undefined;
}

/** What a list is made of. */
export interface JobSources {
  /** The workers, and the requests that wait, in order. */
  readonly list: WorkerList;
  readonly records: readonly JobRecord[];
  readonly roomId: RoomId;
  /** Any peer id of this installation. */
  readonly self: PeerId;
}

/** Those that are held first, then those that wait, then the remembered ones, the youngest first. */
export function listJobs(
  { list, records, roomId, self }: JobSources,
): readonly ListedJob[] {
  const { workers, waiting = [] } = list;
  const ofRoom = records.filter((record) => record.room_id === roomId);
  const held = workers.flatMap((view): ListedJob[] => {
    const { current_job: job, status, alive, peer_id: worker } = view;
    if (job === null || !alive || status === "left") return [];
    const record = ofRoom.find(({ job_id }) => job_id === job.job_id);
    return [{
      jobId: job.job_id,
      standing: status === "reserved" ? "reserved" : "running",
      worker,
      position: undefined,
      isOurs: haveOneKey(job.client_id, self),
      outlook: undefined,
      ...recalled(record),
    }];
  });
  const present = waiting.filter(({ is_present }) => is_present);
  const queued = waiting.flatMap((request): ListedJob[] => {
    const { job_id: jobId, client_id, is_present, queued_at_ms } = request;
    if (held.some((job) => job.jobId === jobId)) return [];
    return [{
      jobId,
      standing: is_present ? "waiting" : "away",
      worker: undefined,
      position: is_present ? present.indexOf(request) + 1 : undefined,
      isOurs: haveOneKey(client_id, self),
      ...recalled(undefined),
      startedAtMs: queued_at_ms,
      outlook: queueOutlook(list, jobId, request.needs),
    }];
  });
  const isHeld = ({ job_id }: JobRecord) => held.some(({ jobId }) => jobId === job_id);
  const remembered = ofRoom.filter((record) => !isHeld(record)).map((record): ListedJob => ({
    jobId: record.job_id,
    standing: record.standing === "running" ? "ended" : record.standing,
    worker: record.worker,
    position: undefined,
    isOurs: true,
    outlook: undefined,
    ...recalled(record),
  }));
  return [...held, ...queued, ...remembered];
}

function recalled(record: JobRecord | undefined) {
  return {
    runName: record?.run_name,
    startedAtMs: record?.started_at_ms,
    epochs: record?.heard.epochs,
  };
}
