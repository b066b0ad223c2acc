/**
 * Lets a trainer's lines through as long as they come at a bearable rate and are not too many in all,
 * and counts those that it holds back. Pure arithmetic (a token bucket whose tap closes as the tank
 * runs dry); knows nothing of who reads them.
 */

import { type Instant, SECOND_MS } from "../base/time.ts";

/** Characters that pass at once. Higher: a flood costs more; lower: long tracebacks are cut. */
const BURST_CHARACTERS = 1024 * 1024;
/**
 * Characters that pass in a second, at first. Higher: the log fills sooner; lower: lines are left
 * out of a training that is only chatty.
 */
const CHARACTERS_PER_S = 16 * 1024;
/**
 * Characters that pass in all. The rate sinks with what is left of them, so that a flood never ends
 * in silence. Higher: a larger event log; lower: a long training's log gets thin.
 */
const TOTAL_CHARACTERS = 32 * 1024 * 1024;
/** What a line costs besides its text: its number, its message, its place in the log. */
const LINE_CHARACTERS = 128;
/** Lines that are kept of those held back, to be told at the end: why a trainer failed is said last. */
const LAST_LINES = 50;

/** A valve for one stream of one run. */
export class OutputValve {
  #room = BURST_CHARACTERS;
  #left = TOTAL_CHARACTERS;
  #at: Instant;
  #heldBack = 0;
  #last: string[] = [];

  constructor(now: Instant) {
    this.#at = now;
  }

  /** What may be told of `line` at `now`: nothing, the line, or first that others were held back. */
  pass(line: string, now: Instant): string[] {
    const rate = CHARACTERS_PER_S * (this.#left / TOTAL_CHARACTERS);
    const earned = (Math.max(0, now - this.#at) / SECOND_MS) * rate;
    this.#room = Math.min(BURST_CHARACTERS, this.#left, this.#room + earned);
    this.#at = now;
    const cost = line.length + LINE_CHARACTERS;
    if (cost > this.#room) {
      this.#heldBack++;
      if (this.#last.push(line) > LAST_LINES) this.#last.shift();
      return [];
    }
    this.#room -= cost;
    this.#left -= cost;
    const told = this.#heldBack === 0 ? [line] : [notice(this.#heldBack), line];
    this.#heldBack = 0;
    this.#last = [];
    return told;
  }

  /** What is still to be told of lines that were held back: how many, and the last of them. */
  end(): string[] {
    const leftOut = this.#heldBack - this.#last.length;
    const told = leftOut === 0 ? this.#last : [notice(leftOut), ...this.#last];
    this.#heldBack = 0;
    this.#last = [];
    return told;
  }
}

function notice(count: number): string {
  return `[${count} lines left out: the trainer prints too fast or too much]`;
}
