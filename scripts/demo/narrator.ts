/** Tells the demo step by step, each with the time since the start. Knows nothing of what happens. */

import { paint, wrapText } from "../../lib/cli/terminal_text.ts";
import type { Io } from "../../lib/cli/io.ts";
import type { Clock, Instant } from "../../lib/base/time.ts";

/** Tells a story of `stepCount` steps. */
export class Narrator {
  readonly #io: Io;
  readonly #clock: Pick<Clock, "now">;
  readonly #stepCount: number;
  readonly #startedAt: Instant;
  #step = 0;

  constructor(io: Io, clock: Pick<Clock, "now">, stepCount: number) {
    this.#io = io;
    this.#clock = clock;
    this.#stepCount = stepCount;
    this.#startedAt = clock.now();
  }

  /** Seconds since the start, with one digit. */
  get elapsed(): string {
    // With a space at which no line is broken.
    return `${((this.#clock.now() - this.#startedAt) / 1_000).toFixed(1)}\u00a0s`;
  }

  /** Begins the next step. */
  step(title: string): void {
    const head = `Step ${++this.#step} of ${this.#stepCount}  ${title}  (${this.elapsed})`;
    this.#io.out("");
    for (const line of this.#fitted(head)) this.#io.out(paint(line, "bold", this.#io.isColored));
  }

  /** Tells one thing of the step. */
  say(text: string): void {
    for (const line of this.#fitted(text)) this.#io.out(line);
  }

  /** Tells that something held. */
  held(text: string): void {
    const mark = paint("✓", "green", this.#io.isColored);
    const [first = "", ...rest] = this.#fitted(`✓ ${text}`);
    this.#io.out(mark + first.slice(1));
    for (const line of rest) this.#io.out(line);
  }

  /** Only a terminal has an edge. */
  #fitted(text: string): readonly string[] {
    return this.#io.isTerminal ? wrapText(text, this.#io.columns) : [text];
  }
}
