/** What is told of jobs to whoever watches a simulation. Knows nothing of what must hold. */

import type { JobId, PeerId } from "../../lib/base/id.ts";
import type { Instant } from "../../lib/base/time.ts";
import type { SlotEffect } from "../../lib/job/slot_effect.ts";
import type { SlotInput } from "../../lib/job/slot_input.ts";
import type { JobEvent, JobRefusal } from "../../lib/protocol/job_message.ts";
import type { CurrentJob, WorkerStatus } from "../../lib/protocol/worker.ts";

/** What a worker does, as others are told. */
export interface Shown {
  readonly status: WorkerStatus;
  readonly currentJob: CurrentJob | null;
}

/** A desk, as a watcher sees it. */
export interface WatchedDesk {
  /** The worker's name, the same in each of its lives. */
  readonly name: string;
  /** The job that holds the slot, and the number of the last word of it, where it runs. */
  readonly jobId: JobId | undefined;
  readonly sequence: number | undefined;
  /** Whether it takes no more jobs. */
  readonly isClosed: boolean;
  /** What it tells the room that it does. */
  readonly shown: Shown;
  /** What the room state has of it, as it stands here; absent where there is no room. */
  readonly known: Shown | undefined;
  /** Since when it can be held to anything, in virtual time: before that it was paused, or slow. */
  readonly settledAt: Instant;
}

/** Watches jobs. */
export interface JobWatcher {
  /** A slot has taken a step; what it wants done is done next. */
  stepped(desk: WatchedDesk, input: SlotInput, effects: readonly SlotEffect[]): void;
  /** What the slot wanted is done. */
  settled(desk: WatchedDesk): void;
  /** A trainer begins at `desk`; `beside` is another one that runs on the machine. */
  begins(desk: WatchedDesk, jobId: JobId, beside: JobId | undefined): void;
  /** A client heard a word of its job that it had not heard, and had heard all before it. */
  heard(client: PeerId, event: JobEvent): void;
  /** A client on a line that loses nothing heard a word out of its turn. */
  misheard(client: PeerId, event: JobEvent, heard: number): void;
  /** A client was told that its job, of which it had heard before, cannot be followed. */
  denied(client: PeerId, jobId: JobId, code: JobRefusal): void;
}

/** Nobody watches. */
export const NOBODY: JobWatcher = {
  stepped() {},
  settled() {},
  begins() {},
  heard() {},
  misheard() {},
  denied() {},
};

/** `watcher`, and `stepped` besides, which is told first. */
export function watchedBy(watcher: JobWatcher, stepped: JobWatcher["stepped"]): JobWatcher {
  return {
    stepped: (desk, input, effects) => {
      stepped(desk, input, effects);
      watcher.stepped(desk, input, effects);
    },
    settled: (desk) => watcher.settled(desk),
    begins: (desk, jobId, beside) => watcher.begins(desk, jobId, beside),
    heard: (client, event) => watcher.heard(client, event),
    misheard: (client, event, heard) => watcher.misheard(client, event, heard),
    denied: (client, jobId, code) => watcher.denied(client, jobId, code),
  };
}
