/** In which words a slot says why it is not free, and how a job ended. Decides nothing. */

import { formatDuration, type Instant } from "../base/time.ts";
import type { JobEvent } from "../protocol/job_message.ts";
import { modelsOf } from "../protocol/job_spec.ts";
import { expectedEnd } from "./pace.ts";
import type { Refused } from "./slot.ts";
import type { Verdict } from "./slot_input.ts";
import type { Leased, Running } from "./slot_state.ts";

/** Why a held slot is not given to another, and when it is worth asking again. */
export function hint(state: Leased | Running, now: Instant): Omit<Refused, "code"> {
  if (state.name === "leased") {
    const retryAfterMs = Math.max(0, state.until - now);
    return { reason: "The worker is reserved for another job", retryAfterMs };
  }
  const { pace, startedAt } = state;
  const epochsMax = soleEpochsMax(state);
  const sentence = `The worker runs another job for ${
    formatDuration(Math.max(0, now - startedAt))
  }`;
  if (pace === undefined) return { reason: `${sentence}, before its first epoch` };
  if (epochsMax === undefined) return { reason: `${sentence}, epoch ${pace.epochs}` };
  const reason = `${sentence}, epoch ${pace.epochs} of ${epochsMax}`;
  const freeAt = expectedEnd(pace, epochsMax);
  return freeAt === undefined
    ? { reason }
    : { reason, retryAfterMs: Math.max(0, Math.round(freeAt - now)) };
}

/** Each of several models counts its epochs anew: the pace of one tells nothing of the rest. */
export function soleEpochsMax({ epochsMax, spec }: Running): number | undefined {
  return modelsOf(spec) === 1 ? epochsMax : undefined;
}

type Ending = Extract<JobEvent, { duration_ms: number }>;
type Unstamped<Event> = Event extends Ending
  ? Omit<Event, "job_id" | "attempt" | "sequence" | "duration_ms">
  : never;

/** The verdict as it is said, without the words that every event carries. */
export function verdictWords(verdict: Verdict): Unstamped<Ending> {
  switch (verdict.type) {
    case "done": {
      const { results, isStoppedEarly: stopped_early } = verdict;
      return { type: "job_done", results, stopped_early } as const;
    }
    case "cancelled": {
      const { reason } = verdict;
      return { type: "job_cancelled", ...(reason === undefined ? {} : { reason }) } as const;
    }
    case "lost":
      return { type: "job_lost", reason: verdict.reason } as const;
    case "failed": {
      const { exitCode: exit_code, reason } = verdict;
      return { type: "job_failed", exit_code, reason } as const;
    }
    default:
      return verdict satisfies never;
  }
}
