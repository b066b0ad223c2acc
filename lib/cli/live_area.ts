/** Lines of a terminal that are drawn again in place. Knows when to draw, not what. */

import type { Clock, Instant } from "../base/time.ts";
import type { Io } from "./io.ts";

/** The shortest time between two drawings. Higher: calmer; lower: a slow terminal holds us up. */
const DRAW_INTERVAL_MS = 80;

/** The last lines of a terminal. */
export class LiveArea {
  readonly #io: Pick<Io, "draw" | "rows">;
  readonly #clock: Pick<Clock, "now">;
  readonly #lines: () => readonly string[];
  /** What is to stand above from the next drawing on, and stay. */
  #above: string[] = [];
  #drawnLines = 0;
  #drawnAt: Instant = -Infinity;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** @param lines What is to be seen, asked at each drawing; none wider than the terminal. */
  constructor(
    io: Pick<Io, "draw" | "rows">,
    clock: Pick<Clock, "now">,
    lines: () => readonly string[],
  ) {
    this.#io = io;
    this.#clock = clock;
    this.#lines = lines;
  }

  /** Something is new: draws now, or as soon as it may. */
  update(): void {
    const waitMs = this.#drawnAt + DRAW_INTERVAL_MS - this.#clock.now();
    if (waitMs <= 0) this.#draw();
    else this.#timer ??= setTimeout(() => this.#draw(), waitMs);
  }

  /** Puts a line above the area, where it stays. */
  print(line: string): void {
    this.#above.push(line);
    this.update();
  }

  /** Draws the last state, so that nothing is missing when other lines follow. */
  close(): void {
    this.#draw();
  }

  #draw(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const lines = this.#lines().slice(0, this.#io.rows - 1);
    const back = this.#drawnLines === 0 ? "" : `\u001b[${this.#drawnLines}A`;
    const body = [...this.#above, ...lines].map((line) => `${line}\u001b[K\n`).join("");
    this.#above = [];
    this.#io.draw(`${back}\r${body}\u001b[J`);
    this.#drawnLines = lines.length;
    this.#drawnAt = this.#clock.now();
  }
}
