/** Who should be admin. A pure function of who lives: every worker that sees the same finds the same. */

import type { PeerId } from "../base/id.ts";

/** What an election looks at. */
export interface Candidate {
  readonly peerId: PeerId;
  /** GPU memory in MB. */
  readonly gpuMemoryMb: number;
}

/**
 * Orders candidates best first: GPU memory descending, then peer id ascending (ARCHITECTURE decision 7).
 *
 * @example
 * ```ts
 * import { compareCandidates } from "./election.ts";
 * import { isPeerId } from "../base/id.ts";
 * import { ok } from "node:assert/strict";
 * const [small, large] = ["w1", "w2"].filter(isPeerId);
 * if (small !== undefined && large !== undefined) {
 *   ok(compareCandidates({ peerId: large, gpuMemoryMb: 24_000 }, { peerId: small, gpuMemoryMb: 8_000 }) < 0);
 * }
 * ```
 */
export function compareCandidates(one: Candidate, other: Candidate): number {
  if (one.gpuMemoryMb !== other.gpuMemoryMb) return other.gpuMemoryMb - one.gpuMemoryMb;
  return one.peerId < other.peerId ? -1 : one.peerId > other.peerId ? 1 : 0;
}

/** The best candidate, or `undefined` where there is none. */
export function electAdmin(candidates: readonly Candidate[]): PeerId | undefined {
  return candidates.toSorted(compareCandidates)[0]?.peerId;
}
