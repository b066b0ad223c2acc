/**
 * Goes to the worker that has a job: the one that this installation remembers, or whichever of the
 * room knows the job. Knows nothing of what is wanted there.
 */

import { Failure } from "../base/failure.ts";
import type { JobId, PeerId } from "../base/id.ts";
import type { JobEnding } from "../job/slot_input.ts";
import type { Manifest } from "../protocol/manifest.ts";
import type { WorkerView } from "../protocol/worker.ts";
import { systemClock } from "../runtime/clock.ts";
import type { SubmissionEvent } from "./event.ts";
import { followFailure, followToEnd, type TrainingResult, withDiary } from "./following.ts";
import { JobDiary } from "./job_diary.ts";
import type { JobRecord, JobRecords } from "./job_records.ts";
import { JobVisit, type VisitParts } from "./job_visit.ts";
import { type LinkedOptions, LinkedSession } from "./linked_session.ts";
import { holderOf, waitingJob } from "./queue_outlook.ts";
import { ResultFolder } from "./result_folder.ts";
import { type JobStanding, NOTHING_HEARD, TrainingRecord } from "./training_record.ts";
import { withdrawJob } from "./withdrawal.ts";

/** Who asks, and who is told of the steps. */
export interface AttendanceOptions extends LinkedOptions {
  readonly records: JobRecords;
  watch(event: SubmissionEvent): void;
}

/** How a job is followed. */
export interface FollowRequest {
  readonly jobId: JobId;
  /** Where the results are to stand: a folder that is new or empty. */
  readonly outputFolder: string;
  /** Whether all is told again that was heard before. */
  readonly isFromStart: boolean;
  /** For how long a lost worker is looked for; 0 gives up at once. */
  readonly reattachMs: number;
}

/**
 * Follows a job of this installation to its end: what it has missed, what comes, and the results.
 *
 * @throws {Failure} Where no worker knows the job, it ends badly, or its worker is lost.
 * @throws The signal's reason, where it is aborted; the job goes on.
 */
export async function followJob(
  request: FollowRequest,
  options: AttendanceOptions,
): Promise<TrainingResult> {
  const { jobId, reattachMs } = request;
  const { records } = options;
  const known = await records.find(jobId);
  const isOver = known !== undefined && known.standing !== "running";
  const isAnew = request.isFromStart || isOver;
  const record = new TrainingRecord(isAnew ? undefined : known?.heard);
  await using linked = await LinkedSession.open(options);
  const folder = await folderOf(request, known);
  const parts = { ...linkedParts(linked, options), record };
  const visit = await visitJob(jobId, known, parts, async (there) => {
    const refused = await there.follow();
    if (refused !== undefined) throw followFailure(refused);
  });
  const diary = new JobDiary(records, record, {
    record: known === undefined ? newRecord(visit, request, options) : {
      ...known,
      output_folder: folder.path,
      standing: "running",
    },
    log: options.log,
  });
  const watch = withDiary((event) => options.watch(event), diary);
  return await followToEnd(visit, {
    ...parts,
    options: { ...parts.options, watch },
    jobId,
    folder,
    diary,
    reattachMs,
  });
}

/** The place of the results that are still to come. */
async function folderOf(
  { jobId, outputFolder }: FollowRequest,
  known: JobRecord | undefined,
): Promise<ResultFolder> {
  try {
    return await ResultFolder.prepare(outputFolder, jobId);
  } catch (error) {
    if (!(error instanceof Failure) || known?.standing !== "done") throw error;
    const message = `${jobId} is done, and its results may be home already: ${error.message}`;
    throw new Failure(error.kind, message, { cause: error });
  }
}

/** How a job ended that was asked to. */
export type Ending =
  | { readonly type: "cancelled" }
  /** It waited for its turn, and never began. */
  | { readonly type: "withdrawn" }
  | { readonly type: "done"; readonly isStoppedEarly: boolean; readonly epochs: number };

/**
 * Ends a running job of this installation, and waits for its end; a job that waits is cancelled by
 * taking it out of the queue.
 *
 * @throws {Failure} Where no worker runs the job, or it ends badly by itself.
 * @throws The signal's reason, where it is aborted; the job is ended all the same.
 */
export async function endJob(
  jobId: JobId,
  how: JobEnding,
  options: AttendanceOptions,
): Promise<{ readonly worker: PeerId; readonly ending: Ending }> {
  const known = await options.records.find(jobId);
  await using linked = await LinkedSession.open(options);
  // A job that is remembered has said a word, and waits no more.
  const mayWait = how === "cancel" && known === undefined;
  const withdrawnAt = mayWait ? await withdrawJob(jobId, linked, options) : undefined;
  if (withdrawnAt !== undefined) return { worker: withdrawnAt, ending: { type: "withdrawn" } };
  const parts = { ...linkedParts(linked, options), record: new TrainingRecord() };
  const visit = await visitJob(jobId, known, parts, async (there) => {
    const refused = await there.end(how);
    if (refused !== undefined) throw new Failure("job_refused", `${jobId}: ${refused.reason}`);
  });
  try {
    return { worker: visit.worker, ending: await endingOf(visit) };
  } finally {
    remember(known, parts.record.standing, options);
    await visit.close();
  }
}

