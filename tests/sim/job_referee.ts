/**
 * What may not happen in a race for slots, and what must have happened at its end. Sees everything,
 * changes nothing.
 *
 *  1. At most one trainer runs in a slot.
 *  2. A job is begun at most once, at one worker.
 *  3. What is said of a job is numbered from 1 without gaps, and ends with one verdict.
 *  4. A worker is available if and only if neither lease nor job holds its slot.
 *  5. At rest, every slot is free, and every job that was begun has its verdict.
 */

import type { JobId } from "../../lib/base/id.ts";
import type { JobEvent } from "../../lib/protocol/job_message.ts";
import type { JobWorker } from "./job_worker.ts";
import type { JobRace } from "./job_world.ts";

/** The referee of one race. */
export class JobReferee {
  readonly #begunAt = new Map<JobId, string>();
  readonly #last = new Map<JobId, JobEvent>();
  #lost = 0;
  #violation: string | undefined;

  /** The first thing that went wrong, in a sentence. */
  get violation(): string | undefined {
    return this.#violation;
  }

  /** What the race came to. */
  get result(): JobRace {
    return { violation: this.#violation, started: this.#begunAt.size, lost: this.#lost };
  }

  /** A worker begins a trainer. */
  started(jobId: JobId, worker: string, isAnotherRunning: boolean): void {
    if (isAnotherRunning) this.#blame(`${worker} begins ${jobId} beside a trainer that runs`);
    const before = this.#begunAt.get(jobId);
    if (before !== undefined) this.#blame(`${worker} begins ${jobId}, which ${before} has begun`);
    this.#begunAt.set(jobId, worker);
  }

  /** A worker said something of a job. */
  said(event: JobEvent, worker: string): void {
    const last = this.#last.get(event.job_id);
    const wanted = (last?.sequence ?? 0) + 1;
    const word = `${worker} says ${event.type} of ${event.job_id}`;
    if (last !== undefined && "duration_ms" in last) this.#blame(`${word} after ${last.type}`);
    else if (event.sequence !== wanted) {
      this.#blame(`${word} as word ${event.sequence}, not ${wanted}`);
    }
    this.#last.set(event.job_id, event);
    if (event.type === "job_lost") this.#lost++;
  }

  /** A worker has taken a step. */
  judge({ name, state: { status, jobId } }: JobWorker): void {
    if ((status === "available") === (jobId === undefined)) return;
    this.#blame(`${name} is ${status} with ${jobId ?? "no job"}`);
  }

  /** Nothing has happened for a while. */
  judgeRest(workers: readonly JobWorker[]): void {
    for (const worker of workers) {
      const { status, jobId } = worker.state;
      if (status !== "available") this.#blame(`${worker.name} rests ${status} with ${jobId}`);
    }
    for (const [jobId, worker] of this.#begunAt) {
      const last = this.#last.get(jobId);
      if (last === undefined || !("duration_ms" in last)) {
        this.#blame(`${jobId} rests at ${worker} without a verdict, after ${last?.type}`);
      }
    }
  }

  #blame(what: string): void {
    this.#violation ??= what;
  }
}
