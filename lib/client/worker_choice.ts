/** Which worker gets a job. Decides from a list alone. */

import type { PeerId } from "../base/id.ts";
import { freeAtMsOf } from "../protocol/free_time.ts";
import { isUsedByOthers, shortcomingOf } from "../protocol/fitness.ts";
import type { Needs } from "../protocol/queue_message.ts";
import type { WorkerView } from "../protocol/worker.ts";
import { freeText } from "./free_text.ts";

/** What a job wants of its worker. */
export interface WorkerWish {
  /** The one worker that may run it. */
  readonly worker?: PeerId;
  /** GPU memory in MB that it must have at least. */
  readonly minGpuMemoryMb?: number;
  /** The runner that it must have. */
  readonly runner: string;
}

/** Workers to ask, best first; where there is none, why each is not one. */
export interface WorkerChoice {
  readonly candidates: readonly WorkerView[];
  /** One sentence a worker that does not fit, or that nobody is there. */
  readonly objections: readonly string[];
}

/** The workers that fit `wish`, in the order of the list; those whose GPU others use come last. */
export function chooseWorkers(
  workers: readonly WorkerView[],
  wish: WorkerWish,
  nowMs = Date.now(),
): WorkerChoice {
  const candidates: WorkerView[] = [];
  const objections: string[] = [];
  for (const worker of workers) {
    const objection = objectionTo(worker, wish, nowMs);
    if (objection === undefined) candidates.push(worker);
    else objections.push(`${worker.peer_id} ${objection}`);
  }
  if (workers.length === 0) objections.push("nobody is there");
  else if (wish.worker !== undefined && !workers.some(({ peer_id }) => peer_id === wish.worker)) {
    objections.unshift(`${wish.worker} is not in the room`);
  }
  const alone = candidates.filter((worker) => !isUsedByOthers(worker));
  return { candidates: [...alone, ...candidates.filter(isUsedByOthers)], objections };
}

/** What `wish` needs, as it is told to workers. */
export function needsOf({ worker, minGpuMemoryMb, runner }: WorkerWish): Needs {
  return { runner, min_gpu_memory_mb: minGpuMemoryMb ?? 0, worker: worker ?? null };
}

/** Why `worker` does not fit, such as `is busy`; `undefined` where it may. */
export function objectionTo(
  worker: WorkerView,
  wish: WorkerWish,
  nowMs = Date.now(),
): string | undefined {
  const needs = needsOf(wish);
  if (needs.worker !== null && worker.peer_id !== needs.worker) return "was not asked for";
  if (!worker.alive) return "gives no sign of life";
  const shortcoming = shortcomingOf(worker, needs);
  if (worker.status === "available" || shortcoming !== undefined) return shortcoming;
  if (worker.status === "maintenance") return "is in maintenance";
  return `is ${worker.status}${freeText(freeAtMsOf(worker), nowMs)}`;
}
