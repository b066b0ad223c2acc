/** When a worker that is held is expected to be free, for people. */

import { formatDuration, MINUTE_MS } from "../base/time.ts";

/** To follow what holds the worker; empty where it does not say. In minutes: it is a guess. */
export function freeText(freeAtMs: number | undefined, nowMs: number): string {
  if (freeAtMs === undefined) return "";
  const minutes = Math.ceil((freeAtMs - nowMs) / MINUTE_MS);
  return minutes > 0 ? `, for about ${formatDuration(minutes * MINUTE_MS)} more` : ", nearly done";
}
