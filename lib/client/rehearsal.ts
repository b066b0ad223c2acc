/**
 * Asks every worker of a room whether it would run a job, and sends nothing else: who would, who would
 * not and why, and which of them would be chosen.
 */

import { Failure } from "../base/failure.ts";
import type { PeerId } from "../base/id.ts";
import type { MissingFile } from "../protocol/mount.ts";
import type { WorkerView } from "../protocol/worker.ts";
import { newJobId } from "../runtime/chance.ts";
import { JobVisit } from "./job_visit.ts";
import { LinkedSession } from "./linked_session.ts";
import { refusalReason } from "./refusal.ts";
import { describeInputs, type SubmissionOptions, type TrainingRequest } from "./submission.ts";
import { TrainingRecord } from "./training_record.ts";
import { chooseWorkers, objectionTo } from "./worker_choice.ts";

/** What one worker says to a job. */
export interface WorkerAnswer {
  readonly worker: PeerId;
  /** Why it would not run it; `undefined` where it would. */
  readonly objection: string | undefined;
  readonly missing: readonly MissingFile[];
}

/** What a whole room says to a job. */
export interface Rehearsal {
  readonly answers: readonly WorkerAnswer[];
  /** The worker that would be asked first of those that would run it. */
  readonly chosen: PeerId | undefined;
}

/**
 * Rehearses.
 *
 * @throws {Failure} Where the server or the room cannot be reached.
 * @throws The signal's reason, where it was aborted.
 */
export async function rehearse(
  request: TrainingRequest,
  options: SubmissionOptions,
): Promise<Rehearsal> {
  const inputs = await describeInputs(request);
  await using linked = await LinkedSession.open(options);
  const wish = { ...request, runner: request.spec.runner };
  const { workers } = (await linked.session.discover({})).list;
  const { candidates } = chooseWorkers(workers, wish);
  const answers: WorkerAnswer[] = [];
  for (const { peer_id: worker } of candidates) {
    answers.push(await answerOf(worker));
  }
  const chosen = answers.find(({ objection }) => objection === undefined)?.worker;
  for (const view of workers) {
    const objection = objectionTo(view, wish);
    if (objection !== undefined) answers.push(refusedUnasked(view, objection));
  }
  return { answers, chosen };

  async function answerOf(worker: PeerId): Promise<WorkerAnswer> {
    const { session, backend } = linked;
    const parts = { session, backend, options, record: new TrainingRecord() };
    let visit: JobVisit | undefined;
    try {
      visit = await JobVisit.open(worker, newJobId(), parts);
      const refusal = await visit.inquire(request.spec, inputs);
      const objection = refusal === undefined ? undefined : refusalReason(refusal);
      return { worker, objection, missing: refusal?.missing ?? [] };
    } catch (error) {
      // That one worker cannot be reached is its answer; the others are still asked.
      if (!(error instanceof Failure) || error.kind !== "worker_lost") throw error;
      return { worker, objection: error.message, missing: [] };
    } finally {
      await visit?.close();
    }
  }
}

function refusedUnasked({ peer_id: worker }: WorkerView, objection: string): WorkerAnswer {
  return { worker, objection, missing: [] };
}
