/**
 * Lets a trainer's lines through as long as they come at a bearable rate and are not too many in all,
 * and counts those that it holds back. What passes after a gap passes with the lines before it, so
 * that a traceback is not cut into single lines. Pure arithmetic (a token bucket whose tap closes as
 * the tank runs dry, but for drops); knows nothing of who reads them.
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
 * Characters after which the rate, which sinks with what is left of them, is at its lowest. Higher: a
 * larger event log; lower: a long training's log gets thin.
 */
const TANK_CHARACTERS = 32 * 1024 * 1024;
/** The lowest rate: 1.4 MB a day. Higher: the log of weeks is larger; lower: it falls silent for longer. */
const LOWEST_CHARACTERS_PER_S = 16;
/** What a line costs besides its text: its number, its message, its place in the log. */
const LINE_CHARACTERS = 128;
/** Lines that are kept of those held back, to be told together: why a trainer failed is said last. */
const LAST_LINES = 50;
/** For lines that are held back to gather. Higher: the log stands still; lower: it is single lines. */
const GATHER_MS = SECOND_MS;

/** A valve for one stream of one run. */
export class OutputValve {
  #room = BURST_CHARACTERS;
  #left = TANK_CHARACTERS;
  #at: Instant;
  #toldAt: Instant;
  /** Lines that are held back, without the last of them. */
  #leftOut = 0;
  #last: string[] = [];
  #lastCost = 0;

  constructor(now: Instant) {
    this.#at = now;
    this.#toldAt = now;
  }

  /** What may be told at `now`, where `line` comes: nothing, or it and lines before it. */
  pass(line: string, now: Instant): string[] {
    this.#earn(now);
    this.#hold(line);
    if (this.#lastCost > this.#room) {
      if (now - this.#toldAt < GATHER_MS || costOf(line) > this.#room) {
        if (this.#last.length > LAST_LINES) this.#leaveOut();
        return [];
      }
      while (this.#lastCost > this.#room) this.#leaveOut();
    }
    this.#room -= this.#lastCost;
    this.#left = Math.max(0, this.#left - this.#lastCost);
    this.#toldAt = now;
    return this.end();
  }

  /** What is still to be told of lines that were held back: how many, and the last of them. */
  end(): string[] {
    const told = this.#leftOut === 0 ? this.#last : [notice(this.#leftOut), ...this.#last];
    this.#leftOut = 0;
    this.#last = [];
    this.#lastCost = 0;
    return told;
  }

  #earn(now: Instant): void {
    const rate = CHARACTERS_PER_S * (this.#left / TANK_CHARACTERS);
    const seconds = Math.max(0, now - this.#at) / SECOND_MS;
    const earned = seconds * Math.max(LOWEST_CHARACTERS_PER_S, rate);
    this.#room = Math.min(BURST_CHARACTERS, this.#room + earned);
    this.#at = now;
  }

  #hold(line: string): void {
    this.#last.push(line);
    this.#lastCost += costOf(line);
  }

  #leaveOut(): void {
    const line = this.#last.shift();
    if (line === undefined) return;
    this.#leftOut++;
    this.#lastCost -= costOf(line);
  }
}

function costOf(line: string): number {
  return line.length + LINE_CHARACTERS;
}

function notice(count: number): string {
  return `[${count} lines left out: the trainer prints too fast or too much]`;
}
