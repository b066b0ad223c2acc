/** Looks at a worker's GPU from time to time and passes on what is news. Knows nothing of rooms. */

import type { Log } from "../../base/log.ts";
import { type Clock, SECOND_MS } from "../../base/time.ts";
import { GpuBulletin, type GpuNews, newsOf } from "./bulletin.ts";
import type { Gpu, GpuReading, GpuSource } from "./gpu.ts";
import { type Genealogy, isUsedByOthers } from "./ownership.ts";

/** Between two looks. Higher: others are noticed later; lower: `nvidia-smi` costs more CPU than idling. */
const LOOK_MS = 10 * SECOND_MS;

/** The GPU that a worker gives its jobs, as it was found. Whoever made it closes the source. */
export interface GpuSlot {
  readonly source: GpuSource;
  readonly gpu: Gpu;
}

/** What a watch works with. */
export interface GpuWatchOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** The worker and its jobs, by process id. */
  readonly own: () => readonly number[];
  /** Whether a job of ours runs. */
  readonly isBusy: () => boolean;
  /** There is news for the room. */
  readonly tell: (news: GpuNews) => void;
  readonly lookMs?: number;
  readonly genealogy?: Genealogy;
}

/** A watch over one GPU, until it is stopped. */
export class GpuWatch {
  /** What was known at the beginning. */
  readonly first: GpuNews;
  readonly #slot: GpuSlot;
  readonly #options: GpuWatchOptions;
  readonly #bulletin: GpuBulletin;
  readonly #lookMs: number;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #looking: Promise<void> = Promise.resolve();
  #stopped = false;
  #complaint: string | null = null;

  private constructor(slot: GpuSlot, first: GpuNews, options: GpuWatchOptions) {
    this.#slot = slot;
    this.first = first;
    this.#options = options;
    this.#bulletin = new GpuBulletin(slot.gpu.memoryTotalMb, first, options.clock.now());
    this.#lookMs = options.lookMs ?? LOOK_MS;
    this.#wait();
  }

  /** Begins to watch, with what was seen when the GPU was found. */
  static async begin(slot: GpuSlot, options: GpuWatchOptions): Promise<GpuWatch> {
    const { own, isBusy, genealogy } = options;
    return new GpuWatch(slot, await newsFrom(slot.gpu, { own, isBusy, genealogy }), options);
  }

  /** Why the GPU cannot be used, as it was seen last; null while it can. */
  get fault(): string | null {
    return this.#complaint;
  }

  /** Looks no more. Resolves when the last look is over. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    await this.#looking;
  }

  #wait(): void {
    if (this.#stopped) return;
    this.#timer = setTimeout(() => {
      this.#looking = this.#look().finally(() => this.#wait());
    }, this.#lookMs);
  }

  async #look(): Promise<void> {
    const { clock, log, tell, own, isBusy, genealogy } = this.#options;
    const news = await this.#news({ own, isBusy, genealogy });
    if (this.#stopped) return;
    const { fault } = news;
    if (fault !== this.#complaint) {
      this.#complaint = fault;
      const gpu_uuid = this.#slot.gpu.uuid;
      if (fault === null) log.write("info", "The GPU can be read again", { gpu_uuid });
      else log.write("error", `The GPU cannot be read: ${fault}`, { gpu_uuid });
    }
    if (this.#bulletin.consider(news, clock.now())) tell(news);
  }

  /** A driver that does not answer is news too: nobody's training would get an answer either. */
  async #news(owners: Owners): Promise<GpuNews> {
    const { index, uuid } = this.#slot.gpu;
    try {
      return await newsFrom(await this.#slot.source.read({ index, uuid }), owners);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      return newsOf({ state: "failed", index, uuid, reason }, false);
    }
  }
}

interface Owners {
  readonly own: () => readonly number[];
  readonly isBusy: () => boolean;
  readonly genealogy: Genealogy | undefined;
}

async function newsFrom(
  reading: GpuReading,
  { own, isBusy, genealogy }: Owners,
): Promise<GpuNews> {
  const processes = reading.state === "well" ? reading.processes ?? [] : [];
  const asked = { own: own(), isBusy: isBusy(), ...(genealogy === undefined ? {} : { genealogy }) };
  return newsOf(reading, await isUsedByOthers(processes, asked));
}
