/**
 * One trainer as a process of the operating system: in a process group and a folder of its own,
 * without a shell, its output read line by line and its log row by row. Knows nothing of clients.
 */

import { join } from "node:path";
import process from "node:process";
import type { RunnerCommand } from "../job/runner.ts";
import { type OutputLine, OutputLines } from "../job/progress.ts";
import type { EpochRow } from "../job/training_log.ts";
import { LogFollower } from "./log_follower.ts";

/** Between two looks at the trainer's log. Polling also works where a file system tells no changes. */
const LOG_POLL_MS = 200;
/** From SIGTERM to SIGKILL. */
const KILL_AFTER_MS = 10_000;
/** For what a trainer leaves behind, from its own end to SIGKILL. */
const STRAYS_KILL_AFTER_MS = 2_000;
/** For the system to bury what was killed: a process that waits for its disk takes its time. */
const BURIAL_MS = 5_000;
const BURIAL_POLL_MS = 20;

/** What a job's process tells its owner. */
export interface JobProcessHandlers {
  printed(stream: "stdout" | "stderr", line: OutputLine): void;
  epoch(row: EpochRow): void;
  /** Something is wrong that does not end the trainer, such as a log that cannot be read. */
  warned(reason: string): void;
}

/** How a process ended. */
export interface ProcessEnd {
  readonly exitCode: number;
  readonly signal: string | null;
}

/** A running trainer. */
export class JobProcess {
  readonly #child: Deno.ChildProcess;
  /** Resolves when the process and its group have ended and all that it wrote has been told. */
  readonly ended: Promise<ProcessEnd>;

  /**
   * Starts `command` in `folder`.
   *
   * @param logPaths Where the trainer may write its log, within `folder`.
   * @throws {Deno.errors.NotFound} Where the executable is not there.
   */
  constructor(
    command: RunnerCommand,
    options: { folder: string; logPaths: readonly string[]; handlers: JobProcessHandlers },
  ) {
    const inherited = command.environment.inherit.flatMap((name) => {
      const value = Deno.env.get(name);
      return value === undefined ? [] : [[name, value] as const];
    });
    this.#child = new Deno.Command(command.executable, {
      args: [...command.args],
      cwd: options.folder,
      clearEnv: true,
      env: { ...Object.fromEntries(inherited), ...command.environment.set },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
      // A group of its own, so that a trainer's own children end with it.
      detached: true,
    }).spawn();
    this.ended = this.#watch(options);
  }

  get pid(): number {
    return this.#child.pid;
  }

  /** Asks the whole process group to come to an end, as Ctrl-C does. */
  interrupt(): void {
    this.#signalGroup("SIGINT");
  }

  /** Ends the whole process group: SIGTERM, then SIGKILL. Resolves when the trainer is gone. */
  async kill(): Promise<void> {
    this.#signalGroup("SIGTERM");
    const timer = setTimeout(() => this.#signalGroup("SIGKILL"), KILL_AFTER_MS);
    await this.#child.status;
    clearTimeout(timer);
  }

  async #watch(
    { folder, logPaths, handlers }: {
      folder: string;
      logPaths: readonly string[];
      handlers: JobProcessHandlers;
    },
  ): Promise<ProcessEnd> {
    const log = new LogFollower(logPaths.map((path) => join(folder, path)), {
      epoch: handlers.epoch,
      unreadable: handlers.warned,
    });
    const poll = setInterval(() => log.read(), LOG_POLL_MS);
    const outputs = [
      new Output(this.#child.stdout, (line) => handlers.printed("stdout", line)),
      new Output(this.#child.stderr, (line) => handlers.printed("stderr", line)),
    ];
    const reading = Promise.all(outputs.map((output) => output.read()));
    // A trainer that nobody hears must not run on; the error itself is thrown below.
    reading.catch(() => this.#signalGroup("SIGKILL"));
    try {
      const { code, signal } = await this.#child.status;
      await this.#endStrays(outputs, reading);
      if (!await this.#buried()) {
        handlers.warned(
          `Processes of group ${this.pid} outlive SIGKILL and may still hold the GPU; see ps -g ${this.pid}`,
        );
      }
      return { exitCode: code, signal };
    } finally {
      clearInterval(poll);
      log.end();
    }
  }

  /** Whatever the trainer started ends with it, and keeps neither its group nor its output open. */
  async #endStrays(outputs: readonly Output[], reading: Promise<unknown>): Promise<void> {
    this.#signalGroup("SIGTERM");
    const timer = setTimeout(() => {
      this.#signalGroup("SIGKILL");
      for (const output of outputs) output.stop();
    }, STRAYS_KILL_AFTER_MS);
    try {
      await reading;
    } finally {
      clearTimeout(timer);
      this.#signalGroup("SIGKILL");
    }
  }

  /** Waits until nobody is left in the group. Gives whether that came about in time. */
  async #buried(): Promise<boolean> {
    // There is no group to ask for on Windows.
    if (Deno.build.os === "windows") return true;
    for (let waitedMs = 0; this.#isGroupThere(); waitedMs += BURIAL_POLL_MS) {
      if (waitedMs >= BURIAL_MS) return false;
      await new Promise((resolve) => setTimeout(resolve, BURIAL_POLL_MS));
    }
    return true;
  }

  #isGroupThere(): boolean {
    try {
      process.kill(-this.pid, 0);
      return true;
    } catch (error) {
      // macOS refuses to signal a group of which all have ended.
      const code = error instanceof Error && "code" in error ? error.code : undefined;
      if (code === "ESRCH" || code === "EPERM") return false;
      throw error;
    }
  }

  #signalGroup(signal: Deno.Signal): void {
    try {
      // Windows has no process groups: there the trainer alone is ended.
      Deno.kill(Deno.build.os === "windows" ? this.pid : -this.pid, signal);
    } catch (error) {
      // Nobody is left in the group, which macOS says by refusing to signal what has ended.
      if (error instanceof Deno.errors.NotFound) return;
      if (error instanceof Deno.errors.PermissionDenied) return;
      if (error instanceof TypeError && Deno.build.os === "windows") return;
      throw error;
    }
  }
}

/** One stream of a trainer's output, cut into lines. */
class Output {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #tell: (line: OutputLine) => void;
  #stopping: Promise<void> | undefined;

  constructor(stream: ReadableStream<Uint8Array>, tell: (line: OutputLine) => void) {
    this.#reader = stream.getReader();
    this.#tell = tell;
  }

  /** Tells every line, until the stream ends. */
  async read(): Promise<void> {
    const lines = new OutputLines();
    const decoder = new TextDecoder();
    try {
      for (
        let piece = await this.#reader.read();
        !piece.done;
        piece = await this.#reader.read()
      ) {
        for (const line of lines.push(decoder.decode(piece.value, { stream: true }))) {
          this.#tell(line);
        }
      }
      for (const line of [...lines.push(decoder.decode()), ...lines.end()]) this.#tell(line);
    } finally {
      this.stop();
      await this.#stopping;
    }
  }

  /** Reads no further, though somebody holds the stream open. */
  stop(): void {
    this.#stopping ??= this.#reader.cancel();
  }
}
