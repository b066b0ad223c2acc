/** Whether a worker could run a job, were it free. One rule for clients that choose and workers that wait on them. */

import type { Listed } from "./match.ts";
import type { Needs } from "./queue_message.ts";
import { gpuMemoryMb } from "./worker.ts";

/**
 * GPU memory in MB without which sleap-nn cannot even begin: PyTorch's own half, and a small network.
 * Higher: small models are kept waiting; lower: jobs fail for want of memory.
 */
const FLOOR_MB = 1_000;

/** What `worker` lacks for `needs`, to follow its name in a sentence; `undefined` where it fits. */
export function shortcomingOf(worker: Listed, needs: Needs): string | undefined {
  if (needs.worker !== null && worker.peer_id !== needs.worker) return "was not asked for";
  if (needs.workers?.includes(worker.peer_id) === false) return "would not run it";
  const memoryMb = gpuMemoryMb(worker.metadata);
  if (memoryMb < needs.min_gpu_memory_mb) return `has ${memoryMb} MB of GPU memory`;
  const { gpu_fault: fault, gpu_memory_free_mb: freeMb } = worker.metadata.properties;
  if (typeof fault === "string") return `has a GPU that failed: ${fault}`;
  // What is used by nobody else is an earlier job's, and free when ours begins.
  const leastMb = Math.max(needs.min_gpu_memory_mb, needs.runner === "sleap-nn" ? FLOOR_MB : 0);
  if (isUsedByOthers(worker) && typeof freeMb === "number" && freeMb < leastMb) {
    return `has ${freeMb} MB of GPU memory free; the rest is in use by others`;
  }
  const runners = worker.metadata.properties["runners"];
  // A worker that does not say what it runs is asked.
  if (!Array.isArray(runners) || runners.includes(needs.runner)) return undefined;
  return `has no runner ${needs.runner}`;
}

/** Whether somebody besides our jobs uses the worker's GPU. */
export function isUsedByOthers({ metadata }: Pick<Listed, "metadata">): boolean {
  return metadata.properties["gpu_in_use_by_others"] === true;
}
