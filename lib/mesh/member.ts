/** What one worker holds of another. Knows the facts; what follows from them is for `Membership`. */

import type { PeerId } from "../base/id.ts";
import type { Instant } from "../base/time.ts";
import type { Metadata } from "../protocol/worker.ts";

/** What is held of a worker's life. `unknown`: announced, but never heard. */
export type Liveness = "unknown" | "alive" | "suspect" | "dead" | "left";

/** Another worker. */
export interface Member {
  readonly peerId: PeerId;
  incarnation: number;
  metadata: Metadata;
  /** The last sign of life, its own or one that others passed on. */
  evidenceAt: Instant | undefined;
  /** Its last word on a link of ours. */
  directAt: Instant | undefined;
  /** Running since a doubt; a sign of life ends it, its deadline is the verdict. */
  check: { readonly startedAt: Instant; readonly deadlineAt: Instant } | undefined;
  deadAt: Instant | undefined;
  leftAt: Instant | undefined;
  /** When this life was first announced. */
  readonly announcedAt: Instant;
}

/** A worker, or a new life of one, of which nothing was heard yet. */
export function newMember(
  peerId: PeerId,
  incarnation: number,
  metadata: Metadata,
  announcedAt: Instant,
): Member {
  return {
    peerId,
    incarnation,
    metadata,
    evidenceAt: undefined,
    directAt: undefined,
    check: undefined,
    deadAt: undefined,
    leftAt: undefined,
    announcedAt,
  };
}
