/**
 * What was said of one job, on its worker's disk: one event a line, in order and without gaps, and the
 * last word in a file of its own. Knows nothing of who hears it.
 */

import { join } from "node:path";
import { z } from "zod";
import { decodeJson } from "../protocol/decode.ts";
import { type JobEvent, jobEventSchema } from "../protocol/job_message.ts";
import type { Told } from "./job_process.ts";
import { readJsonFile } from "./json_file.ts";

/** The file within a job's folder that has what was said of the job. */
export const EVENTS_NAME = "events.jsonl";
/** The file that has the last word. */
const VERDICT_NAME = "verdict.json";
const LINE_FEED = 10;
/** The end of an event log in which its last word lies: a word fits into a message on a link. */
const LAST_WORD_BYTES = 2 * 1024 * 1024;

/** How far the run's own files were told when a word was said, beside that word. */
const lastWordSchema = z.object({
  sequence: z.int().min(1),
  told: z.object({ output_bytes: z.int().min(0), rows: z.int().min(0) }).optional(),
});

/** The last word of a job. */
export type JobVerdict = Extract<JobEvent, { duration_ms: number }>;

/** Whether that word is the last one of its job. */
export function isVerdict(event: JobEvent): event is JobVerdict {
  return "duration_ms" in event;
}

/** How far a job was told. */
export interface LastWord {
  /** The number of the last word; 0 where none was said. */
  readonly sequence: number;
  readonly told: Told;
}

const NOTHING_SAID: LastWord = { sequence: 0, told: { outputBytes: 0, rows: 0 } };

interface Word {
  readonly event: JobEvent;
  /** As it stands in the log. */
  readonly line: string;
}

/** The event log of one job. */
export class EventLog {
  readonly #folder: string;
  /** Words that the disk did not take, in order. The keeper of the output bounds how many come. */
  #unwritten: Word[] = [];
  /** The last word, where it does not stand in its own file yet. */
  #verdict: JobVerdict | undefined;

  /** @param folder That of the job, which need not be there yet. */
  constructor(folder: string) {
    this.#folder = folder;
  }

  /** What was noted and could not be written down so far, in order. */
  get unwritten(): readonly JobEvent[] {
    return this.#unwritten.map(({ event }) => event);
  }

  /**
   * Writes down what is said of the job, so that it can be said again; and before it, what could not
   * be written down earlier.
   *
   * @param told How far the run's files are told with it: a later life of the worker goes on there.
   * @throws {Error} Where the disk does not take it; then it is kept here, and nothing of it there.
   */
  note(event: JobEvent, told?: Told): void {
    const words = told === undefined
      ? event
      : { ...event, told: { output_bytes: told.outputBytes, rows: told.rows } };
    this.#unwritten.push({ event, line: `${JSON.stringify(words)}\n` });
    if (isVerdict(event)) this.#verdict = event;
    this.flush();
  }

