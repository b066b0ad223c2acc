/**
 * A trainer under its keeper, on a simulated machine: it goes on when its worker dies, and is gone when
 * the machine loses power. What it leaves for its worker is read from here, as from files in `run/`.
 * Knows nothing of slots or clients.
 */

import type { JobId } from "../../lib/base/id.ts";
import { below, type Random } from "../../lib/base/random.ts";
import type { JobEnding } from "../../lib/job/slot_input.ts";
import type { Timeline } from "./timeline.ts";

/** One thing that a trainer writes: a row of its log, or a line of its output. */
export type TrainerWord =
  | { readonly type: "row"; readonly epoch: number }
  | { readonly type: "line"; readonly text: string };

/** How it goes: it runs, its keeper wrote down how it ended, or nobody did. */
export type TrainerState = "runs" | "ended_well" | "ended_badly" | "lost";

const EPOCHS_MAX = 6;
const EPOCH_MS_MIN = 100;
const EPOCH_MS_MAX = 3_000;
/** For a trainer to end that was asked to. */
const CANCEL_MS_MAX = 2_000;
const STOP_MS_MAX = 6_000;

/** One trainer. */
export class JobTrainer {
  readonly jobId: JobId;
  readonly #timeline: Timeline;
  readonly #random: Random;
  readonly #words: TrainerWord[] = [];
  readonly #epochs: number;
  #state: TrainerState = "runs";
  #wish: JobEnding | undefined;
  #changed = () => {};

  constructor(jobId: JobId, timeline: Timeline, random: Random) {
    this.jobId = jobId;
    this.#timeline = timeline;
    this.#random = random;
    this.#epochs = 1 + below(EPOCHS_MAX, random);
    this.#train(0);
  }

  /** What it has written so far. */
  get words(): readonly TrainerWord[] {
    return this.#words;
  }

  get state(): TrainerState {
    return this.#state;
  }

  /** How its owner wants it to end, as it was written down; the worker's next life reads it, too. */
  get wish(): JobEnding | undefined {
    return this.#wish;
  }

  /** A worker looks at it: it is told of all that changes. An earlier life's looks end with that. */
  follow(changed: () => void): void {
    this.#changed = changed;
  }

  /** Its owner wants it to end. Some do not heed a `stop`; a `cancel` ends each. */
  end(how: JobEnding): void {
    if (this.#wish === "cancel") return;
    this.#wish = how;
    const isHeeded = how === "cancel" || this.#random.next() < 0.8;
    const delayMs = below(how === "cancel" ? CANCEL_MS_MAX : STOP_MS_MAX, this.#random);
    if (isHeeded) this.#timeline.after(delayMs, () => this.#over("ended_well"));
  }

  /** Somebody kills it together with its keeper, or its machine loses power. */
  lose(): void {
    this.#over("lost");
  }

  #train(epoch: number): void {
    this.#timeline.after(EPOCH_MS_MIN + below(EPOCH_MS_MAX, this.#random), () => {
      if (this.#state !== "runs") return;
      if (epoch === this.#epochs) {
        return this.#over(this.#random.next() < 0.8 ? "ended_well" : "ended_badly");
      }
      if (this.#random.next() < 0.3) this.#words.push({ type: "line", text: `Epoch ${epoch}` });
      this.#words.push({ type: "row", epoch });
      this.#train(epoch + 1);
      this.#changed();
    });
  }

  #over(state: TrainerState): void {
    if (this.#state !== "runs") return;
    this.#state = state;
    this.#changed();
  }
}
