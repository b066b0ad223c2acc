/**
 * Asks every worker of a room whether it would run a job, and sends nothing else: who would, who would
 * not and why, and which of them would be chosen.
 */

import { Failure } from "../base/failure.ts";
import type { PeerId } from "../base/id.ts";
import type { MissingFile } from "../protocol/mount.ts";
import type { WorkerView } from "../protocol/worker.ts";
import { lastingRefusal, type Opinion, opinionOf } from "./canvass.ts";
import { LinkedSession } from "./linked_session.ts";
import { serversOf } from "./queue_outlook.ts";
import { refusalReason } from "./refusal.ts";
import { describeInputs, type SubmissionOptions, type TrainingRequest } from "./submission.ts";
import { chooseWorkers, needsOf, objectionTo } from "./worker_choice.ts";

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
  const { session, backend } = linked;
  const { spec } = request;
  const ask = (worker: PeerId) => opinionOf(worker, { session, backend, options, spec, inputs });
  const answers: WorkerAnswer[] = [];
  for (const { peer_id: worker } of candidates) {
    answers.push(answerOf(worker, await ask(worker)));
  }
  const chosen = answers.find(({ objection }) => objection === undefined)?.worker;
  const servers = serversOf({ workers }, needsOf(wish));
  for (const view of workers) {
    const objection = objectionTo(view, wish);
    if (objection === undefined) continue;
    // One that is busy says more than that if the job could not run there later either.
    const refusal = servers.includes(view) ? lastingRefusal(await ask(view.peer_id)) : undefined;
    answers.push(
      refusal === undefined ? refusedUnasked(view, objection) : answerOf(view.peer_id, refusal),
    );
  }
  return { answers, chosen };
}

function answerOf(worker: PeerId, opinion: Opinion): WorkerAnswer {
  if (opinion === undefined) return { worker, objection: undefined, missing: [] };
  if (opinion instanceof Failure) return { worker, objection: opinion.message, missing: [] };
  return { worker, objection: refusalReason(opinion), missing: opinion.missing ?? [] };
}

function refusedUnasked({ peer_id: worker }: WorkerView, objection: string): WorkerAnswer {
  return { worker, objection, missing: [] };
}
