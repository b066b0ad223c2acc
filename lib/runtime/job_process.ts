/**
 * One trainer as its worker sees it: run by a keeper that outlives the worker, its output and its log
 * read from files, from wherever an earlier life of the worker left off. Knows nothing of clients.
 */

import { join } from "node:path";
import type { RunnerCommand } from "../job/runner.ts";
import type { EpochRow } from "../job/training_log.ts";
import { JournalFollower } from "./journal_follower.ts";
import { LogFollower } from "./log_follower.ts";
import { isBuried, signalGroup } from "./process_group.ts";
import { bootId, isStillIts, type ProcessIdentity } from "./process_identity.ts";
import type { PrintedLine, RunEnd, RunFolder, RunPlan, RunWish } from "./run_folder.ts";
import { selfCommand } from "./self_command.ts";

/** Between two looks at what the trainer printed. Polling also works where a file system tells no changes. */
const POLL_MS = 50;
/** Looks at the output for one at the trainer's log. */
const POLLS_A_LOG = 4;
/** Between two looks whether the keeper of an earlier life still lives. */
const KEEPER_POLL_MS = 1_000;
/** For a keeper to start its trainer. A machine that is out of memory takes its time. */
const START_MS = 60_000;
/** What is started from sources; the binary is one program, and has the same as a subcommand. */
const KEEPER_PROGRAM = join("lib", "runtime", "keeper_program.ts");
/** What the keeper itself needs besides what its trainer gets. */
const INHERITED_BY_KEEPER = ["PATH", "HOME", "DENO_DIR", "TMPDIR", "SYSTEMROOT", "USERPROFILE"];

/** How much of a run was told: what is told next comes after it. */
export interface Told {
  /** Bytes of what the keeper wrote down. */
  readonly outputBytes: number;
  /** Rows of the trainer's logs, of all stages together. */
  readonly rows: number;
}

/** What a job's process tells its owner. */
export interface JobProcessHandlers {
  started(pid: number): void;
  printed(line: PrintedLine, told: Told): void;
  epoch(row: EpochRow, told: Told): void;
  /** Something is wrong that does not end the trainer, such as a log that cannot be read. */
  warned(reason: string): void;
}

/** Where a run is, and who hears of it. */
export interface JobProcessOptions {
  readonly folder: RunFolder;
  /** Where each stage may write its log; the first place that has one is followed. */
  readonly logs: readonly (readonly string[])[];
  readonly handlers: JobProcessHandlers;
}

/** What the keeper is to do, written out: variables that are not there are left out. */
export function runPlanOf(command: RunnerCommand, folder: string, nowMs: number): RunPlan {
  const { executable, args, environment: { inherit, set } } = command;
  return {
    executable,
    args: [...args],
    environment: { ...inherited(inherit), ...set },
    folder,
    started_at_ms: nowMs,
  };
}

/** A trainer under its keeper. */
export class JobProcess {
  /**
   * How it ended, once all that it wrote has been told; `undefined` where it was left to a later life
   * of the worker.
   */
  readonly ended: Promise<RunEnd | undefined>;
  readonly #options: JobProcessOptions;
  readonly #journal: JournalFollower;
  readonly #log: LogFollower;
  readonly #left = Promise.withResolvers<void>();
  /** Resolves when the keeper is gone. */
  readonly #keeperGone: Promise<void>;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #trainer: ProcessIdentity | undefined;

