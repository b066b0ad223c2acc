/** How fast a job learns, and when it will be over by that. Knows epochs and instants, not who runs them. */

import type { Instant } from "../base/time.ts";

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

/** When `epochsMax` are over at this pace; `undefined` before two epochs are. */
export function expectedEnd(
  pace: Pace | undefined,
  epochsMax: number | undefined,
): Instant | undefined {
  if (pace === undefined || epochsMax === undefined || pace.epochs <= pace.first) return undefined;
  const epochMs = (pace.last - pace.since) / (pace.epochs - pace.first);
  return pace.last + epochMs * Math.max(0, epochsMax - pace.epochs);
}
