/**
 * Waits until a GPU is free of a job that has ended: until no process of the job computes on it and
 * its memory is back. Ends no process itself.
 */

import { type Clock, SECOND_MS } from "../../base/time.ts";
import type { GpuSlot } from "./gpu_watch.ts";
import { type Genealogy, linuxGenealogy } from "./ownership.ts";

/** For memory to come back. A driver that tears down a large context takes seconds. */
const RELEASE_MS = 30 * SECOND_MS;
/** Between two looks. */
const LOOK_MS = 250;
/** How far used memory may be above what it was before, of all memory: a display moves by itself. */
const MARGIN_SHARE = 0.02;
/** The same in the end, where the driver lists nobody who could be the job's: a display takes more, too. */
const DISPLAY_SHARE = 0.1;

/** How a GPU is after a job. */
export type GpuRelease =
  | { readonly state: "free" }
  /** Processes of the job still compute on it. */
  | { readonly state: "held"; readonly pids: readonly number[]; readonly memoryUsedMb: number }
  /** Memory is not back, and none of the job's processes can be seen. */
  | { readonly state: "unclear"; readonly why: string };

/** What is asked. */
export interface GpuReleaseOptions {
  readonly clock: Clock;
  /** The process that trained. Those of its group and session are the job's. */
  readonly trainerPid: number;
  /** Memory in MB that was used before the job; `undefined` where nobody looked. */
  readonly usedBeforeMb: number | undefined;
  readonly waitMs?: number;
  readonly genealogy?: Genealogy;
}

/** Looks until the GPU is free of the job, but not for ever. Never throws: a driver that fails is told of. */
export async function awaitRelease(
  slot: GpuSlot,
  options: GpuReleaseOptions,
): Promise<GpuRelease> {
  const { clock, waitMs = RELEASE_MS } = options;
  const deadline = clock.now() + waitMs;
  for (;;) {
    const isLast = clock.now() >= deadline;
    const release = await look(slot, options, isLast);
    if (release.state === "free" || isLast) return release;
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
}

async function look(
  { source, gpu }: GpuSlot,
  { trainerPid, usedBeforeMb, genealogy = linuxGenealogy }: GpuReleaseOptions,
  isLast: boolean,
): Promise<GpuRelease> {
  let reading;
  try {
    reading = await source.read(gpu);
  } catch (error) {
    return { state: "unclear", why: error instanceof Error ? error.message : String(error) };
  }
  if (reading.state === "failed") return { state: "unclear", why: reading.reason };
  const { memoryUsedMb, memoryTotalMb, processes = [] } = reading;
  const pids: number[] = [];
  const unseen: number[] = [];
  let isUsedByOthers = false;
  for (const pid of processes) {
    const relatives = pid === trainerPid ? undefined : await genealogy(pid);
    const isOurs = pid === trainerPid || relatives?.group === trainerPid ||
      relatives?.session === trainerPid;
    if (isOurs) pids.push(pid);
    else if (relatives !== undefined) isUsedByOthers = true;
    else unseen.push(pid);
  }
  if (pids.length > 0) return { state: "held", pids, memoryUsedMb };
  // What others take is theirs to give back.
  const share = isLast && unseen.length === 0 ? DISPLAY_SHARE : MARGIN_SHARE;
  const isBack = usedBeforeMb === undefined || isUsedByOthers ||
    memoryUsedMb <= usedBeforeMb + share * memoryTotalMb;
  if (isBack) return { state: "free" };
  // In a container the driver may count processes as the machine outside does.
  const who = unseen.length === 0 ? "" : `, by process ${unseen.join(", ")} as the driver counts`;
  const why = `${memoryUsedMb} MB are used${who}, ${usedBeforeMb} MB were before the job`;
  return { state: "unclear", why };
}
