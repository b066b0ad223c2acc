/**
 * The GPU of a worker as its jobs need it: whether it works, how full it is, and whether
 * it is free again after a job. Knows nothing of how jobs are run.
 */

import type { JobId } from "../base/id.ts";
import type { Clock } from "../base/time.ts";
import { awaitRelease } from "./gpu/gpu_release.ts";
import type { GpuSlot } from "./gpu/gpu_watch.ts";

/** What the GPU of jobs works with. */
export interface JobGpuOptions {
  readonly clock: Clock;
  /** Why the GPU cannot be used, as it was seen last; null while it can. */
  readonly fault: () => string | null;
  /** For how long memory may take to come back; as `gpu_release.ts` says where left out. */
  readonly releaseMs?: number;
}

/** A job that has ended, as its GPU needs to know it. */
export interface EndedJob {
  /** The process that trained. */
  readonly trainerPid: number;
  /** Memory in MB that was used before the job; `undefined` where nobody looked. */
  readonly usedBeforeMb: number | undefined;
  readonly waitMs: number | undefined;
}

/** The one GPU of a worker. */
export class JobGpu {
  readonly #slot: GpuSlot;
  readonly #options: JobGpuOptions;

  constructor(slot: GpuSlot, options: JobGpuOptions) {
    this.#slot = slot;
    this.#options = options;
  }

  /** Why no job can run on it now, in a sentence; `undefined` where one can. */
  get objection(): string | undefined {
    const fault = this.#options.fault();
    return fault === null ? undefined : `The worker's GPU has failed: ${fault}`;
  }

  /** How much memory is used, in MB; `undefined` where the driver does not tell. */
  async memoryUsedMb(): Promise<number | undefined> {
    const { source, gpu } = this.#slot;
    try {
      const reading = await source.read(gpu);
      return reading.state === "well" ? reading.memoryUsedMb : undefined;
    } catch {
      // Nothing to compare with then; the watch tells of a driver that fails.
      return undefined;
    }
  }

  /**
   * Waits until the GPU is free of an ended job. Gives what still holds it after that, in a sentence
   * that names the processes; `undefined` where it is free.
   *
   * @param waitMs For how long memory may take to come back, where it is not as the GPU's options say.
   */
  async holderOf(
    jobId: JobId,
    { trainerPid, usedBeforeMb, waitMs = this.#options.releaseMs }: EndedJob,
  ): Promise<string | undefined> {
    const { clock } = this.#options;
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
        return `The worker's GPU may still be held by ${jobId}: ${release.why}; ` +
          "see nvidia-smi on that machine";
      case "held": {
        const pids = release.pids.join(", ");
        return `Process ${pids} of ${jobId} still holds the worker's GPU with ` +
          `${release.memoryUsedMb} MB used; end it on that machine with kill -9`;
      }
      default:
        return release satisfies never;
    }
  }
}
