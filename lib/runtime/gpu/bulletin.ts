/**
 * What the room is told of a GPU, and how often: the room state keeps every word for ever
 * (docs/decisions, GPU facts). Knows no driver and no room.
 */

import { type Instant, MINUTE_MS } from "../../base/time.ts";
import type { Property } from "../../protocol/worker.ts";
import type { Gpu, GpuReading } from "./gpu.ts";

/** What of a GPU changes while a worker lives. */
export interface GpuNews {
  readonly memoryUsedMb: number;
  readonly memoryFreeMb: number;
  readonly isUsedByOthers: boolean;
  /** Why it cannot be used any more; null while it can. */
  readonly fault: string | null;
}

/** How far the used memory moves before it is worth a word, of all memory. */
const NOTABLE_SHARE = 0.05;
/**
 * Words that may follow each other at once, and how long one takes to grow again. Higher counts or
 * shorter times: a GPU that others use now and then writes a longer history into every replica, 84
 * words a day at most; lower: the beginning and end of a short job are told late.
 */
const WORDS_MAX = 12;
const WORD_MS = 20 * MINUTE_MS;

/** Decides what is told. What is held back is not lost: the next look is compared with what was told. */
export class GpuBulletin {
  readonly #memoryTotalMb: number;
  #told: GpuNews;
  #words = WORDS_MAX;
  #countedAt: Instant;

  /** @param told What the room knows from the start. */
  constructor(memoryTotalMb: number, told: GpuNews, now: Instant) {
    this.#memoryTotalMb = memoryTotalMb;
    this.#told = told;
    this.#countedAt = now;
  }

  /** Whether the room is to be told `news`, which it then has been. */
  consider(news: GpuNews, now: Instant): boolean {
    this.#words = Math.min(WORDS_MAX, this.#words + (now - this.#countedAt) / WORD_MS);
    this.#countedAt = now;
    if (this.#words < 1 || !this.#isNotable(news)) return false;
    this.#words--;
    this.#told = news;
    return true;
  }

  #isNotable(news: GpuNews): boolean {
    const told = this.#told;
    return news.isUsedByOthers !== told.isUsedByOthers || news.fault !== told.fault ||
      Math.abs(news.memoryUsedMb - told.memoryUsedMb) > NOTABLE_SHARE * this.#memoryTotalMb;
  }
}

/** The news in a look at `gpu`. Of one that failed no memory is known, so none is free. */
export function newsOf(reading: GpuReading, isUsedByOthers: boolean): GpuNews {
  if (reading.state === "failed") {
    return {
      memoryUsedMb: 0,
      memoryFreeMb: 0,
      isUsedByOthers: false,
      fault: reading.reason.slice(0, 200),
    };
  }
  const { memoryUsedMb, memoryFreeMb } = reading;
  return { memoryUsedMb, memoryFreeMb, isUsedByOthers, fault: null };
}

/** What a worker's entry says of its GPU besides its memory and model. */
export function gpuProperties(gpu: Gpu, news: GpuNews): Record<string, Property> {
  return {
    gpu_index: gpu.index,
    gpu_uuid: gpu.uuid,
    driver_version: gpu.driverVersion,
    ...(gpu.cudaVersion === undefined ? {} : { cuda_version: gpu.cudaVersion }),
    gpu_memory_used_mb: news.memoryUsedMb,
    gpu_memory_free_mb: news.memoryFreeMb,
    gpu_in_use_by_others: news.isUsedByOthers,
    ...(news.fault === null ? {} : { gpu_fault: news.fault }),
  };
}
