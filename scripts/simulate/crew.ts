/** Runs seeds on several threads at once. Knows which thread is free, not what a seed does. */

import { Worker } from "node:worker_threads";
import { z } from "zod";

/** What a thread tells of one seed. */
export const seedReportSchema = z.object({
  seed: z.int(),
  /** What went wrong, in words. */
  violation: z.string().optional(),
  virtualMs: z.number().min(0),
  /** The same for the same seed and program, on whatever thread. */
  digest: z.string(),
});
/** What a thread tells of one seed. */
export type SeedReport = z.infer<typeof seedReportSchema>;

/** The most threads there may be. Higher: each holds 100 MB; lower: large machines wait. */
export const THREADS_MAX = 64;

/**
 * Runs `seeds` on `threads` threads, each the next one as soon as it is free, and tells `heard` of each
 * as it ends.
 *
 * @throws {Error} Where a thread fails or ends by itself, which no seed should make it do.
 */
export async function runSeeds(
  seeds: Iterable<number>,
  threads: number,
  heard: (report: SeedReport) => void,
): Promise<void> {
  const left = seeds[Symbol.iterator]();
  await Promise.all(Array.from({ length: threads }, () => workThrough(left, heard)));
}

/** One thread, until no seed is left. */
async function workThrough(
  seeds: Iterator<number>,
  heard: (report: SeedReport) => void,
): Promise<void> {
  let next = seeds.next();
  if (next.done === true) return;
  const worker = new Worker(new URL("./seed_thread.ts", import.meta.url));
  const failed = new Promise<never>((_resolve, reject) => {
    worker.once("error", reject);
    worker.once("exit", (code) => reject(new Error(`Expected seeds, got an exit with ${code}`)));
  });
  try {
    for (; next.done !== true; next = seeds.next()) {
      const answered = new Promise<unknown>((resolve) => worker.once("message", resolve));
      worker.postMessage(next.value);
      heard(seedReportSchema.parse(await Promise.race([answered, failed])));
    }
  } finally {
    // From here on its exit is what we want.
    worker.removeAllListeners();
    await worker.terminate();
  }
}
