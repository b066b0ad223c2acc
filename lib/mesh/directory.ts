/** Lists workers for those who ask. Knows nothing of who asks or by which way. */

import { type Listed, matches } from "../protocol/match.ts";
import type { Filters } from "../protocol/query.ts";
import { gpuMemoryMb } from "../protocol/worker.ts";
import { type Candidate, compareCandidates } from "./election.ts";

/** The workers that `filters` ask for, best first: GPU memory descending, then peer id. */
export function listWorkers<T extends Listed>(workers: Iterable<T>, filters: Filters): T[] {
  return [...workers]
    .filter((worker) => matches(worker, filters))
    .toSorted((one, other) => compareCandidates(candidateOf(one), candidateOf(other)));
}

function candidateOf(worker: Listed): Candidate {
  return { peerId: worker.peer_id, gpuMemoryMb: gpuMemoryMb(worker.metadata) };
}
