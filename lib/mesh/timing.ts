/** The durations that a mesh lives by, and what changing them costs. */

import type { Backoff } from "../base/backoff.ts";

/** Durations in milliseconds, and counts. */
export interface MeshTiming {
  /** Between heartbeats. Higher: fewer bytes; lower: the dead are noticed sooner. */
  readonly heartbeatMs: number;
  /**
   * Silence after which a worker is suspected. Higher: a frozen admin is replaced later; lower: a worker
   * that training holds up for 4 s, and that beat almost a heartbeat before, is taken for dead.
   */
  readonly quietMs: number;
  /** For a suspect to answer. Higher: fewer false deaths; lower: faster re-election. */
  readonly checkMs: number;
  /** For an elected admin to answer (seed 000: 2 s). */
  readonly verifyMs: number;
  /** For one attempt to connect, by attempt; the last holds for all later ones. */
  readonly dialMs: readonly number[];
  /** Between attempts to connect. */
  readonly redial: Backoff;
  /** Attempts to connect in flight at once. Higher: werift loses handshakes; lower: slower mesh. */
  readonly dialsInFlightMax: number;
  /** For an answer to a request for changes, before another peer is asked. */
  readonly fetchMs: number;
  /**
   * For which the dead still count in a majority. Shorter than the spread of detection times, the two
   * halves of a room would each shrink step by step and both find themselves a majority.
   */
  readonly mournMs: number;
  /** After which a dead worker that the server does not know either is forgotten. */
  readonly forgetMs: number;
  /** Added to the age of what one is told, so that hearsay cannot keep the dead alive. */
  readonly hearsayMs: number;
}

/** The durations of production (ARCHITECTURE decisions 9 and 10). */
export const MESH_TIMING: MeshTiming = {
  heartbeatMs: 1_000,
  quietMs: 4_500,
  checkMs: 1_000,
  verifyMs: 2_000,
  dialMs: [1_500, 3_000, 6_000],
  redial: { baseMs: 500, capMs: 10_000 },
  dialsInFlightMax: 3,
  fetchMs: 1_000,
  mournMs: 10_000,
  forgetMs: 60_000,
  hearsayMs: 100,
};

/**
 * Checks durations against each other.
 *
 * @throws {Error} Where the mesh could not work with them.
 */
export function validateTiming(timing: MeshTiming): MeshTiming {
  if (timing.heartbeatMs <= 0) {
    throw new Error(`Expected heartbeatMs above 0, got ${timing.heartbeatMs}`);
  }
  if (timing.quietMs < 2 * timing.heartbeatMs) {
    throw new Error(
      `Expected quietMs of at least two heartbeats, got ${timing.quietMs}: one late beat would kill`,
    );
  }
  const verdictMs = timing.quietMs + timing.checkMs;
  if (timing.mournMs < verdictMs) {
    throw new Error(
      `Expected mournMs of at least ${verdictMs} (silence and check), got ${timing.mournMs}`,
    );
  }
  if (timing.dialMs.length === 0 || timing.dialsInFlightMax < 1) {
    throw new Error("Expected at least one dialMs and dialsInFlightMax of at least 1");
  }
  return timing;
}
