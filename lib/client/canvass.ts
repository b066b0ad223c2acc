/**
 * Asks workers, one after the other, whether they would run a job as it is. Busy ones answer, too.
 * Nothing is held and nothing is sent.
 */

import { Failure } from "../base/failure.ts";
import type { PeerId } from "../base/id.ts";
import type { JobSpec } from "../protocol/job_spec.ts";
import type { Manifest } from "../protocol/manifest.ts";
import { newJobId } from "../runtime/chance.ts";
import type { JobRefusedAnswer } from "./job_question.ts";
import { JobVisit, type VisitParts } from "./job_visit.ts";
import { TrainingRecord } from "./training_record.ts";

/** What is asked about, and how workers are reached. */
export interface CanvassOptions extends Omit<VisitParts, "record"> {
  readonly spec: JobSpec;
  readonly inputs: Manifest;
}

/** What one worker says: its refusal, why it cannot be asked, or `undefined` where it would run it. */
export type Opinion = JobRefusedAnswer | Failure | undefined;

/**
 * Asks `worker`.
 *
 * @throws {Failure} Where it does not speak as agreed.
 * @throws The signal's reason, where it is aborted.
 */
export async function opinionOf(worker: PeerId, given: CanvassOptions): Promise<Opinion> {
  const { session, backend, spec, inputs } = given;
  // Links that are made only to ask are none of the job's.
  const options = { ...given.options, watch: () => {} };
  const parts = { session, backend, options, record: new TrainingRecord() };
  let visit: JobVisit | undefined;
  try {
    visit = await JobVisit.open(worker, newJobId(), parts);
    return await visit.inquire(spec, inputs);
  } catch (error) {
    // That one worker cannot be reached is its answer; the others are still asked.
    if (!(error instanceof Failure) || error.kind !== "worker_lost") throw error;
    return error;
  } finally {
    await visit?.close();
  }
}
