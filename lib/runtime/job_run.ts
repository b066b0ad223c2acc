/** One run of a job: from its specification to its verdict. Knows nothing of who hears of it. */

import type { Clock } from "../base/time.ts";
import { type Executables, type RunnerPaths, runnerStages, stagesCommand } from "../job/runner.ts";
import type { JobEnding, Verdict } from "../job/slot_input.ts";
import type { Epoch } from "../protocol/job_message.ts";
import type { JobSpec } from "../protocol/job_spec.ts";
import { describeFolder } from "./file_digest.ts";
import type { JobFolder } from "./job_folder.ts";
import { JobProcess, type JobProcessOptions, runPlanOf, type Told } from "./job_process.ts";
import type { ProcessIdentity } from "./process_identity.ts";
import type { PrintedLine, RunEnd, RunWish } from "./run_folder.ts";

/** Characters of a reason (`job_failed`). */
const REASON_LENGTH_MAX = 1_000;

/** Files that are named where they are left out of the results, and characters of each name. */
const LEFT_OUT_MAX = 10;
const LEFT_OUT_NAME_MAX = 200;

/** What a run tells its owner. */
export interface JobRunHandlers {
  started(pid: number): void;
  printed(line: PrintedLine, told: Told): void;
  /** What whoever follows is to know besides. */
  remarked(text: string): void;
  epoch(epoch: Epoch, told: Told): void;
  /** Something is wrong that does not end the run. */
  warned(warning: string): void;
}

/** What a run works with. */
export interface JobRunOptions {
  readonly executables: Executables;
  readonly clock: Clock;
  readonly handlers: JobRunHandlers;
  readonly from: RunOrigin;
}

/** Where a run begins. */
export type RunOrigin =
  /** It is new. `prepare` looks into the inputs, and gives the paths that the trainer is started with. */
  | {
    readonly type: "new";
    readonly prepare: (ended: AbortSignal) => Promise<RunnerPaths>;
    /** What is used of the GPU before it, in MB. */
    readonly gpuMemoryUsedMb: Promise<number | undefined>;
  }
  /** An earlier life of the worker began it, and told of it as far as `told`. */
  | { readonly type: "adopted"; readonly told: Told };

/** A run, from its beginning, or from where an earlier life of the worker left off. */
export class JobRun {
  /**
   * How it ended; `undefined` where it was left to a later life of the worker. Never rejects: what
   * goes wrong is the verdict.
   */
  readonly verdict: Promise<Verdict | undefined>;
  readonly #folder: JobFolder;
  readonly #options: JobRunOptions;
  #process: JobProcess | undefined;
  #wish: RunWish | undefined;
  /** Aborted where it is to end or is left: what has not begun then need not begin. */
  readonly #unwanted = new AbortController();
  #isLeft = false;

  /** Begins, or goes on with, the trainer of `spec` in `folder`, where its inputs are. */
  constructor(folder: JobFolder, spec: JobSpec, options: JobRunOptions) {
    this.#folder = folder;
    this.#options = options;
    this.verdict = this.#run(spec);
  }

  /** The process that trains, once it is known. */
  get trainer(): ProcessIdentity | undefined {
    return this.#process?.trainer;
  }

