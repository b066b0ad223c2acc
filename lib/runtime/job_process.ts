/**
 * One trainer as a process of the operating system: in a process group and a folder of its own,
 * without a shell, its output read line by line and its log row by row. Knows nothing of clients.
 */

import { join } from "node:path";
import type { RunnerCommand } from "../job/runner.ts";
import { type OutputLine, OutputLines } from "../job/progress.ts";
import { type EpochRow, TrainingLogParser } from "../job/training_log.ts";

/** Between two looks at the trainer's log. Polling also works where a file system tells no changes. */
const LOG_POLL_MS = 200;
/** From SIGTERM to SIGKILL. */
const KILL_AFTER_MS = 10_000;

/** What a job's process tells its owner. */
export interface JobProcessHandlers {
  printed(stream: "stdout" | "stderr", line: OutputLine): void;
  epoch(row: EpochRow): void;
  /** The trainer's log cannot be read further. */
  unreadable(reason: string): void;
}

/** How a process ended. */
export interface ProcessEnd {
  readonly exitCode: number;
  readonly signal: string | null;
}

/** A running trainer. */
export class JobProcess {
  readonly #child: Deno.ChildProcess;
  /** Resolves when the process has ended and all that it wrote has been told. */
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

  /** Ends the whole process group: SIGTERM, then SIGKILL. Resolves when it is gone. */
  async kill(): Promise<void> {
    signalGroup(this.pid, "SIGTERM");
    const timer = setTimeout(() => signalGroup(this.pid, "SIGKILL"), KILL_AFTER_MS);
    await this.#child.status;
    clearTimeout(timer);
    // Children of the trainer that ignored SIGTERM and outlived it.
    signalGroup(this.pid, "SIGKILL");
  }

  async #watch(
    { folder, logPaths, handlers }: {
      folder: string;
      logPaths: readonly string[];
      handlers: JobProcessHandlers;
    },
  ): Promise<ProcessEnd> {
    const log = new LogReader(logPaths.map((path) => join(folder, path)), handlers);
    const poll = setInterval(() => log.read(), LOG_POLL_MS);
    try {
      const [status] = await Promise.all([
        this.#child.status,
        readLines(this.#child.stdout, (line) => handlers.printed("stdout", line)),
        readLines(this.#child.stderr, (line) => handlers.printed("stderr", line)),
      ]);
      return { exitCode: status.code, signal: status.signal };
    } finally {
      clearInterval(poll);
      log.end();
    }
  }
}

function signalGroup(pid: number, signal: Deno.Signal): void {
  try {
    Deno.kill(-pid, signal);
  } catch (error) {
    // Nobody is left in the group: what was wanted is so.
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

async function readLines(
  stream: ReadableStream<Uint8Array>,
  tell: (line: OutputLine) => void,
): Promise<void> {
  const lines = new OutputLines();
  for await (const text of stream.pipeThrough(new TextDecoderStream())) {
    for (const line of lines.push(text)) tell(line);
  }
  for (const line of lines.end()) tell(line);
}

/** Reads what is new in the trainer's log. */
class LogReader {
  readonly #paths: readonly string[];
  readonly #handlers: JobProcessHandlers;
  readonly #parser = new TrainingLogParser();
  readonly #decoder = new TextDecoder();
  #file: Deno.FsFile | undefined;

  constructor(paths: readonly string[], handlers: JobProcessHandlers) {
    this.#paths = paths;
    this.#handlers = handlers;
  }

  read(): void {
    this.#file ??= this.#open();
    const buffer = new Uint8Array(64 * 1024);
    for (
      let length = this.#file?.readSync(buffer) ?? null;
      length !== null && length > 0;
      length = this.#file?.readSync(buffer) ?? null
    ) {
      const text = this.#decoder.decode(buffer.subarray(0, length), { stream: true });
      this.#tell(this.#parser.push(text));
    }
  }

  end(): void {
    this.read();
    this.#tell(this.#parser.end());
    this.#file?.close();
  }

  #open(): Deno.FsFile | undefined {
    for (const path of this.#paths) {
      try {
        return Deno.openSync(path);
      } catch (error) {
        // The trainer has not begun to write it yet.
        if (!(error instanceof Deno.errors.NotFound)) throw error;
      }
    }
    return undefined;
  }

  #tell(entries: ReturnType<TrainingLogParser["push"]>): void {
    for (const entry of entries) {
      if (entry.kind === "row") this.#handlers.epoch(entry.row);
      else this.#handlers.unreadable(entry.reason);
    }
  }
}
