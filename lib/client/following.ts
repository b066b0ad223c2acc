/**
 * Stays with a running job to its end, over as many links as it takes, and brings the results home.
 * Knows nothing of how the job was started or found.
 */

import { Failure } from "../base/failure.ts";
import type { JobId, PeerId } from "../base/id.ts";
import { SECOND_MS } from "../base/time.ts";
import type { FileEntry } from "../protocol/manifest.ts";
import { systemClock } from "../runtime/clock.ts";
import type { SubmissionEvent } from "./event.ts";
import type { JobDiary } from "./job_diary.ts";
import type { JobRefusedAnswer } from "./job_question.ts";
import { JobVisit, type VisitParts } from "./job_visit.ts";
import type { ResultFolder } from "./result_folder.ts";
import type { Training } from "./training_record.ts";
import { pause } from "./visit_wait.ts";

/** For how long a lost worker is looked for, where nobody says otherwise. */
export const REATTACH_MS = 60 * SECOND_MS;
/** Between two attempts; each takes its own time besides. */
const ATTEMPT_EVERY_MS = SECOND_MS;

/** A training that went well. */
export interface TrainingResult {
  readonly jobId: JobId;
  readonly worker: PeerId;
  readonly folder: string;
  readonly files: readonly FileEntry[];
  readonly epochs: number;
  /** Training loss of the first epoch that has one. */
  readonly firstLoss: number | undefined;
  readonly lastLoss: number | undefined;
  /** Whether it was asked to stop; then the results are those so far. */
  readonly isStoppedEarly: boolean;
}

/** What it takes to stay with a job. */
export interface FollowingParts extends VisitParts {
  readonly jobId: JobId;
  readonly folder: ResultFolder;
  readonly diary: JobDiary;
  /** For how long a lost worker is looked for; 0 gives up at once. */
  readonly reattachMs: number;
}

/**
 * Why a job cannot be followed. A worker that ran it and does not know its end was ended before it.
 */
export function followFailure({ code, job_id, reason }: JobRefusedAnswer): Failure {
  if (code !== "over") return new Failure("job_refused", `${job_id}: ${reason}`);
  return new Failure(
    "job_failed",
    `${job_id} is lost: its worker ended before it and cannot say more; train again`,
  );
}

/** Passes events on, and has the diary written with them. */
export function withDiary(
  watch: (event: SubmissionEvent) => void,
  diary: JobDiary,
): (event: SubmissionEvent) => void {
  return (event) => {
    watch(event);
    diary.heard(systemClock.now());
  };
}

/**
 * Stays with the job at `worker`, beginning with `visit`, which follows it and is closed here.
 *
 * @throws {Failure} Where the training fails or is cancelled, or the worker is lost for too long.
 * @throws The signal's reason, where it is aborted; the job goes on then.
 */
export async function followToEnd(
  visit: JobVisit,
  parts: FollowingParts,
): Promise<TrainingResult> {
  const { worker } = visit;
  const { diary, folder, jobId } = parts;
  try {
    const { files, training } = await stay(visit, parts);
    const { epochs, firstLoss, lastLoss, isStoppedEarly } = training;
    const losses = { epochs, firstLoss, lastLoss };
    return { jobId, worker, folder: folder.path, files, ...losses, isStoppedEarly };
  } finally {
    diary.close();
  }
}

async function stay(
  first: JobVisit,
  parts: FollowingParts,
): Promise<{ training: Training; files: readonly FileEntry[] }> {
  const { options: { signal, watch }, folder, reattachMs } = parts;
  const { worker } = first;
  let visit: JobVisit | undefined = first;
  let training: Training | undefined;
  let lostAt: number | undefined;
  for (;;) {
    try {
      visit ??= await comeBack(worker, parts, training === undefined);
      lostAt = undefined;
      training ??= await visit.training();
      return { training, files: await visit.download(folder, training.results) };
    } catch (error) {
      if (!(error instanceof Failure) || error.kind !== "worker_lost") throw error;
      lostAt ??= systemClock.now();
      if (systemClock.now() - lostAt >= reattachMs) throw error;
      const leftMs = reattachMs - (systemClock.now() - lostAt);
      watch({ type: "worker_lost", worker, reason: error.message, leftMs });
    } finally {
      await visit?.close();
      visit = undefined;
    }
    await pause(ATTEMPT_EVERY_MS, signal);
  }
}

async function comeBack(
  worker: PeerId,
  parts: FollowingParts,
  isTraining: boolean,
): Promise<JobVisit> {
  const visit = await JobVisit.open(worker, parts.jobId, parts);
  try {
    const refused = isTraining ? await visit.follow() : undefined;
    if (refused !== undefined) throw followFailure(refused);
    return visit;
  } catch (error) {
    await visit.close();
    throw error;
  }
}
