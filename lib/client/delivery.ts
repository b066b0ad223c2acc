/**
 * Brings a job to one worker: reserves it, sends the inputs and starts it, over as many links as it
 * takes. What the worker has of the inputs stays there, so a lost link costs no more than a block.
 */

import { Failure } from "../base/failure.ts";
import type { JobId, PeerId } from "../base/id.ts";
import { SECOND_MS } from "../base/time.ts";
import type { JobSpec } from "../protocol/job_spec.ts";
import type { Manifest } from "../protocol/manifest.ts";
import { systemClock } from "../runtime/clock.ts";
import type { JobRefusedAnswer } from "./job_question.ts";
import { JobVisit, type VisitParts } from "./job_visit.ts";
import { refusalFailure } from "./refusal.ts";
import { pause } from "./visit_wait.ts";

/** Between two attempts; each takes its own time besides. */
const ATTEMPT_EVERY_MS = SECOND_MS;

/** What is brought. */
export interface Delivery extends VisitParts {
  readonly jobId: JobId;
  readonly spec: JobSpec;
  readonly inputs: Manifest;
  readonly pathOf: (index: number) => string;
  /** Whether all inputs are sent, even those that the worker has in its cache. */
  readonly isFresh: boolean;
  /** For how long a worker that is lost on the way is looked for; 0 gives up at once. */
  readonly reattachMs: number;
}

/** Why a worker does not take a job. */
export interface Setback {
  readonly failure: Failure;
  /** Whether it may take the job later, or another may now. */
  readonly mayPass: boolean;
}

/** Whether `result` is a setback, and no visit or training. */
export function isSetback(result: object): result is Setback {
  return "mayPass" in result;
}

/**
 * The visit at which the job was started, which the caller closes; or why the worker cannot be reached
 * or does not take the job.
 *
 * @throws {Failure} Where the inputs cannot be sent.
 * @throws The signal's reason, where it is aborted.
 */
export async function deliver(worker: PeerId, delivery: Delivery): Promise<JobVisit | Setback> {
  const { options: { signal, watch }, reattachMs } = delivery;
  let isReserved = false;
  let isStartAsked = false;
  let lostAt: number | undefined;
  for (;;) {
    let visit: JobVisit | undefined;
    try {
      visit = await JobVisit.open(worker, delivery.jobId, delivery);
      // The start may have been heard, and only its answer lost.
      if (isStartAsked && await visit.follow() === undefined) return visit;
      const refusal = await visit.reserve(delivery.spec, delivery.inputs);
      if (refusal !== undefined) {
        await visit.close();
        const failure = refusalFailure(worker, refusal);
        return { failure, mayPass: isPassing(refusal) };
      }
      isReserved = true;
      lostAt = undefined;
      await visit.upload(delivery.inputs, delivery.pathOf, delivery.isFresh);
      isStartAsked = true;
      await visit.start();
      return visit;
    } catch (error) {
      await visit?.close();
      if (!(error instanceof Failure) || error.kind !== "worker_lost") throw error;
      lostAt ??= systemClock.now();
      const leftMs = reattachMs - (systemClock.now() - lostAt);
      // One that was never reached has nothing of ours: the next one may be nearer.
      if (isStartAsked && leftMs <= 0) throw perhapsBegun(delivery.jobId, error);
      if (!isReserved || leftMs <= 0) return { failure: error, mayPass: true };
      watch({ type: "worker_lost", worker, reason: error.message, leftMs });
    }
    await pause(ATTEMPT_EVERY_MS, signal);
  }
}

/** Whether a worker that refuses so may take the job later, as it is. */
export function isPassing({ code }: JobRefusedAnswer): boolean {
  return code === "busy" || code === "closed";
}

/** Not to be asked of another worker: the job would run twice. */
function perhapsBegun(jobId: JobId, cause: Failure): Failure {
  const message = `${cause.message}; the job may have begun there: sleap-rtc follow ${jobId}`;
  return new Failure("worker_lost", message, { cause });
}
