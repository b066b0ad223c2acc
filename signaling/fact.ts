/** What happens at the server that is worth counting, as values. Knows not who counts, nor how. */

import type { Role } from "../lib/protocol/signal_message.ts";

/** Who answered a question for workers. */
export type DiscoveryWay = "admin" | "http";

/** Something to count. Times in milliseconds. */
export type Fact =
  | { readonly kind: "socket_opened" }
  | { readonly kind: "socket_closed" }
  /** A frame from a peer; `type` is one of the known ones, or `invalid`. */
  | { readonly kind: "frame_received"; readonly type: string; readonly bytes: number }
  | { readonly kind: "frame_sent"; readonly type: string; readonly bytes: number }
  /** A frame of one peer was passed on to another. */
  | { readonly kind: "relayed"; readonly type: string }
  | {
    readonly kind: "refused";
    readonly by: "connection" | "http" | "socket";
    readonly code: string;
  }
  | { readonly kind: "registered"; readonly role: Role }
  /** A worker was granted the admin's place; `tookMs` is how long the room had nobody there. */
  | { readonly kind: "elected"; readonly tookMs: number }
  | { readonly kind: "discovered"; readonly way: DiscoveryWay; readonly tookMs: number }
  /** Somebody used what is to go away; `client` is the name of its program. */
  | { readonly kind: "legacy_used"; readonly feature: string; readonly client: string }
  | {
    readonly kind: "request_answered";
    readonly route: string;
    readonly method: string;
    readonly status: number;
    readonly tookMs: number;
  }
  | { readonly kind: "room_created" }
  | { readonly kind: "room_deleted" }
  | { readonly kind: "rooms_expired"; readonly count: number }
  /** What a worker says has happened in its mesh since it last said so. */
  | {
    readonly kind: "mesh_reported";
    readonly dialsFailed: number;
    readonly conflicts: number;
    readonly conflictMs: number;
  };

/** Takes facts. */
export interface Meter {
  count(fact: Fact): void;
}

/** Takes facts and forgets them. */
export const SILENT_METER: Meter = { count: () => {} };
