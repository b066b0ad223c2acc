/** Reads what a trainer adds to its logs, from wherever it writes them. Knows files, not rows. */

import { type EpochRow, type LogEntry, TrainingLogParser } from "../job/training_log.ts";

/** One read. */
const CHUNK_BYTES = 64 * 1024;
/** Rows that are told. Higher: a trainer that writes senselessly fills the event log. */
const ROWS_MAX = 100_000;

/** What a follower tells its owner. */
export interface LogFollowerHandlers {
  epoch(row: EpochRow): void;
  /** A log, or a line of it, cannot be read. */
  unreadable(reason: string): void;
}

/** Follows the logs of one job, of each of its stages one, in the order of the stages. */
export class LogFollower {
  readonly #logs: readonly OneLog[];
  readonly #handlers: LogFollowerHandlers;
  /** Rows that were read, and rows that were told, by us or before us. */
  #seen = 0;
  #told: number;

  /**
   * @param logs Where each stage's log may be; the first place that has one is followed.
   * @param told Rows that were told before, of all logs, and are not told again.
   */
  constructor(logs: readonly (readonly string[])[], handlers: LogFollowerHandlers, told = 0) {
    this.#handlers = handlers;
    this.#told = told;
    const { unreadable } = handlers;
    this.#logs = logs.map((paths) =>
      new OneLog(paths, { epoch: (row) => this.#take(row), unreadable })
    );
  }

  /** Rows that were told, by this follower or before it. */
  get rows(): number {
    return this.#told;
  }

  /** Tells what is new. */
  read(): void {
    // All are opened before one is read: where a stage's log is there, those before it are whole, so
    // that a later life of the worker counts the rows in the same order.
    for (const log of this.#logs) log.open();
    for (const log of this.#logs) log.read();
  }

  /** Tells what is left, and frees the files. */
  end(): void {
    this.read();
    for (const log of this.#logs) log.end();
  }

  /** Reads no further, and frees the files. */
  close(): void {
    for (const log of this.#logs) log.close();
  }

  #take(row: EpochRow): void {
    this.#seen++;
    if (this.#seen === ROWS_MAX + 1) {
      const reason = `The trainer's logs have more than ${ROWS_MAX} rows; no more are told`;
      this.#handlers.unreadable(reason);
    }
    if (this.#seen > ROWS_MAX || this.#seen <= this.#told) return;
    // Counted before it is told: who hears it writes down how far we are.
    this.#told = this.#seen;
    this.#handlers.epoch(row);
  }
}

/** Follows one log. It never throws: a log that cannot be read is told of once, and left alone. */
class OneLog {
  readonly #paths: readonly string[];
  readonly #handlers: LogFollowerHandlers;
  readonly #parser = new TrainingLogParser();
  readonly #decoder = new TextDecoder();
  #file: Deno.FsFile | undefined;
  #broken = false;

  constructor(paths: readonly string[], handlers: LogFollowerHandlers) {
    this.#paths = paths;
    this.#handlers = handlers;
  }

  /** Opens the log, if it is there by now. */
  open(): void {
    this.#guarded(() => this.#file ??= openFirst(this.#paths));
  }

  /** Tells what is new in the log, if it is open. */
  read(): void {
    this.#guarded(() => {
      if (this.#file !== undefined) this.#readOn(this.#file);
    });
  }

  /** Tells what is left, and frees the file. */
  end(): void {
    if (!this.#broken) this.#tell(this.#parser.end());
    this.close();
  }

  /** Reads no further, and frees the file. */
  close(): void {
    this.#file?.close();
    this.#file = undefined;
    this.#broken = true;
  }

  #guarded(work: () => void): void {
    if (this.#broken) return;
    try {
      work();
    } catch (error) {
      this.#broken = true;
      const reason = error instanceof Error ? error.message : String(error);
      this.#handlers.unreadable(`The trainer's log cannot be read: ${reason}`);
    }
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

  #tell(entries: readonly LogEntry[]): void {
    for (const entry of entries) {
      if (entry.kind === "row") this.#handlers.epoch(entry.row);
      else this.#handlers.unreadable(entry.reason);
    }
  }
}

/** Opens the first of `paths` that is a file; `undefined` where none is. */
function openFirst(paths: readonly string[]): Deno.FsFile | undefined {
  for (const path of paths) {
    try {
      // To open a pipe would wait for its writer, and with it the whole worker.
      if (Deno.statSync(path).isFile) return Deno.openSync(path);
    } catch (error) {
      // The trainer has not begun to write it yet.
      if (error instanceof Deno.errors.NotFound) continue;
      if (error instanceof Deno.errors.NotADirectory) continue;
      throw error;
    }
  }
  return undefined;
}
