/** Timers that go off when they are told to, for tests of what waits. */

import type { Timers } from "../../lib/rtc/timers.ts";

/** Timers that go off when they are told to. */
export class ManualTimers implements Timers {
  readonly pending = new Map<number, { delayMs: number; callback: () => void }>();
  #next = 0;

  set(delayMs: number, callback: () => void): () => void {
    const key = this.#next++;
    this.pending.set(key, { delayMs, callback });
    return () => this.pending.delete(key);
  }

  /** Sets off what was set for no longer than `delayMs`, as if all of it had been set just before. */
  elapse(delayMs: number): void {
    for (const [key, timer] of [...this.pending]) {
      if (timer.delayMs > delayMs) continue;
      this.pending.delete(key);
      timer.callback();
    }
  }
}
