/** The clocks of this process. */

import type { Clock } from "../base/time.ts";

/** Time as the operating system tells it. */
export const systemClock: Clock = {
  now: () => performance.now(),
  wallMs: () => Date.now(),
};
