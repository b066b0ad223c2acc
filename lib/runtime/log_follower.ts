/** Reads what a trainer adds to its log, from wherever it writes it. Knows files, not rows. */

import { type EpochRow, type LogEntry, TrainingLogParser } from "../job/training_log.ts";

/** One read. */
const CHUNK_BYTES = 64 * 1024;

/** What a follower tells its owner. */
export interface LogFollowerHandlers {
  epoch(row: EpochRow): void;
  /** The log, or a line of it, cannot be read. */
  unreadable(reason: string): void;
}

/** Follows the logs of one job, each of its stages' own. */
export class LogFollower {
  readonly #logs: readonly OneLog[];

  /** @param paths Where logs may come to be; each is followed once it is there. */
  constructor(paths: readonly string[], handlers: LogFollowerHandlers) {
    this.#logs = paths.map((path) => new OneLog(path, handlers));
  }

  /** Tells what is new. */
  read(): void {
    for (const log of this.#logs) log.read();
  }

  /** Tells what is left, and frees the files. */
  end(): void {
    for (const log of this.#logs) log.end();
  }
}

/** Follows one log. It never throws: a log that cannot be read is told of once, and left alone. */
class OneLog {
  readonly #path: string;
  readonly #handlers: LogFollowerHandlers;
  readonly #parser = new TrainingLogParser();
  readonly #decoder = new TextDecoder();
  #file: Deno.FsFile | undefined;
  #broken = false;

  constructor(path: string, handlers: LogFollowerHandlers) {
    this.#path = path;
    this.#handlers = handlers;
  }

  /** Tells what is new. */
  read(): void {
    if (this.#broken) return;
    try {
      this.#file ??= this.#open();
      if (this.#file !== undefined) this.#readOn(this.#file);
    } catch (error) {
      this.#broken = true;
      const reason = error instanceof Error ? error.message : String(error);
      this.#handlers.unreadable(`The trainer's log cannot be read: ${reason}`);
    }
  }

  /** Tells what is left, and frees the file. */
  end(): void {
    this.read();
    this.#tell(this.#parser.end());
    this.#file?.close();
    this.#file = undefined;
    this.#broken = true;
  }

  #readOn(file: Deno.FsFile): void {
    const buffer = new Uint8Array(CHUNK_BYTES);
    for (
      let length = file.readSync(buffer);
      length !== null && length > 0;
      length = file.readSync(buffer)
    ) {
      const text = this.#decoder.decode(buffer.subarray(0, length), { stream: true });
      this.#tell(this.#parser.push(text));
    }
  }

  #open(): Deno.FsFile | undefined {
    try {
      // To open a pipe would wait for its writer, and with it the whole worker.
      return Deno.statSync(this.#path).isFile ? Deno.openSync(this.#path) : undefined;
    } catch (error) {
      // The trainer has not begun to write it yet.
      if (error instanceof Deno.errors.NotFound) return undefined;
      if (error instanceof Deno.errors.NotADirectory) return undefined;
      throw error;
    }
  }

  #tell(entries: readonly LogEntry[]): void {
    for (const entry of entries) {
      if (entry.kind === "row") this.#handlers.epoch(entry.row);
      else this.#handlers.unreadable(entry.reason);
    }
  }
}
