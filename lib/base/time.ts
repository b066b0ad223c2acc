/** Durations, and the clock as a port. Knows no source of time itself. */

/**
 * A point on the monotonic clock of this process, in milliseconds. Only differences mean anything;
 * instants of two machines cannot be compared.
 */
export type Instant = number;

/** What tells the time, and nothing else. */
export interface Clock {
  /** The monotonic clock, for every age and deadline. */
  now(): Instant;
  /** Milliseconds since 1970, for what people read and what outlives the process. */
  wallMs(): number;
}

/** Milliseconds in a second. */
export const SECOND_MS = 1_000;
/** Milliseconds in a minute. */
export const MINUTE_MS = 60 * SECOND_MS;
/** Milliseconds in an hour. */
export const HOUR_MS = 60 * MINUTE_MS;
/** Milliseconds in a day. */
export const DAY_MS = 24 * HOUR_MS;

const UNITS: Readonly<Record<string, number>> = {
  ms: 1,
  s: SECOND_MS,
  m: MINUTE_MS,
  h: HOUR_MS,
  d: DAY_MS,
};

/**
 * Reads a duration such as `90s`, `2h` or `1h30m` into milliseconds; `undefined` where it is none.
 *
 * @example
 * ```ts
 * import { parseDuration } from "./time.ts";
 * import { equal } from "node:assert/strict";
 * equal(parseDuration("1h30m"), 5_400_000);
 * equal(parseDuration("soon"), undefined);
 * ```
 */
export function parseDuration(text: string): number | undefined {
  if (!/^(\d+(ms|s|m|h|d))+$/.test(text)) return undefined;
  let sum = 0;
  for (const [, count, unit] of text.matchAll(/(\d+)(ms|s|m|h|d)/g)) {
    sum += Number(count) * (UNITS[unit ?? ""] ?? 0);
  }
  return sum;
}

/**
 * Writes milliseconds as people say them, in at most two units.
 *
 * @example
 * ```ts
 * import { formatDuration } from "./time.ts";
 * import { equal } from "node:assert/strict";
 * equal(formatDuration(5_400_000), "1h 30m");
 * equal(formatDuration(340), "340ms");
 * ```
 */
export function formatDuration(durationMs: number): string {
  if (durationMs < SECOND_MS) return `${Math.round(durationMs)}ms`;
  if (durationMs < 10 * SECOND_MS) return `${(durationMs / SECOND_MS).toFixed(1)}s`;
  const steps: [string, number][] = [["d", DAY_MS], ["h", HOUR_MS], ["m", MINUTE_MS], [
    "s",
    SECOND_MS,
  ]];
  const parts: string[] = [];
  let rest = Math.round(durationMs / SECOND_MS) * SECOND_MS;
  for (const [unit, lengthMs] of steps) {
    const count = Math.floor(rest / lengthMs);
    if (count > 0) parts.push(`${count}${unit}`);
    else if (parts.length > 0) break;
    rest -= count * lengthMs;
    if (parts.length === 2) break;
  }
  return parts.join(" ");
}
