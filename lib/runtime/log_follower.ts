/** Reads what a trainer adds to its log, from wherever it writes it. Knows files, not rows. */

import { type EpochRow, type LogEntry, TrainingLogParser } from "../job/training_log.ts";

/** One read. */
const CHUNK_BYTES = 64 * 1024;
/** Rows that are told. Higher: a trainer that writes senselessly fills the event log. */
const ROWS_MAX = 100_000;

/** What a follower tells its owner. */
export interface LogFollowerHandlers {
  epoch(row: EpochRow): void;
  /** The log, or a line of it, cannot be read. */
  unreadable(reason: string): void;
}

/** Follows one log. It never throws: a log that cannot be read is told of once, and left alone. */
export class LogFollower {
  readonly #paths: readonly string[];
  readonly #handlers: LogFollowerHandlers;
  readonly #parser = new TrainingLogParser();
  readonly #decoder = new TextDecoder();
  /** Rows that were read, and rows that were told, by us or before us. */
  #seen = 0;
  #told: number;
  #file: Deno.FsFile | undefined;
  #broken = false;

  /**
   * @param paths Where the log may be; the first one that is there is followed.
   * @param told Rows that were told before, and are not told again.
   */
  constructor(paths: readonly string[], handlers: LogFollowerHandlers, told = 0) {
    this.#paths = paths;
    this.#handlers = handlers;
    this.#told = told;
  }

  /** Rows that were told, by this follower or before it. */
  get rows(): number {
    return this.#told;
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
    if (!this.#broken) this.#tell(this.#parser.end());
    this.close();
  }

  /** Reads no further, and frees the file. */
  close(): void {
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
    for (const path of this.#paths) {
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

  #tell(entries: readonly LogEntry[]): void {
    for (const entry of entries) {
      if (entry.kind !== "row") this.#handlers.unreadable(entry.reason);
      else if (++this.#seen > ROWS_MAX) return this.#giveUp();
      else if (this.#seen > this.#told) {
        // Counted before it is told: who hears it writes down how far we are.
        this.#told = this.#seen;
        this.#handlers.epoch(entry.row);
      }
    }
  }

  #giveUp(): void {
    if (this.#broken) return;
    this.#broken = true;
    this.#handlers.unreadable(`The trainer's log has more than ${ROWS_MAX} rows; no more are told`);
  }
}
