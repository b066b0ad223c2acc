/**
 * The GPU of a worker as its jobs need it: whether it works, how full it was before a job, and whether
 * it is free again after it. Knows nothing of how jobs are run.
 */

import type { JobId } from "../base/id.ts";
import type { Log } from "../base/log.ts";
import { type Clock, SECOND_MS } from "../base/time.ts";
import { awaitRelease } from "./gpu/gpu_release.ts";
import type { GpuSlot } from "./gpu/gpu_watch.ts";

/** Between two looks. Higher: a GPU that is free again is noticed later; lower: the driver is asked in vain. */
const HELD_LOOK_MS = 10 * SECOND_MS;

/** What the GPU of jobs works with. */
export interface JobGpuOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** Why the GPU cannot be used, as it was seen last; null while it can. */
  readonly fault: () => string | null;
  /** For how long memory may take to come back; as `gpu_release.ts` says where left out. */
  readonly releaseMs?: number;
  /** Between two looks at a GPU that a process of an ended job holds. */
  readonly heldLookMs?: number;
}

/** The one GPU of a worker. */
export class JobGpu {
  readonly #slot: GpuSlot;
  readonly #options: JobGpuOptions;
  #usedBefore: Promise<number | undefined> = Promise.resolve(undefined);

  constructor(slot: GpuSlot, options: JobGpuOptions) {
    this.#slot = slot;
    this.#options = options;
  }

  /** Why no job can run on it now, in a sentence; `undefined` where one can. */
  get objection(): string | undefined {
    const fault = this.#options.fault();
    return fault === null ? undefined : `The worker's GPU has failed: ${fault}`;
  }

  /** A job is about to begin: looks how much memory is used before it. */
  noteBefore(): void {
    const { source, gpu } = this.#slot;
    this.#usedBefore = source.read(gpu).then(
      (reading) => reading.state === "well" ? reading.memoryUsedMb : undefined,
      // Nothing to compare with then; the watch tells of a driver that fails.
      () => undefined,
    );
  }

  /**
   * Waits until the GPU is free of the job whose trainer was `trainerPid`. Gives what still holds it
   * after that, in a sentence that names the processes.
   */
  async release(jobId: JobId, trainerPid: number): Promise<string | undefined> {
    const { clock, log, releaseMs: waitMs } = this.#options;
    const usedBeforeMb = await this.#usedBefore;
    const release = await awaitRelease(this.#slot, {
      clock,
      trainerPid,
      usedBeforeMb,
      ...(waitMs === undefined ? {} : { waitMs }),
    });
    switch (release.state) {
      case "free":
        return undefined;
      case "unclear":
        log.write("warning", `The GPU's memory is not back: ${release.why}`, { job_id: jobId });
        return undefined;
      case "held": {
        const pids = release.pids.join(", ");
        return `Process ${pids} of ${jobId} still holds the worker's GPU with ` +
          `${release.memoryUsedMb} MB used; end it on that machine with kill -9`;
      }
      default:
        return release satisfies never;
    }
  }

  /** Resolves when no process of that trainer is on the GPU, or `ended` is aborted. */
  async released(trainerPid: number, ended: AbortSignal): Promise<void> {
    const { clock, heldLookMs = HELD_LOOK_MS } = this.#options;
    while (!ended.aborted) {
      const options = { clock, trainerPid, usedBeforeMb: undefined, waitMs: 0 };
      if ((await awaitRelease(this.#slot, options)).state === "free") return;
      await pause(heldLookMs, ended);
    }
  }
}

function pause(delayMs: number, ended: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      ended.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, delayMs);
    ended.addEventListener("abort", end, { once: true });
    if (ended.aborted) end();
  });
}
