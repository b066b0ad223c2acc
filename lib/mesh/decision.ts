/** What deciding who leads looks at, and what can come of it. Decides nothing. */

import type { PeerId } from "../base/id.ts";
import type { Candidate } from "./election.ts";

/** What one reconciliation looks at. */
export interface Situation {
  /** Those who live, this worker among them. */
  readonly living: readonly Candidate[];
  /** Those that can be asked. */
  readonly linked: ReadonlySet<PeerId>;
  /** Those for whom a majority still mourns: dead, but not long enough to stop counting. */
  readonly mourned: ReadonlySet<PeerId>;
  /** What the server says of the admin; `undefined` where it is out of reach. */
  readonly server: { readonly adminPeerId: PeerId | undefined } | undefined;
}

/** What follows from a situation. */
export type Decision =
  /** Ask them whether they will lead. */
  | { readonly type: "verify"; readonly peerIds: readonly PeerId[] }
  /** It was asked and did not answer in time. */
  | { readonly type: "doubt"; readonly peerId: PeerId }
  /** This worker is the admin from now on, in this epoch. */
  | { readonly type: "claim"; readonly epoch: number; readonly tookMs: number }
  /** This worker follows another from now on. */
  | {
    readonly type: "follow";
    readonly peerId: PeerId;
    readonly epoch: number;
    readonly tookMs: number;
  }
  /** This worker leads no longer. */
  | { readonly type: "demote"; readonly epoch: number }
  /** The majority is out of reach, or back. */
  | {
    readonly type: "partition";
    readonly partitioned: boolean;
    readonly living: number;
    readonly agreed: number;
  };
