/** One run of a job: from its specification to its verdict. Knows nothing of who hears of it. */

import type { Clock } from "../base/time.ts";
import { OutputValve } from "../job/output_valve.ts";
import { type Executables, type RunnerPaths, runnerStages, stagesCommand } from "../job/runner.ts";
import type { JobEnding, Verdict } from "../job/slot_input.ts";
import type { Epoch } from "../protocol/job_message.ts";
import type { JobSpec } from "../protocol/job_spec.ts";
import { describeFolder } from "./file_digest.ts";
import type { JobFolder } from "./job_folder.ts";
import { JobProcess, type ProcessEnd } from "./job_process.ts";

/** Characters of a reason (`job_failed`), and of the trainer's last complaint within it. */
const REASON_LENGTH_MAX = 1_000;
const COMPLAINT_LENGTH_MAX = 500;

/** What a run tells its owner. */
export interface JobRunHandlers {
  started(pid: number): void;
  printed(stream: "stdout" | "stderr", text: string): void;
  epoch(epoch: Epoch): void;
  /** Something is wrong that does not end the run. */
  warned(warning: string): void;
}

/** A run, from its beginning. */
export class JobRun {
  /** How it ended. Never rejects: what goes wrong is the verdict. */
  readonly verdict: Promise<Verdict>;
  readonly #folder: JobFolder;
  readonly #clock: Clock;
  readonly #handlers: JobRunHandlers;
  readonly #valves: Readonly<Record<"stdout" | "stderr", OutputValve>>;
  #process: JobProcess | undefined;
  #complaint = "";
  #stopped = false;
  #ending: JobEnding | undefined;

  /** Starts the trainer of `spec` in `folder`, where its inputs are. */
  constructor(
    folder: JobFolder,
    spec: JobSpec,
    options: {
      readonly executables: Executables;
      readonly clock: Clock;
      readonly handlers: JobRunHandlers;
      /** Looks into the inputs, and gives the paths that the trainer is started with. */
      readonly prepare: () => Promise<RunnerPaths>;
    },
  ) {
    const now = options.clock.now();
    this.#folder = folder;
    this.#clock = options.clock;
    this.#handlers = options.handlers;
    this.#valves = { stdout: new OutputValve(now), stderr: new OutputValve(now) };
    this.verdict = this.#run(spec, options);
  }

  /** Ends the trainer as its owner wants: `cancel` kills, `stop` asks. `verdict` follows. */
  end(how: JobEnding): void {
    this.#ending = how;
    if (how === "stop") return this.#process?.interrupt();
    this.#process?.kill().catch((error: unknown) => {
      this.#handlers.warned(`The trainer cannot be ended: ${messageOf(error)}`);
    });
  }

  /** Ends the trainer because the worker ends. `verdict` follows. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#process?.kill();
  }

  async #run(
    spec: JobSpec,
    { prepare, executables }: {
      readonly prepare: () => Promise<RunnerPaths>;
      readonly executables: Executables;
    },
  ): Promise<Verdict> {
    let paths: RunnerPaths;
    try {
      paths = await prepare();
    } catch (error) {
      return failed(null, messageOf(error));
    }
    if (this.#stopped) return failed(null, "The worker was stopped");
    if (this.#ending !== undefined) return { type: "cancelled" };
    try {
      this.#process = this.#start(spec, paths, executables);
      this.#handlers.started(this.#process.pid);
    } catch (error) {
      return failed(null, `The trainer cannot be started: ${messageOf(error)}`);
    }
    let end: ProcessEnd;
    try {
      end = await this.#process.ended;
    } catch (error) {
      return failed(null, `The trainer cannot be watched: ${messageOf(error)}`);
    }
    this.#print("stdout", this.#valves.stdout.end());
    this.#print("stderr", this.#valves.stderr.end());
    return await this.#judge(end);
  }

  #start(spec: JobSpec, paths: RunnerPaths, executables: Executables): JobProcess {
    const folder = this.#folder;
    const { epoch, warned } = this.#handlers;
    const stages = runnerStages(spec, paths, executables);
    const plan = stages.length > 1 ? folder.writePlan(stages) : "";
    return new JobProcess(stagesCommand(stages, plan, executables), {
      folder: folder.path,
      logPaths: stages.flatMap((stage) => stage.logPaths),
      handlers: {
        printed: (stream, { text }) => {
          if (stream === "stderr" && text !== "") this.#complaint = text;
          this.#print(stream, this.#valves[stream].pass(text, this.#clock.now()));
        },
        epoch: (row) =>
          epoch({ epoch: row.epoch, train_loss: row.trainLoss, val_loss: row.valLoss }),
        warned,
      },
    });
  }

  #print(stream: "stdout" | "stderr", lines: readonly string[]): void {
    for (const line of lines) this.#handlers.printed(stream, line);
  }

  async #judge({ exitCode, signal }: ProcessEnd): Promise<Verdict> {
    if (this.#stopped) return failed(exitCode, "The worker was stopped");
    if (this.#ending === "cancel") return { type: "cancelled" };
    // How a trainer ends that was asked to is its own affair: what counts is what it left.
    const isStoppedEarly = this.#ending === "stop";
    if (exitCode !== 0 && !isStoppedEarly) {
      const ended = signal === null ? `with exit code ${exitCode}` : `by ${signal}`;
      const complaint = this.#complaint.slice(0, COMPLAINT_LENGTH_MAX);
      const last = complaint === "" ? "" : `; its last complaint: ${complaint}`;
      return failed(exitCode, `The trainer ended ${ended}${last}`);
    }
    try {
      const results = await describeFolder(this.#folder.output);
      if (results.files.length > 0) return { type: "done", results, isStoppedEarly };
      const how = isStoppedEarly ? "was stopped before it" : "ended well but";
      return failed(exitCode, `The trainer ${how} wrote ${isStoppedEarly ? "a" : "no"} file`);
    } catch (error) {
      return failed(exitCode, `The trainer ended well, but not its files: ${messageOf(error)}`);
    }
  }
}

function failed(exitCode: number | null, reason: string): Verdict {
  return { type: "failed", exitCode, reason: reason.slice(0, REASON_LENGTH_MAX) };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
