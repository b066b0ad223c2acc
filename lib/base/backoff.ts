/** How long to wait before trying again. */

import type { Random } from "./random.ts";

/** The range that a wait is drawn from. */
export interface Backoff {
  /** The widest wait before the first retry. Higher: calmer; lower: faster after a blip. */
  readonly baseMs: number;
  /** The widest wait there is. Higher: less load while something is down; lower: back sooner. */
  readonly capMs: number;
  /** The shortest wait there is. */
  readonly floorMs?: number;
}

/**
 * The wait before retry number `attempt` (0 for the first), in milliseconds: drawn evenly from
 * nothing to `baseMs` doubled each time, never above `capMs`.
 *
 * "Full jitter" of Brooker, "Exponential Backoff And Jitter", 2015: it spreads a crowd best.
 */
export function fullJitterMs(attempt: number, backoff: Backoff, random: Random): number {
  const floorMs = backoff.floorMs ?? 0;
  const widestMs = Math.min(backoff.capMs, backoff.baseMs * 2 ** Math.min(attempt, 30));
  return floorMs + random.next() * Math.max(0, widestMs - floorMs);
}
