/**
 * Counts what goes wrong in the mesh, for the server's metrics: dials that failed and entries that were
 * written apart. Tells the server now and then; decides nothing by it.
 */

import type { PeerId } from "../base/id.ts";
import { type Instant, MINUTE_MS } from "../base/time.ts";
import type { Administration } from "./administration.ts";
import type { Introduction } from "./introduction.ts";
import type { Outbox } from "./outbox.ts";
import type { RoomState } from "./room_state.ts";
import type { ServerView } from "./server_view.ts";

/**
 * Between two reports. Lower: more than the 400 frames an hour that a worker may cost the server, of
 * which pings take 360; higher: the metrics lag behind.
 */
const REPORT_EVERY_MS = 5 * MINUTE_MS;
/** The most that one report may say of each. What is above is lost: it only ever makes a graph. */
const COUNTED_MAX = 1_000_000;

/** Where the counts come from, and where they go. */
export interface MeshTallyParts {
  readonly introduction: Pick<Introduction, "failures">;
  readonly state: Pick<RoomState, "contested">;
  readonly administration: Pick<Administration, "leads">;
  readonly server: Pick<ServerView, "reachable">;
  readonly outbox: Outbox;
}

/** One worker's counts since its last report. */
export class MeshTally {
  readonly #parts: MeshTallyParts;
  #reportedAt: Instant = -Infinity;
  #failuresReported = 0;
  #conflicts = 0;
  #conflictMs = 0;
  /** Entries with more than one value, since when, and whether they are ours to count. */
  readonly #contested = new Map<PeerId, { readonly since: Instant; readonly isOurs: boolean }>();

  constructor(parts: MeshTallyParts) {
    this.#parts = parts;
  }

  /** Counts, and reports where there is something and it is time. Heartbeats bring it here often enough. */
  reconcile(now: Instant): void {
    this.#countConflicts(now);
    const { introduction, outbox, server } = this.#parts;
    const failures = introduction.failures - this.#failuresReported;
    const isEmpty = failures + this.#conflicts + this.#conflictMs === 0;
    if (isEmpty || !server.reachable || now < this.#reportedAt + REPORT_EVERY_MS) return;
    outbox.add({
      type: "tell_server",
      message: {
        type: "mesh_report",
        dials_failed: Math.min(COUNTED_MAX, failures),
        conflicts: Math.min(COUNTED_MAX, this.#conflicts),
        conflict_ms: Math.min(COUNTED_MAX, Math.round(this.#conflictMs)),
      },
    });
    this.#reportedAt = now;
    this.#failuresReported = introduction.failures;
    this.#conflicts = 0;
    this.#conflictMs = 0;
  }

  /** Everybody sees the same conflicts, so that only the admin counts them. */
  #countConflicts(now: Instant): void {
    const { administration, state } = this.#parts;
    for (const peerId of state.contested) {
      if (this.#contested.has(peerId)) continue;
      const isOurs = administration.leads;
      this.#contested.set(peerId, { since: now, isOurs });
      if (isOurs) this.#conflicts++;
    }
    for (const [peerId, { since, isOurs }] of this.#contested) {
      if (state.contested.has(peerId)) continue;
      this.#contested.delete(peerId);
      if (isOurs) this.#conflictMs += now - since;
    }
  }
}
