/**
 * The jobs of a room: those that its workers hold now, and those that this installation remembers.
 * Decides from lists alone.
 */

import type { JobId, PeerId, RoomId } from "../base/id.ts";
import { haveOneKey } from "../protocol/identity.ts";
import type { WorkerView } from "../protocol/worker.ts";
import type { JobRecord } from "./job_records.ts";
import type { JobStanding } from "./training_record.ts";

/**
 * How a job stands. `reserved`: its package is on its way; `ended`: it runs no more, and this
 * installation has not heard how it ended.
 */
export type ListedStanding = "reserved" | JobStanding | "ended";

/** One job. */
export interface ListedJob {
  readonly jobId: JobId;
  readonly standing: ListedStanding;
  readonly worker: PeerId;
  /** Whether this installation sent it. */
  readonly isOurs: boolean;
  readonly runName: string | undefined;
  /** When it started, by this machine's clock, in ms; only our own are known. */
  readonly startedAtMs: number | undefined;
  /** Epochs that this installation has heard of. */
  readonly epochs: number | undefined;
}

/** What a list is made of. */
export interface JobSources {
  readonly workers: readonly WorkerView[];
  readonly records: readonly JobRecord[];
  readonly roomId: RoomId;
  /** Any peer id of this installation. */
  readonly self: PeerId;
}

/** Those that are held first, then the remembered ones, the youngest first. */
export function listJobs({ workers, records, roomId, self }: JobSources): readonly ListedJob[] {
  const ofRoom = records.filter((record) => record.room_id === roomId);
  const held = workers.flatMap((view): ListedJob[] => {
    const { current_job: job, status, alive, peer_id: worker } = view;
    if (job === null || !alive || status === "left") return [];
    const record = ofRoom.find(({ job_id }) => job_id === job.job_id);
    return [{
      jobId: job.job_id,
      standing: status === "reserved" ? "reserved" : "running",
      worker,
      isOurs: haveOneKey(job.client_id, self),
      ...recalled(record),
    }];
  });
  const isHeld = ({ job_id }: JobRecord) => held.some(({ jobId }) => jobId === job_id);
  const remembered = ofRoom.filter((record) => !isHeld(record)).map((record): ListedJob => ({
    jobId: record.job_id,
    standing: record.standing === "running" ? "ended" : record.standing,
    worker: record.worker,
    isOurs: true,
    ...recalled(record),
  }));
  return [...held, ...remembered];
}

function recalled(record: JobRecord | undefined) {
  return {
    runName: record?.run_name,
    startedAtMs: record?.started_at_ms,
    epochs: record?.heard.epochs,
  };
}
