/**
 * Lets a trainer's lines through as long as they come at a bearable rate, and counts those that it
 * holds back. Pure arithmetic (a token bucket); knows nothing of who reads them.
 */

import { type Instant, SECOND_MS } from "../base/time.ts";

/** Characters that pass at once. Higher: a flood costs more; lower: long tracebacks are cut. */
const BURST_CHARACTERS = 1024 * 1024;
/** Characters that pass in a second, for ever. Higher: logs grow faster; lower: lines are left out. */
const CHARACTERS_PER_S = 16 * 1024;
/** What a line costs besides its text: its number, its message, its place in the log. */
const LINE_CHARACTERS = 128;

/** A valve for one run's output. */
export class OutputValve {
  #room = BURST_CHARACTERS;
  #at: Instant;
  #heldBack = 0;

  constructor(now: Instant) {
    this.#at = now;
  }

  /** What may be told of `line` at `now`: nothing, the line, or first that others were held back. */
  pass(line: string, now: Instant): string[] {
    const earned = ((now - this.#at) / SECOND_MS) * CHARACTERS_PER_S;
    this.#room = Math.min(BURST_CHARACTERS, this.#room + Math.max(0, earned));
    this.#at = now;
    const cost = line.length + LINE_CHARACTERS;
    if (cost > this.#room) {
      this.#heldBack++;
      return [];
    }
    this.#room -= cost;
    return [...this.end(), line];
  }

  /** What is still to be told of lines that were held back. */
  end(): string[] {
    if (this.#heldBack === 0) return [];
    const notice = `[${this.#heldBack} lines left out: the trainer prints too fast]`;
    this.#heldBack = 0;
    return [notice];
  }
}
