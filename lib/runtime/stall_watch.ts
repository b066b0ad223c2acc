/** Sees that a transfer no longer gets on. Knows nothing of what it carries. */

import { SECOND_MS } from "../base/time.ts";

/** Between two looks. */
const LOOK_EVERY_MS = 5 * SECOND_MS;
/**
 * Looks in a row without progress after which a transfer has stalled: 15 s. Higher: a dead link is
 * noticed later; lower: a slow disk looks like one. Looks, and not time: a laptop that was asleep has
 * not listened.
 */
const STILL_LOOKS_MAX = 3;

/** The watch over one transfer, from its making until it is disposed of. */
export class StallWatch implements Disposable {
  readonly #timer: ReturnType<typeof setInterval>;
  #stillLooks = 0;

  /**
   * @param look Called at each look.
   * @param stalled Called, with a sentence, where there was no progress for too long.
   */
  constructor(
    look: () => void,
    stalled: (reason: string) => void,
    lookEveryMs: number = LOOK_EVERY_MS,
  ) {
    this.#timer = setInterval(() => {
      look();
      this.#stillLooks++;
      if (this.#stillLooks < STILL_LOOKS_MAX) return;
      clearInterval(this.#timer);
      stalled(`The transfer made no progress for ${STILL_LOOKS_MAX * lookEveryMs / SECOND_MS} s`);
    }, lookEveryMs);
  }

  /** Something got on. */
  progress(): void {
    this.#stillLooks = 0;
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
}
