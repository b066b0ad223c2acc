/** Shows a submission while it happens, as the output allows. Knows when to print; not what. */

import type { Clock } from "../base/time.ts";
import type { SubmissionEvent } from "../client/event.ts";
import type { Io } from "./io.ts";
import { LiveArea } from "./live_area.ts";
import { jsonText } from "./terminal_text.ts";
import { jsonEvent, liveLines, plainLines, type PlainStyle } from "./training_display.ts";
import { advance, BLANK_VIEW, type TrainingView } from "./training_view.ts";

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
    if (this.#isJson) this.#io.out(jsonText(jsonEvent(event)));
    else if (this.#area !== undefined) this.#area.update();
    else {
      for (const line of plainLines(before, event, this.#view, this.#style)) this.#io.out(line);
    }
  }

  /** Draws the last state, so that nothing is missing when other lines follow. */
  close(): void {
    this.#area?.close();
  }
}