  /**
   * Writes down what could not be so far.
   *
   * @throws {Error} Where it cannot be now.
   */
  flush(): void {
    // The verdict first: a log that the trainer has spoilt must not hide the results.
    if (this.#verdict !== undefined) this.#writeVerdict(this.#verdict);
    this.#verdict = undefined;
    if (this.#unwritten.length === 0) return;
    this.#append(this.#unwritten.map(({ line }) => line).join(""));
    this.#unwritten = [];
  }

  /** The last word of the job, where it stands in its own file. @throws {Error} Where that is spoilt. */
  async verdict(): Promise<JobVerdict | undefined> {
    const path = join(this.#folder, VERDICT_NAME);
    const event = await readJsonFile(path, jobEventSchema, `${path} as a worker writes it`);
    return event !== undefined && isVerdict(event) ? event : undefined;
  }

  /**
   * How far the job was told, and its verdict where it has one. What the end of the machine has cut off
   * or spoilt is taken out of the log. A verdict that stands in one of its two places alone is written
   * to the other, with the number after the last word that is left.
   *
   * @throws {Error} Where the log cannot be read or written, or has something else in it.
   */
  async recover(): Promise<LastWord & { readonly verdict: JobVerdict | undefined }> {
    const { line, ...last } = this.#lastWord();
    const decoded = decodeJson(line, jobEventSchema);
    const logged = decoded.ok && isVerdict(decoded.value) ? decoded.value : undefined;
    const alone = await this.#verdictIfReadable();
    if (logged !== undefined) {
      if (alone === undefined) this.#writeVerdict(logged);
      return { ...last, verdict: logged };
    }
    if (alone === undefined) return { ...last, verdict: undefined };
    const verdict = { ...alone, sequence: last.sequence + 1 };
    if (verdict.sequence !== alone.sequence) this.#writeVerdict(verdict);
    this.#append(`${JSON.stringify(verdict)}\n`);
    return { ...last, sequence: verdict.sequence, verdict };
  }

  /**
   * Opens the log, to be read. The caller closes it.
   *
   * @throws {Error} Where nothing was said, or it cannot be read.
   */
  async open(): Promise<Deno.FsFile> {
    return await Deno.open(join(this.#folder, EVENTS_NAME));
  }

  /** One that cannot be read was cut off as it was written, by a version that did so in place. */
  async #verdictIfReadable(): Promise<JobVerdict | undefined> {
    try {
      return await this.verdict();
    } catch {
      return undefined;
    }
  }

  /** All of it or nothing. */
  #append(text: string): void {
    using log = Deno.openSync(join(this.#folder, EVENTS_NAME), { append: true, create: true });
    const { size } = log.statSync();
    try {
      let rest = new TextEncoder().encode(text);
      while (rest.length > 0) rest = rest.subarray(log.writeSync(rest));
    } catch (error) {
      log.truncateSync(size);
      throw error;
    }
  }

  /** Aside, to the disk, and then into place: who reads finds all of it, or nothing. */
  #writeVerdict(verdict: JobVerdict): void {
    const path = join(this.#folder, VERDICT_NAME);
    const aside = `${path}.new`;
    Deno.writeTextFileSync(aside, `${JSON.stringify(verdict)}\n`);
    using file = Deno.openSync(aside, { write: true });
    file.syncSync();
    Deno.renameSync(aside, path);
  }

  /** The last word that stands in the log, and its line. What comes after it goes. */
  #lastWord(): LastWord & { readonly line: string } {
    let file: Deno.FsFile;
    try {
      file = Deno.openSync(join(this.#folder, EVENTS_NAME), { read: true, write: true });
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return { ...NOTHING_SAID, line: "" };
      throw error;
    }
    using log = file;
    const { size } = log.statSync();
    const start = Math.max(0, size - LAST_WORD_BYTES);
    log.seekSync(start, Deno.SeekMode.Start);
    const bytes = new Uint8Array(size - start);
    let filled = 0;
    for (let length = log.readSync(bytes); length !== null && length > 0;) {
      filled += length;
      length = log.readSync(bytes.subarray(filled));
    }
    let end = bytes.subarray(0, filled).lastIndexOf(LINE_FEED) + 1;
    const lastEnd = end;
    while (end > 0) {
      const begin = end < 2 ? 0 : bytes.lastIndexOf(LINE_FEED, end - 2) + 1;
      const line = new TextDecoder().decode(bytes.subarray(begin, end - 1));
      const decoded = decodeJson(line, lastWordSchema);
      if (decoded.ok) {
        if (end < filled) log.truncateSync(start + end);
        const { sequence, told } = decoded.value;
        if (told === undefined) return { ...NOTHING_SAID, sequence, line };
        return { sequence, told: { outputBytes: told.output_bytes, rows: told.rows }, line };
      }
      end = begin;
    }
    if (lastEnd > 0) throw new Error(`Expected events in ${this.#folder}, got something else`);
    if (filled > 0) log.truncateSync(start);
    return { ...NOTHING_SAID, line: "" };
  }
}
