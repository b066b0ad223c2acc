/**
 * Asks workers, one after the other, whether they would run a job as it is, and knows what each has
 * said. Busy ones answer, too. Nothing is held and nothing is sent.
 */

import { Failure } from "../base/failure.ts";
import type { PeerId } from "../base/id.ts";
import type { JobSpec } from "../protocol/job_spec.ts";
import type { Manifest } from "../protocol/manifest.ts";
import { NAMED_WORKERS_MAX, type Needs } from "../protocol/queue_message.ts";
import type { WorkerView } from "../protocol/worker.ts";
import { newJobId } from "../runtime/chance.ts";
import { isPassing } from "./delivery.ts";
import type { JobRefusedAnswer } from "./job_question.ts";
import { JobVisit, type VisitParts } from "./job_visit.ts";
import { serversOf } from "./queue_outlook.ts";
import { refusalFailure, refusalOfAll } from "./refusal.ts";
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

/** The refusal that lasts: that worker would not run the job as it is, now or later. */
export function lastingRefusal(opinion: Opinion): JobRefusedAnswer | undefined {
  // One that cannot be asked now may take it when it is its turn.
  const isOpen = opinion === undefined || opinion instanceof Failure || isPassing(opinion);
  return isOpen ? undefined : opinion;
}

/** What one worker has said. */
interface Known {
  /** The life in which it said so: the next one may have other mounts. */
  readonly incarnation: number;
  readonly refusal: Failure | undefined;
}

/** What the workers of a room say to one job that waits for them. */
export class Canvass {
  readonly #options: CanvassOptions;
  readonly #needs: Needs;
  readonly #known = new Map<PeerId, Known>();

  /** @param needs What the job needs of every worker. */
  constructor(options: CanvassOptions, needs: Needs) {
    this.#options = options;
    this.#needs = needs;
  }

  /** That worker would not run the job as it is, as was learnt elsewhere. */
  refused({ peer_id, incarnation }: WorkerView, refusal: Failure): void {
    this.#known.set(peer_id, { incarnation, refusal });
  }

  /**
   * Whether one of `workers` is to be asked, lest the job passes it by. Where none has refused it, the
   * job waits for any of them, and hears what it says when it is its turn.
   */
  isWorthAsking(workers: readonly WorkerView[]): boolean {
    return this.#refusals().length > 0 && this.#unknown(workers).length > 0;
  }

  /**
   * What the job needs, as far as workers say: those of `workers` that have not been asked yet are asked
   * now. Where some would not run it, it needs one of the others.
   *
   * @throws {Failure} Where none is left.
   * @throws The signal's reason, where it is aborted.
   */
  async needs(workers: readonly WorkerView[]): Promise<Needs> {
    for (const { peer_id: worker, incarnation } of this.#unknown(workers)) {
      const refused = lastingRefusal(await opinionOf(worker, this.#options));
      const refusal = refused === undefined ? undefined : refusalFailure(worker, refused);
      this.#known.set(worker, { incarnation, refusal });
    }
    const refusals = this.#refusals();
    if (refusals.length === 0) return this.#needs;
    const open = [...this.#known].flatMap(([worker, { refusal }]) => refusal ? [] : [worker]);
    if (open.length === 0) throw refusalOfAll(refusals);
    return { ...this.#needs, workers: open.slice(-NAMED_WORKERS_MAX) };
  }

  #unknown(workers: readonly WorkerView[]): readonly WorkerView[] {
    return serversOf({ workers }, this.#needs).filter(({ peer_id, incarnation }) =>
      this.#known.get(peer_id)?.incarnation !== incarnation
    );
  }

  #refusals(): readonly Failure[] {
    return [...this.#known.values()].flatMap(({ refusal }) => refusal ?? []);
  }
}