/** Writes down how a job ended that this installation remembers. It has ended, whether we can or not. */
function remember(
  known: JobRecord | undefined,
  standing: JobStanding,
  { records, log }: AttendanceOptions,
): void {
  if (known === undefined || standing === "running") return;
  try {
    records.save({ ...known, standing });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    log.write("warning", `The job's end cannot be remembered: ${reason}`, { job_id: known.job_id });
  }
}

/** Results that were brought home. */
export interface FetchedResults {
  readonly jobId: JobId;
  readonly worker: PeerId;
  readonly folder: string;
  readonly files: Manifest["files"];
}

/**
 * Brings the results of a job that ended well, or what one has written that failed, into `outputFolder`,
 * which is new or empty.
 *
 * @throws {Failure} Where no worker has results of it, or they do not come home whole.
 */
export async function fetchResults(
  jobId: JobId,
  outputFolder: string,
  options: AttendanceOptions,
): Promise<FetchedResults> {
  const known = await options.records.find(jobId);
  await using linked = await LinkedSession.open(options);
  const folder = await ResultFolder.prepare(outputFolder, jobId);
  const parts = { ...linkedParts(linked, options), record: new TrainingRecord() };
  const files: Manifest["files"] = [];
  const visit = await visitJob(jobId, known, parts, async (there) => {
    files.push(...await there.download(folder));
  });
  await visit.close();
  return { jobId, worker: visit.worker, folder: folder.path, files };
}

function linkedParts(
  { session, backend }: LinkedSession,
  options: AttendanceOptions,
): Omit<VisitParts, "record"> {
  return { session, backend, options };
}

/**
 * Asks for something at the worker that has the job; where it is unknown which one that is, at each.
 * Gives the visit at which it was granted, which the caller closes.
 */
async function visitJob(
  jobId: JobId,
  known: JobRecord | undefined,
  parts: VisitParts,
  ask: (visit: JobVisit) => Promise<void>,
): Promise<JobVisit> {
  const { roomId } = parts.options.room;
  if (known !== undefined && known.room_id !== roomId) {
    throw new Failure(
      "no_worker",
      `Expected the room ${known.room_id}, where ${jobId} was sent, got ${roomId}; give the invite to that one`,
    );
  }
  const workers = known === undefined ? await placesOf(jobId, parts) : [known.worker];
  const objections: Failure[] = [];
  for (const worker of workers) {
    const visit = await tryAt(worker, jobId, parts, ask);
    if (visit instanceof JobVisit) return visit;
    objections.push(visit);
  }
  const [only] = objections;
  if (objections.length === 1 && only !== undefined) throw only;
  const reasons = objections.map(({ message }) => message).join("; ") || "nobody is there";
  throw new Failure("no_worker", `Expected a worker that knows ${jobId}, got none: ${reasons}`);
}

/** Whom to ask for a job of which nothing is remembered. */
async function placesOf(jobId: JobId, { session }: VisitParts): Promise<readonly PeerId[]> {
  const { list } = await session.discover({});
  const isWaiting = waitingJob(list, jobId) !== undefined;
  if (!isWaiting || holderOf(list, jobId) !== undefined) return placesToAsk(list.workers, jobId);
  throw new Failure(
    "no_worker",
    `Expected a job that has begun, got ${jobId}, which waits in the queue; its own \`train\` goes on with it, and \`sleap-rtc why ${jobId}\` says why it waits`,
  );
}

/** The visit at which `ask` was granted, or why it was not; what another worker cannot mend is thrown. */
async function tryAt(
  worker: PeerId,
  jobId: JobId,
  parts: VisitParts,
  ask: (visit: JobVisit) => Promise<void>,
): Promise<JobVisit | Failure> {
  let visit: JobVisit | undefined;
  try {
    visit = await JobVisit.open(worker, jobId, parts);
    await ask(visit);
    return visit;
  } catch (error) {
    await visit?.close();
    const isElsewhere = error instanceof Failure &&
      (error.kind === "job_refused" || error.kind === "worker_lost");
    if (!isElsewhere) throw error;
    return new Failure(error.kind, `${worker}: ${error.message}`, { cause: error });
  }
}

/** The living workers, first the one that says that it runs the job. */
export function placesToAsk(workers: readonly WorkerView[], jobId: JobId): readonly PeerId[] {
  const living = workers.filter(({ alive, status }) => alive && status !== "left");
  const runs = ({ current_job }: WorkerView) => current_job?.job_id === jobId;
  const first = living.filter(runs);
  return [...first, ...living.filter((view) => !runs(view))].map(({ peer_id }) => peer_id);
}

async function endingOf(visit: JobVisit): Promise<Ending> {
  try {
    const { isStoppedEarly, epochs } = await visit.training();
    return { type: "done", isStoppedEarly, epochs };
  } catch (error) {
    if (error instanceof Failure && error.kind === "job_cancelled") return { type: "cancelled" };
    throw error;
  }
}

/** The first record of a job that this installation has lost sight of. */
function newRecord(
  visit: JobVisit,
  { jobId, outputFolder }: FollowRequest,
  { room }: AttendanceOptions,
): JobRecord {
  return {
    version: 1,
    job_id: jobId,
    room_id: room.roomId,
    worker: visit.worker,
    run_name: jobId,
    output_folder: outputFolder,
    started_at_ms: systemClock.wallMs(),
    standing: "running",
    heard: NOTHING_HEARD,
  };
}
