/**
 * Where one job runs: begins it or takes it up, waits for its end and for all that it leaves to be gone,
 * and tells what happens as inputs of the slot. Decides nothing about who gets the slot.
 */

import type { JobId, PeerId } from "../base/id.ts";
import type { Log } from "../base/log.ts";
import type { Clock } from "../base/time.ts";
import type { Executables } from "../job/runner.ts";
import type { JobEnding, SlotInput, Verdict } from "../job/slot_input.ts";
import type { JobSpec } from "../protocol/job_spec.ts";
import type { Chores } from "./chores.ts";
import type { JobFolder } from "./job_folder.ts";
import type { JobGpu } from "./job_gpu.ts";
import type { JobPreparation } from "./job_preparation.ts";
import type { Told } from "./job_process.ts";
import type { JobRemains } from "./job_remains.ts";
import { JobRun, type RunOrigin } from "./job_run.ts";

/** How a worker ends what it runs: it ends the trainer, or leaves it to its next life. */
export type DeskEnd = "end_job" | "leave_job";

/** What a bench works with. */
export interface JobBenchOptions {
  readonly executables: Executables;
  readonly clock: Clock;
  readonly log: Log;
  /** Finds what a job's labels name. */
  readonly preparation: JobPreparation;
  /** The GPU that jobs use, where there is one that may be asked. */
  readonly gpu?: JobGpu | undefined;
  readonly remains: JobRemains;
}

/** What a bench tells its owner. */
export interface JobBenchHandlers {
  happened(input: SlotInput): void;
  /** The job has ended, and nothing more of it will be told. */
  concluded(jobId: JobId, verdict: Verdict): void;
}

/** A job on the bench. */
export interface BenchJob {
  /** Who asked for it. */
  readonly client: PeerId;
  readonly folder: JobFolder;
  /** How far its run's files were told; absent before any was. Kept up to date here. */
  told?: Told;
}

/** The bench of one worker: one job at a time. */
export class JobBench {
  readonly #options: JobBenchOptions;
  readonly #chores: Chores;
  readonly #handlers: JobBenchHandlers;
  #run: JobRun | undefined;

  constructor(options: JobBenchOptions, chores: Chores, handlers: JobBenchHandlers) {
    this.#options = options;
    this.#chores = chores;
    this.#handlers = handlers;
  }

  /** Whether a job is on it. */
  get isBusy(): boolean {
    return this.#run !== undefined;
  }

  /** Processes that the job owns, by their ids. */
  get pids(): readonly number[] {
    const pid = this.#run?.trainer?.pid;
    return pid === undefined ? [] : [pid];
  }

  /** Begins a job. */
  begin(jobId: JobId, spec: JobSpec, job: BenchJob): void {
    const { preparation, gpu } = this.#options;
    const gpuMemoryUsedMb = gpu?.memoryUsedMb() ?? Promise.resolve(undefined);
    const { client, folder } = job;
    const prepare = async (ended: AbortSignal) =>
      folder.pathsFor(spec, await preparation.labelsFor(client, spec, folder, ended));
    this.#put(jobId, spec, job, { type: "new", prepare, gpuMemoryUsedMb });
  }

  /** Goes on with a job that an earlier life of the worker began. */
  takeUp(jobId: JobId, spec: JobSpec, job: BenchJob & { readonly told: Told }): void {
    this.#put(jobId, spec, job, { type: "adopted", told: job.told });
  }

  /** Has the job end as its owner wants. */
  end(how: JobEnding): void {
    this.#run?.end(how);
  }

  /** Ends the job, or leaves it to the worker's next life. Resolves when that is done. */
  async stop(how: DeskEnd): Promise<void> {
    if (how === "end_job") this.#run?.end("quit");
    else this.#run?.leave();
    await this.#run?.verdict;
  }

  #put(jobId: JobId, spec: JobSpec, job: BenchJob, from: RunOrigin): void {
    const { clock, log, executables } = this.#options;
    const run = new JobRun(job.folder, spec, {
      executables,
      clock,
      from,
      handlers: {
        started: (pid) =>
          log.write("info", "Training started", { job_id: jobId, pid, runner: spec.runner }),
        printed: ({ stream, text }, told) => {
          job.told = told;
          this.#handlers.happened({ type: "printed", stream, text });
        },
        remarked: (text) => this.#handlers.happened({ type: "remarked", text }),
        epoch: (epoch, told) => {
          job.told = told;
          this.#handlers.happened({ type: "epoch_ended", epoch });
        },
        warned: (warning) => log.write("warning", warning, { job_id: jobId }),
      },
    });
    this.#run = run;
    this.#chores.begin("The end of a job cannot be told", jobId, async () => {
      const verdict = await run.verdict;
      const holder = verdict === undefined
        ? undefined
        : await this.#options.remains.clear(job.folder);
      this.#run = undefined;
      if (verdict !== undefined) this.#handlers.concluded(jobId, withHolder(verdict, holder));
    });
  }
}

/** Who cancels wants the GPU back, and is told why it is not. */
function withHolder(verdict: Verdict, holder: string | undefined): Verdict {
  if (verdict.type !== "cancelled" || holder === undefined) return verdict;
  return { type: "cancelled", reason: holder };
}
