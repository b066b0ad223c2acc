/** Whether a worker is what a query asks for. One rule for the admin, the server and a client's replica. */

import type { PeerId } from "../base/id.ts";
import type { Condition, Filters } from "./query.ts";
import { gpuMemoryMb, type Metadata, type Property, type WorkerStatus } from "./worker.ts";

/** What a filter looks at. */
export interface Listed {
  readonly peer_id: PeerId;
  readonly status: WorkerStatus;
  readonly metadata: Metadata;
}

/** Whether a worker is what `filters` ask for. */
export function matches(worker: Listed, filters: Filters): boolean {
  if (filters.role !== undefined && filters.role !== "worker") return false;
  if (filters.status !== undefined && worker.status !== filters.status) return false;
  if (gpuMemoryMb(worker.metadata) < (filters.min_gpu_memory_mb ?? 0)) return false;
  if (!(filters.tags ?? []).every((tag) => worker.metadata.tags.includes(tag))) return false;
  return Object.entries(filters.properties ?? {}).every(([name, wanted]) => {
    // The original keeps the status among the properties, and its clients ask for it there.
    const value = name === "status" ? worker.status : worker.metadata.properties[name];
    return satisfies(value, conditionOf(wanted));
  });
}

function satisfies(value: Property | undefined, condition: Condition): boolean {
  const { $eq, $ne, $gte, $lte, $gt, $lt, $in } = condition;
  if ($eq !== undefined && !equal(value, $eq)) return false;
  if ($ne !== undefined && equal(value, $ne)) return false;
  if ($in !== undefined && !$in.some((item) => equal(value, item))) return false;
  const order = (bound: string | number) => compare(value, bound);
  if ($gte !== undefined && !(order($gte) >= 0)) return false;
  if ($lte !== undefined && !(order($lte) <= 0)) return false;
  if ($gt !== undefined && !(order($gt) > 0)) return false;
  if ($lt !== undefined && !(order($lt) < 0)) return false;
  return true;
}

/** Negative, zero or positive; NaN, which no comparison passes, where the two cannot be ordered. */
function compare(value: Property | undefined, bound: string | number): number {
  if (typeof value === "number" && typeof bound === "number") return value - bound;
  if (typeof value === "string" && typeof bound === "string") {
    return value < bound ? -1 : value > bound ? 1 : 0;
  }
  return NaN;
}

function equal(one: Property | undefined, other: Property): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

function conditionOf(wanted: Property | Condition): Condition {
  const bare = typeof wanted !== "object" || wanted === null || Array.isArray(wanted);
  return bare ? { $eq: wanted } : wanted;
}
