/** How fast a job learns, and when it will be over by that. Knows epochs and instants, not who runs them. */

import { type Instant, SECOND_MS } from "../base/time.ts";

/** Epochs that were heard of, and when the first and the last of them were heard. */
export interface Pace {
  readonly epochs: number;
  readonly first: number;
  readonly since: Instant;
  readonly last: Instant;
}

/** The pace after `epochs` are over. Those before the first tell nothing: a trainer's start takes its time. */
export function paceAfter(pace: Pace | undefined, epochs: number, now: Instant): Pace {
  const { since, first } = pace ?? { since: now, first: epochs };
  return { epochs, since, first, last: now };
}

/** For how long a pace must have been seen. Lower: a start, or rows that come at once, are taken for it. */
const SEEN_MS_MIN = 10 * SECOND_MS;

/** When `epochsMax` are over at this pace; `undefined` before it is known. */
export function expectedEnd(
  pace: Pace | undefined,
  epochsMax: number | undefined,
): Instant | undefined {
  if (pace === undefined || epochsMax === undefined) return undefined;
  const seenMs = pace.last - pace.since;
  if (pace.epochs <= pace.first || seenMs < SEEN_MS_MIN) return undefined;
  const epochMs = seenMs / (pace.epochs - pace.first);
  return pace.last + epochMs * Math.max(0, epochsMax - pace.epochs);
}
