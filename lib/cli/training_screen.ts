/** Shows a submission while it happens, as the output allows. Knows when to print; not what. */

import { Failure } from "../base/failure.ts";
import type { Clock } from "../base/time.ts";
import type { SubmissionEvent } from "../client/event.ts";
import type { Io } from "./io.ts";
import { LiveArea } from "./live_area.ts";
import { cleanText, jsonText } from "./terminal_text.ts";
import { jsonEvent, liveLines, plainLines, type PlainStyle } from "./training_display.ts";
import { advance, BLANK_VIEW, type TrainingView } from "./training_view.ts";

/** Lines of a trainer that has failed: a traceback's end. */
const LAST_LINES_MAX = 20;

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
  readonly #area: LiveArea | undefined;
  #view: TrainingView = BLANK_VIEW;
  /** What the trainer said last. */
  #lastLines: string[] = [];

  constructor(
    io: Io,
    { json, clock, isVerbose = false, epochStep = 1 }: TrainingScreenOptions,
  ) {
    this.#io = io;
    this.#isJson = json;
    this.#style = { isVerbose, epochStep };
    this.#clock = clock;
    if (io.isTerminal && !json) {
      this.#area = new LiveArea(io, clock, () => liveLines(this.#view, io));
    }
  }

  /** Takes the next event. */
  watch(event: SubmissionEvent): void {
    const before = this.#view;
    const now = this.#clock.now();
    this.#view = advance(before, event, now);
    if (event.type === "output" && event.text.trim() !== "") {
      this.#lastLines = [...this.#lastLines.slice(1 - LAST_LINES_MAX), cleanText(event.text)];
    }
    if (this.#isJson) this.#io.out(jsonText(jsonEvent(event)));
    else if (this.#area !== undefined) {
      const lines = event.type === "output"
        ? plainLines(before, event, this.#view, this.#style)
        : [];
      for (const line of lines) this.#area.print(line);
      this.#area.update();
    } else {
      for (const line of plainLines(before, event, this.#view, this.#style)) this.#io.out(line);
    }
  }

  /** Where the training ended by `error` and failed, tells what it said last, unless that was told. */
  tellLastLines(error: unknown): void {
    const isFailed = error instanceof Failure && error.kind === "job_failed";
    if (!isFailed || this.#isJson || this.#style.isVerbose || this.#lastLines.length === 0) return;
    this.#io.err("The last lines of the trainer:");
    for (const line of this.#lastLines) this.#io.err(`  ${line}`);
  }

  /** Draws the last state, so that nothing is missing when other lines follow. */
  close(): void {
    this.#area?.close();
  }
}
