/** Reads the lines that a keeper adds to its journal, from any of them on. Knows files, not trainers. */

import { decodeJson } from "../protocol/decode.ts";
import { type PrintedLine, printedLineSchema } from "./run_folder.ts";

/** One read. */
const CHUNK_BYTES = 64 * 1024;
/** Reads at once. Higher: a flood holds the worker up for longer; lower: it is told later. */
const READS_MAX = 16;
/** A line. A keeper writes shorter ones: whoever writes longer ones has spoilt its journal. */
const LINE_BYTES_MAX = 1024 * 1024;
const LINE_FEED = 10;

/** Follows one journal. */
export class JournalFollower {
  readonly #tell: (line: PrintedLine) => void;
  readonly #file: Deno.FsFile;
  readonly #buffer = new Uint8Array(CHUNK_BYTES);
  #rest = new Uint8Array();
  #bytes: number;
  #isOpen = true;

  /**
   * @param bytes Where the first line begins that was not told.
   * @throws {Error} Where the journal is not there.
   */
  constructor(path: string, bytes: number, tell: (line: PrintedLine) => void) {
    this.#tell = tell;
    this.#bytes = bytes;
    this.#file = Deno.openSync(path);
    this.#file.seekSync(bytes, Deno.SeekMode.Start);
  }

  /** Where the first line begins that was not told. */
  get bytes(): number {
    return this.#bytes;
  }

  /**
   * Tells what is new.
   *
   * @returns Whether all of it was told; there may be more where it was too much for once.
   * @throws {Error} Where a line is none of a keeper's.
   */
  read(): boolean {
    for (let reads = 0; reads < READS_MAX; reads++) {
      const length = this.#file.readSync(this.#buffer);
      if (length === null || length === 0) return true;
      this.#take(this.#buffer.subarray(0, length));
    }
    return false;
  }

  close(): void {
    if (this.#isOpen) this.#file.close();
    this.#isOpen = false;
  }

  #take(bytes: Uint8Array): void {
    let rest = new Uint8Array(this.#rest.length + bytes.length);
    rest.set(this.#rest);
    rest.set(bytes, this.#rest.length);
    for (let end = rest.indexOf(LINE_FEED); end >= 0; end = rest.indexOf(LINE_FEED)) {
      const decoded = decodeJson(
        new TextDecoder().decode(rest.subarray(0, end)),
        printedLineSchema,
      );
      if (!decoded.ok) throw new Error(`Expected a line of a keeper's journal: ${decoded.reason}`);
      rest = rest.subarray(end + 1);
      // Counted before it is told: who hears it writes down how far we are.
      this.#bytes += end + 1;
      this.#tell(decoded.value);
    }
    if (rest.length > LINE_BYTES_MAX) {
      throw new Error(`Expected lines of at most ${LINE_BYTES_MAX} bytes in a keeper's journal`);
    }
    this.#rest = rest;
  }
}
