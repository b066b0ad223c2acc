/** Deadlines by the process's own timers. */

import type { Timers } from "../rtc/timers.ts";

/** Timers of this process. */
export const systemTimers: Timers = {
  set(delayMs, callback) {
    const timer = setTimeout(callback, delayMs);
    return () => clearTimeout(timer);
  },
};
