/** What a worker may hold at most, whatever is done to it. */

import type { WorkerLife } from "./worker_life.ts";

/** Wakes that a node may have asked for at once: later ones are not cancelled by earlier ones. */
const TIMERS_MAX = 24;
/** Changes that may wait for one they build on. */
const WAITING_MAX = 256;
/** Other workers that are remembered, and dialled again: four rooms of ten. */
const MEMBERS_MAX = 40;

/**
 * What a worker holds too much of, in words; `undefined` where nothing is. `written` is how many changes
 * of the room state all workers have written: whatever else is in it came from a liar.
 */
export function excessOf(life: WorkerLife, written: number): string | undefined {
  const { size, liveness, retries } = life.view;
  const bounds: [what: string, count: number, max: number][] = [
    ["changes, although no more were written", size.changes, written],
    ["changes that wait", size.waiting, WAITING_MAX],
    ["other workers", liveness.size, MEMBERS_MAX],
    ["retries", retries.size, MEMBERS_MAX],
    ["wakes to come", life.timers, TIMERS_MAX],
  ];
  const excess = bounds.find(([, count, max]) => count > max);
  if (excess === undefined) return undefined;
  const [what, count, max] = excess;
  return `${life.name} holds ${count} ${what}, more than ${max}`;
}
