/**
 * Draws a room over a whole terminal, again and again, and waits for the key that ends it. Knows when to
 * draw; not what.
 */

import { type Clock, type Instant, SECOND_MS } from "../base/time.ts";
import type { Io } from "./io.ts";
import type { TerminalHold } from "./terminal_hold.ts";
import { topLines } from "./top_display.ts";
import type { TopView } from "./top_view.ts";

/** The shortest time between two drawings. Higher: calmer; lower: a slow terminal holds us up. */
const DRAW_INTERVAL_MS = 200;
/** Between two drawings where nothing is said: ages grow, and the window's size may be another. */
const DRAW_EVERY_MS = SECOND_MS;
/** `q`, and Ctrl-C where the system makes no signal of it. */
const LEAVING_KEYS = ["q", "Q", "\u0003"] as const;

/** What is shown, and who is told of its end. */
export interface TopScreenOptions {
  readonly clock: Pick<Clock, "now">;
  view(): TopView;
  /** The person wants to leave. */
  left(): void;
  /** The keyboard cannot be read any more. */
  failed(error: unknown): void;
}

/** A terminal that shows a room, from its making until {@linkcode TopScreen.close}. */
export class TopScreen {
  readonly #io: Io;
  readonly #options: TopScreenOptions;
  readonly #hold: TerminalHold;
  readonly #every: ReturnType<typeof setInterval>;
  #soon: ReturnType<typeof setTimeout> | undefined;
  #drawnAt: Instant = -Infinity;
  #drawn = "";

  constructor(io: Io, options: TopScreenOptions) {
    this.#io = io;
    this.#options = options;
    this.#hold = io.holdTerminal({
      key: (text) => {
        if (LEAVING_KEYS.some((key) => text.includes(key))) options.left();
      },
      failed: (error) => options.failed(error),
    });
    this.#every = setInterval(() => this.#draw(), DRAW_EVERY_MS);
    this.update();
  }

  /** Something is new: draws now, or as soon as it may. */
  update(): void {
    const waitMs = this.#drawnAt + DRAW_INTERVAL_MS - this.#options.clock.now();
    if (waitMs <= 0) this.#draw();
    else this.#soon ??= setTimeout(() => this.#draw(), waitMs);
  }

  /** Gives the terminal back as it was. Twice does nothing more. */
  close(): void {
    clearInterval(this.#every);
    clearTimeout(this.#soon);
    this.#hold.release();
  }

  #draw(): void {
    clearTimeout(this.#soon);
    this.#soon = undefined;
    this.#drawnAt = this.#options.clock.now();
    const { columns, rows, isColored } = this.#io;
    // The last line stays free: some terminals scroll when its last column is written.
    const lines = topLines(this.#options.view(), { columns, rows: rows - 1, isColored });
    const text = `\u001b[H${lines.map((line) => `${line}\u001b[K\r\n`).join("")}\u001b[J`;
    const page = `${columns}x${rows} ${text}`;
    if (page === this.#drawn) return;
    this.#drawn = page;
    this.#io.draw(text);
  }
}
