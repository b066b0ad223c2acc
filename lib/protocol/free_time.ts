/** When a worker that is held expects to be free, as it tells the room. Knows no clock. */

import type { Property, WorkerView } from "./worker.ts";

/** The property that says so: milliseconds since 1970, by the worker's own clock. */
const FREE_AT = "free_at_ms";

/** Changes of the expectation that the room need not hear of, in ms. Lower: more changes travel. */
const TOLD_MS = 60_000;
/** The same as a part of the time that is left. */
const TOLD_SHARE = 0.1;
/** Between two guesses for one job, in ms: the room state keeps every word. Lower: a longer history. */
const TOLD_EVERY_MS = 10 * 60_000;

/** What a room was told, and when by the same clock. */
export interface ToldFreedom {
  readonly freeAtMs: number | undefined;
  readonly atMs: number;
}

/** The properties of a worker that expects to be free at `freeAtMs`. */
export function freeProperties(freeAtMs: number | undefined): Readonly<Record<string, Property>> {
  return freeAtMs === undefined ? {} : { [FREE_AT]: Math.round(freeAtMs) };
}

/** When `worker`, which a job holds, expects to be free; `undefined` where it does not say. */
export function freeAtMsOf(
  { metadata, current_job }: Pick<WorkerView, "metadata" | "current_job">,
): number | undefined {
  const stated = metadata.properties[FREE_AT];
  return current_job !== null && typeof stated === "number" ? stated : undefined;
}

/** Whether `expected` is news for a room that was told `told`, at the instant `nowMs`. */
export function isNewsOfFreedom(
  { freeAtMs: told, atMs }: ToldFreedom,
  expected: number | undefined,
  nowMs: number,
): boolean {
  if (told === undefined || expected === undefined) return told !== expected;
  const [changeMs, leftMs] = [Math.abs(told - expected), Math.abs(expected - nowMs)];
  if (changeMs <= Math.max(TOLD_MS, TOLD_SHARE * leftMs)) return false;
  // One that was far off is mended soon.
  return nowMs - atMs >= (changeMs > leftMs / 2 ? TOLD_MS : TOLD_EVERY_MS);
}