  /**
   * Has the trainer end: as its owner wants (`cancel` kills, `stop` asks), or because the worker ends
   * (`quit`). `verdict` follows.
   */
  end(how: JobEnding | "quit"): void {
    if (this.#wish !== "cancel") this.#wish = how;
    this.#unwanted.abort();
    this.#pass();
  }

  /**
   * Follows no more. The trainer goes on, and `verdict` is `undefined`; one that has not begun does not
   * begin any more, and fails.
   */
  leave(): void {
    this.#isLeft = true;
    this.#unwanted.abort();
    this.#process?.leave();
  }

  #pass(): void {
    if (this.#process === undefined || this.#wish === undefined) return;
    this.#process.end(this.#wish).catch((error: unknown) => {
      this.#options.handlers.warned(`The trainer cannot be ended: ${messageOf(error)}`);
    });
  }

  async #run(spec: JobSpec): Promise<Verdict | undefined> {
    const { from } = this.#options;
    try {
      this.#process = from.type === "adopted"
        ? JobProcess.adopt(from.told, this.#processOptions(spec))
        : await this.#begin(spec, from);
    } catch (error) {
      return failed(null, messageOf(error));
    }
    // Its owner, or the worker, wanted no trainer any more.
    if (this.#process === undefined) return this.#judgeUnbegun();
    // Somebody may have asked meanwhile.
    this.#pass();
    if (this.#isLeft) this.#process.leave();
    try {
      const end = await this.#process.ended;
      return end === undefined ? undefined : await this.#judge(end);
    } catch (error) {
      return failed(null, `The trainer cannot be watched: ${messageOf(error)}`);
    }
  }

  /** Starts the trainer; gives nothing where it is to end before it has begun. */
  async #begin(
    spec: JobSpec,
    { prepare, gpuMemoryUsedMb }: Extract<RunOrigin, { type: "new" }>,
  ): Promise<JobProcess | undefined> {
    const unwanted = this.#unwanted.signal;
    let paths: RunnerPaths;
    try {
      paths = await prepare(unwanted);
    } catch (error) {
      if (unwanted.aborted) return undefined;
      throw error;
    }
    const usedMb = await gpuMemoryUsedMb;
    if (unwanted.aborted) return undefined;
    const { executables, clock } = this.#options;
    const folder = this.#folder;
    try {
      const stages = runnerStages(spec, paths, executables);
      const stagesPath = stages.length > 1 ? folder.writePlan(stages) : "";
      const command = stagesCommand(stages, stagesPath, executables);
      const plan = {
        ...runPlanOf(command, folder.path, clock.wallMs()),
        ...(usedMb === undefined ? {} : { gpu_memory_used_mb: usedMb }),
      };
      return await JobProcess.start(plan, this.#processOptions(spec));
    } catch (cause) {
      throw new Error(`The trainer cannot be started: ${messageOf(cause)}`, { cause });
    }
  }

  #processOptions(spec: JobSpec): JobProcessOptions {
    const { handlers } = this.#options;
    return {
      folder: this.#folder.run,
      logs: this.#folder.logsFor(spec),
      handlers: {
        started: handlers.started,
        printed: handlers.printed,
        epoch: ({ epoch, trainLoss, valLoss, isDiverged, isOver }, told) => {
          const row = { epoch, train_loss: trainLoss, val_loss: valLoss };
          if (isDiverged) return handlers.epoch({ ...row, is_diverged: true }, told);
          const over = isOver && trainLoss === null ? { is_over: true } as const : {};
          handlers.epoch({ ...row, ...over }, told);
        },
        warned: handlers.warned,
      },
    };
  }

  #judgeUnbegun(): Verdict {
    if (this.#wish === "cancel" || this.#wish === "stop") return { type: "cancelled" };
    return failed(null, "The worker was stopped");
  }

  async #judge(end: RunEnd): Promise<Verdict> {
    // Written down, since it may have been wished in an earlier life of the worker.
    const wish = await this.#folder.run.wish();
    if (wish === "quit") return failed(null, "The worker was stopped");
    if (wish === "cancel") return { type: "cancelled" };
    switch (end.type) {
      case "broken":
        return failed(null, end.reason);
      case "lost":
        return { type: "lost", reason: end.reason.slice(0, REASON_LENGTH_MAX) };
      case "exited":
        return await this.#judgeExit(end, wish === "stop");
      default:
        return end satisfies never;
    }
  }

  /** How a trainer ends that was asked to stop is its own affair: what counts is what it left. */
  async #judgeExit(
    end: Extract<RunEnd, { type: "exited" }>,
    isStoppedEarly: boolean,
  ): Promise<Verdict> {
    const { exit_code: exitCode, signal, complaint } = end;
    if (exitCode !== 0 && !isStoppedEarly) {
      const ended = signal === null ? `with exit code ${exitCode}` : `by ${signal}`;
      const last = complaint === "" ? "" : `; its last complaint: ${complaint}`;
      return failed(exitCode, `The trainer ended ${ended}${last}`);
    }
    try {
      const leftOut: string[] = [];
      const results = await describeFolder(this.#folder.output, (path, why) => {
        leftOut.push(`${JSON.stringify(path.slice(0, LEFT_OUT_NAME_MAX))} (${why})`);
      });
      this.#tellLeftOut(leftOut);
      if (results.files.length > 0) return { type: "done", results, isStoppedEarly };
      const how = isStoppedEarly ? "was stopped before it" : "ended well but";
      return failed(exitCode, `The trainer ${how} wrote ${isStoppedEarly ? "a" : "no"} file`);
    } catch (error) {
      return failed(exitCode, `The trainer ended well, but not its files: ${messageOf(error)}`);
    }
  }

  /** One odd name must not cost the rest of a training, and nobody should look for it in vain. */
  #tellLeftOut(files: readonly string[]): void {
    if (files.length === 0) return;
    const more = files.length > LEFT_OUT_MAX ? ", …" : "";
    const names = files.slice(0, LEFT_OUT_MAX).join(", ") + more;
    const text =
      `${files.length} of the trainer's files cannot be sent and stay on the worker: ${names}`;
    this.#options.handlers.remarked(text);
  }
}

function failed(exitCode: number | null, reason: string): Verdict {
  return { type: "failed", exitCode, reason: reason.slice(0, REASON_LENGTH_MAX) };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
