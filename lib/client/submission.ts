/**
 * Takes one training from a laptop to a worker and back: chooses a worker, reserves it, sends the
 * package, watches the training and brings the results home. A watcher is told of every step.
 */

import type { JobId, PeerId } from "../base/id.ts";
import type { Log } from "../base/log.ts";
import { Failure } from "../base/failure.ts";
import { SECOND_MS } from "../base/time.ts";
import type { JobSpec } from "../protocol/job_spec.ts";
import type { FileEntry, Manifest } from "../protocol/manifest.ts";
import type { WorkerView } from "../protocol/worker.ts";
import { selectBackend } from "../rtc/backend.ts";
import { guardAgainstStrayFailures } from "../rtc/guard.ts";
import type { IceServer, LinkBackend } from "../rtc/link.ts";
import { newJobId } from "../runtime/chance.ts";
import type { RoomAccess, RtcChoice } from "../runtime/config.ts";
import type { PeerIdentity } from "../runtime/credentials.ts";
import { systemClock } from "../runtime/clock.ts";
import { digestFile } from "../runtime/file_digest.ts";
import type { InputFile } from "../runtime/input_bundle.ts";
import type { MountTable } from "../runtime/mount_table.ts";
import { Canvass } from "./canvass.ts";
import { deliver, isSetback, type Setback } from "./delivery.ts";
import type { SubmissionEvent } from "./event.ts";
import { followToEnd, type TrainingResult, withDiary } from "./following.ts";
import { JobDiary } from "./job_diary.ts";
import type { JobRecords } from "./job_records.ts";
import { serversOf } from "./queue_outlook.ts";
import { QueuePlace } from "./queue_place.ts";
import { refusalOfAll } from "./refusal.ts";
import { ResultFolder } from "./result_folder.ts";
import { Session } from "./session.ts";
import { NOTHING_HEARD, TrainingRecord } from "./training_record.ts";
import { pause } from "./visit_wait.ts";
import { chooseWorkers, needsOf, type WorkerWish } from "./worker_choice.ts";

/** A room whose admin has just died needs so long to answer again. */
const DISCOVER_AGAIN_MS = SECOND_MS;
/** Between two attempts at a worker that is held for us and could not be reached. */
const TURN_AGAIN_MS = SECOND_MS;

/** What is to be trained, and where the results go. */
export interface TrainingRequest {
  readonly packagePath: string;
  /** What is sent besides the package: videos, models, a checkpoint. */
  readonly others?: readonly InputFile[];
  /** Folders that workers may see, too: what lies there is named by its place. None where left out. */
  readonly mounts?: MountTable;
  readonly spec: JobSpec;
  /** The one worker that may run it; the best free one where left out. */
  readonly worker?: PeerId;
  /** GPU memory in MB that the worker must have at least. */
  readonly minGpuMemoryMb?: number;
  /** A folder that is new or empty. It is there when the results are whole, and not before. */
  readonly outputFolder: string;
  /** For how long a worker that is lost is looked for; 0 gives up at once. */
  readonly reattachMs: number;
  /** Whether the inputs are sent even if the worker has them already. */
  readonly isFresh?: boolean;
  /** Whether the job waits for its turn where workers fit and none is free; else that is an error. */
  readonly mayWait?: boolean;
}

/** With what, and for whom. */
export interface SubmissionOptions {
  readonly room: RoomAccess;
  readonly identity: PeerIdentity;
  readonly rtc: RtcChoice;
  readonly iceServers: readonly IceServer[];
  /** Where it is remembered which worker has the job. */
  readonly records: JobRecords;
  readonly log: Log;
  readonly signal: AbortSignal;
  watch(event: SubmissionEvent): void;
}

/**
 * Trains.
 *
 * @throws {Failure} Where it did not come to whole results; the kind says why.
 * @throws The signal's reason, where it was aborted.
 */
export async function submitTraining(
  request: TrainingRequest,
  options: SubmissionOptions,
): Promise<TrainingResult> {
  const inputs = await describeInputs(request);
  options.signal.throwIfAborted();
  using _guard = guardAgainstStrayFailures(options.log);
  const jobId = newJobId();
  const session = await Session.open(options);
  try {
    const candidates = await findWorkers(session, request, options.signal);
    // Before anything is sent: a training whose results cannot be kept is not worth its hours.
    const folder = await ResultFolder.prepare(request.outputFolder, jobId);
    const backend = await selectBackend(options.rtc, options.log);
    try {
      const submission = { session, backend, request, options, jobId, folder };
      return await submitTo(candidates, inputs, submission);
    } finally {
      await backend.dispose();
    }
  } finally {
    await session.close();
  }
}

interface Submission {
  readonly session: Session;
  readonly backend: LinkBackend;
  readonly request: TrainingRequest;
  readonly options: SubmissionOptions;
  readonly jobId: JobId;
  readonly folder: ResultFolder;
}

