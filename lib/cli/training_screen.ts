/** Shows a submission while it happens, as the output allows. Knows when to print; not what. */

import type { Clock, Instant } from "../base/time.ts";
import type { SubmissionEvent } from "../client/event.ts";
import type { Io } from "./io.ts";
import { jsonText } from "./terminal_text.ts";
import { jsonEvent, liveLines, plainLines, type PlainStyle } from "./training_display.ts";
import { advance, BLANK_VIEW, type TrainingView } from "./training_view.ts";

/** The shortest time between two drawings. Higher: calmer; lower: a slow terminal holds us up. */
const DRAW_INTERVAL_MS = 80;

/** How a submission is shown. */
export interface TrainingScreenOptions extends Partial<PlainStyle> {
  /** Whether a program reads it. */
  readonly json: boolean;
  readonly clock: Pick<Clock, "now">;
}

/** Shows events until {@linkcode TrainingScreen.close}. */
export class TrainingScreen {
  readonly #io: Io;
  readonly #isJson: boolean;
  readonly #style: PlainStyle;
  readonly #clock: Pick<Clock, "now">;
  #view: TrainingView = BLANK_VIEW;
  #drawnLines = 0;
  #drawnAt: Instant = -Infinity;

  constructor(
    io: Io,
    { json, clock, isVerbose = false, epochStep = 1 }: TrainingScreenOptions,
  ) {
    this.#io = io;
    this.#isJson = json;
    this.#style = { isVerbose, epochStep };
    this.#clock = clock;
  }

  /** Takes the next event. */
  watch(event: SubmissionEvent): void {
    const before = this.#view;
    const now = this.#clock.now();
    this.#view = advance(before, event, now);
    if (this.#isJson) this.#io.out(jsonText(jsonEvent(event)));
    else if (!this.#io.isTerminal) {
      for (const line of plainLines(before, event, this.#view, this.#style)) this.#io.out(line);
    } else if (now - this.#drawnAt >= DRAW_INTERVAL_MS) this.#draw(now);
  }

  /** Draws the last state, so that nothing is missing when other lines follow. */
  close(): void {
    if (this.#io.isTerminal && !this.#isJson) this.#draw(this.#clock.now());
  }

  #draw(now: Instant): void {
    const lines = liveLines(this.#view, this.#io).slice(0, this.#io.rows - 1);
    const back = this.#drawnLines === 0 ? "" : `\u001b[${this.#drawnLines}A`;
    const body = lines.map((line) => `${line}\u001b[K\n`).join("");
    this.#io.draw(`${back}\r${body}\u001b[J`);
    this.#drawnLines = lines.length;
    this.#drawnAt = now;
  }
}