  private constructor(
    options: JobProcessOptions,
    told: Told,
    watch: (left: Promise<void>) => Promise<void>,
  ) {
    const { folder, logs, handlers } = options;
    this.#options = options;
    this.#journal = new JournalFollower(folder.output, told.outputBytes, (line) => {
      handlers.printed(line, this.told);
    });
    this.#log = new LogFollower(logs, {
      epoch: (row) => handlers.epoch(row, this.told),
      unreadable: handlers.warned,
    }, told.rows);
    this.#keeperGone = watch(this.#left.promise);
    this.ended = this.#follow();
  }

  /**
   * Writes `plan` down and starts a keeper for it.
   *
   * @throws {Error} Where the folder cannot be written, or this program not be started again.
   */
  static async start(
    plan: RunPlan,
    options: JobProcessOptions,
  ): Promise<JobProcess> {
    await options.folder.create(plan);
    const { executable, leading } = selfCommand(KEEPER_PROGRAM);
    const keeper = new Deno.Command(executable, {
      args: [...leading, "trainer-keeper", "--run", options.folder.path],
      cwd: options.folder.path,
      clearEnv: true,
      env: inherited(INHERITED_BY_KEEPER),
      stdin: "null",
      stdout: "null",
      stderr: "null",
      // A session of its own: neither our end nor a Ctrl-C at our terminal is its end.
      detached: true,
    }).spawn();
    return new JobProcess(options, { outputBytes: 0, rows: 0 }, async (left) => {
      const late = setTimeout(async () => {
        if (await options.folder.trainer() === undefined) signalGroup(keeper.pid, "SIGKILL");
      }, START_MS);
      left.then(() => {
        clearTimeout(late);
        keeper.unref();
      });
      await keeper.status;
    });
  }

  /** Goes on with a run that an earlier life of the worker began and told of as far as `told`. */
  static adopt(told: Told, options: JobProcessOptions): JobProcess {
    return new JobProcess(options, told, async (left) => {
      let isLeft = false;
      left.then(() => isLeft = true);
      while (!isLeft) {
        using lock = await options.folder.tryLock();
        if (lock !== undefined) return;
        await Promise.race([left, new Promise((resolve) => setTimeout(resolve, KEEPER_POLL_MS))]);
      }
    });
  }

  /** How much was told. */
  get told(): Told {
    return { outputBytes: this.#journal.bytes, rows: this.#log.rows };
  }

  /** The process that trains, once it is known. */
  get trainer(): ProcessIdentity | undefined {
    return this.#trainer;
  }

  /** Has the trainer end in that way. @throws {Error} Where that cannot be written down. */
  async end(wish: RunWish): Promise<void> {
    await this.#options.folder.writeWish(wish);
  }

  /** Follows no more. The trainer goes on. */
  leave(): void {
    this.#left.resolve();
  }

  async #follow(): Promise<RunEnd | undefined> {
    const { folder } = this.#options;
    let isGone = false;
    let isLeft = false;
    this.#keeperGone.then(() => isGone = true);
    this.#left.promise.then(() => isLeft = true);
    using _seat = await folder.follow();
    try {
      for (let poll = 0;; poll++) {
        // Before what was printed is read: nothing is printed after the end was written.
        const end = isGone ? await settled(folder) : await folder.end();
        await this.#noticeStart();
        if (isLeft) return undefined;
        while (!this.#journal.read() && end !== undefined);
        if (end !== undefined || poll % POLLS_A_LOG === 0) this.#log.read();
        if (end !== undefined) {
          this.#log.end();
          // Who starts a keeper waits for it: it must not outlive the job.
          await this.#keeperGone;
          return end;
        }
        await Promise.race([this.#pause(), this.#left.promise, this.#keeperGone]);
        clearTimeout(this.#timer);
      }
    } catch (error) {
      // A trainer that nobody hears must not run on.
      await folder.writeWish("quit");
      await this.#keeperGone;
      throw error;
    } finally {
      this.#left.resolve();
      clearTimeout(this.#timer);
      this.#journal.close();
      this.#log.close();
    }
  }

  async #noticeStart(): Promise<void> {
    if (this.#trainer !== undefined) return;
    this.#trainer = await this.#options.folder.trainer();
    if (this.#trainer !== undefined) this.#options.handlers.started(this.#trainer.pid);
  }

  #pause(): Promise<void> {
    return new Promise((resolve) => this.#timer = setTimeout(resolve, POLL_MS));
  }
}

/**
 * How a run ended whose keeper is gone. One that wrote no end was killed, and whatever it kept is
 * ended now: nobody would learn of its end.
 */
export async function settled(folder: RunFolder): Promise<RunEnd> {
  using _lock = await folder.lock();
  const known = await folder.end();
  if (known !== undefined) return known;
  const end: RunEnd = { type: "lost", reason: await endOrphans(folder) };
  await folder.writeEnd(end);
  return end;
}

/** Ends what a keeper has left behind. Gives why the run is lost. */
async function endOrphans(folder: RunFolder): Promise<string> {
  const trainer = await folder.trainer() ?? await folder.keeper();
  if (trainer === undefined) return "The worker ended before the trainer began";
  if (trainer.boot_id !== null && trainer.boot_id !== await bootId()) {
    return "The machine was started anew while it ran";
  }
  const why = "Somebody killed the process that kept the trainer";
  if (!await isStillIts(trainer)) return why;
  signalGroup(trainer.pid, "SIGKILL");
  return await isBuried(trainer.pid) ? why : `${why}; group ${trainer.pid} outlives SIGKILL`;
}

function inherited(names: readonly string[]): Record<string, string> {
  return Object.fromEntries(names.flatMap((name) => {
    const value = Deno.env.get(name);
    return value === undefined ? [] : [[name, value] as const];
  }));
}