/** One after the other: somebody else may have been faster at the best one, or it is gone by now. */
async function submitTo(
  candidates: readonly WorkerView[],
  inputs: Manifest,
  submission: Submission,
): Promise<TrainingResult> {
  const setbacks: Setback[] = [];
  const canvass = canvassOf(inputs, submission);
  for (const worker of candidates) {
    submission.options.watch({ type: "worker_chosen", worker, available: candidates.length });
    const result = await visit(worker.peer_id, inputs, submission);
    if (!isSetback(result)) return result;
    setbacks.push(result);
    if (!result.mayPass) canvass.refused(worker, result.failure);
  }
  if (submission.request.mayWait === true) return await submitInTurn(inputs, submission, canvass);
  throw refusalOfAll(setbacks.map(({ failure }) => failure));
}

/**
 * Waits in the queue, and trains at the worker whose turn it is for.
 *
 * @param canvass What workers have said to the job so far.
 */
async function submitInTurn(
  inputs: Manifest,
  submission: Submission,
  canvass: Canvass,
): Promise<TrainingResult> {
  const { backend, jobId, options, session } = submission;
  const { signal, watch } = options;
  // Before it waits for hours: somebody must find its files.
  const needs = await canvass.needs((await session.discover({})).list.workers);
  await using leave = new AsyncDisposableStack();
  const place = leave.use(
    await QueuePlace.open(backend, {
      ...options,
      jobId,
      needs,
      tell: (outlook) => watch({ type: "waiting", jobId, outlook }),
    }),
  );
  for (;;) {
    const worker = await place.turn((workers) => canvass.isWorthAsking(workers));
    if (worker !== undefined) {
      // Once the job runs, it waits no more; until then the place is ours.
      const result = await visit(worker.peer_id, inputs, submission, () => leave.disposeAsync());
      if (!isSetback(result)) return result;
      if (!result.mayPass) canvass.refused(worker, result.failure);
      await pause(TURN_AGAIN_MS, signal);
    }
    place.change(await canvass.needs(place.workers));
  }
}

function canvassOf(inputs: Manifest, { session, backend, options, request }: Submission): Canvass {
  const { spec } = request;
  return new Canvass({ session, backend, options, spec, inputs }, needsOf(wishOf(request)));
}

/** Trains at `worker`; gives the setback where it cannot be reached or does not take the job. */
async function visit(
  worker: PeerId,
  inputs: Manifest,
  submission: Submission,
  started?: () => Promise<void>,
): Promise<TrainingResult | Setback> {
  const { request, jobId, folder, options } = submission;
  const { spec, reattachMs } = request;
  const files = inputFiles(request);
  const record = new TrainingRecord();
  const diary = new JobDiary(options.records, record, {
    record: {
      version: 1,
      job_id: jobId,
      room_id: options.room.roomId,
      worker,
      run_name: spec.run_name,
      output_folder: folder.path,
      started_at_ms: systemClock.wallMs(),
      standing: "running",
      heard: NOTHING_HEARD,
    },
    log: options.log,
  });
  const watch = withDiary((event) => options.watch(event), diary);
  const parts = { ...submission, options: { ...options, watch }, record };
  const visit = await deliver(worker, {
    ...parts,
    spec,
    inputs,
    pathOf: (index) => files[index]?.local ?? request.packagePath,
    isFresh: request.isFresh ?? false,
    reattachMs,
  });
  if (isSetback(visit)) return visit;
  try {
    await started?.();
  } catch (error) {
    await visit.close();
    throw error;
  }
  return await followToEnd(visit, { ...parts, folder, diary, reattachMs });
}

/** What is sent, in the order of the manifest. */
function inputFiles({ packagePath, others = [], spec }: TrainingRequest): InputFile[] {
  return [{ path: spec.package, local: packagePath }, ...others];
}

/** The manifest of the inputs. */
export async function describeInputs(request: TrainingRequest): Promise<Manifest> {
  const files: FileEntry[] = [];
  for (const { path, local } of inputFiles(request)) {
    const shared = await request.mounts?.placeOf(local);
    files.push({
      path,
      ...await digestFile(local),
      ...(shared === undefined ? {} : { shared }),
    });
  }
  return { files };
}

/**
 * The workers to ask, best first; none where the job is to wait. Asked twice: right after an admin's
 * death the first answer is old.
 */
async function findWorkers(
  session: Session,
  request: TrainingRequest,
  signal: AbortSignal,
): Promise<readonly WorkerView[]> {
  const wish = wishOf(request);
  const first = chooseWorkers((await session.discover({})).list.workers, wish);
  if (first.candidates.length > 0) return first.candidates;
  await pause(DISCOVER_AGAIN_MS, signal);
  const { list } = await session.discover({});
  const second = chooseWorkers(list.workers, wish);
  if (second.candidates.length > 0) return second.candidates;
  if (request.mayWait === true && serversOf(list, needsOf(wish)).length > 0) return [];
  throw new Failure(
    "no_worker",
    `Expected a worker that is free and fits, got none: ${
      second.objections.join("; ")
    }; see \`sleap-rtc discover\``,
  );
}

function wishOf({ worker, minGpuMemoryMb, spec: { runner } }: TrainingRequest): WorkerWish {
  return {
    runner,
    ...(worker === undefined ? {} : { worker }),
    ...(minGpuMemoryMb === undefined ? {} : { minGpuMemoryMb }),
  };
}
