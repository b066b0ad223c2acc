/** What happens to the rooms and what they decide, as values. Knows no socket and no store. */

import type { PeerId, RequestId, RoomId } from "../lib/base/id.ts";
import type { LogFields, LogLevel } from "../lib/base/log.ts";
import type { LegacyRelay } from "../lib/protocol/legacy_relay.ts";
import type { FromServer, RefusalCode, ToServer } from "../lib/protocol/signal_message.ts";
import type { Fact } from "./fact.ts";

/** One WebSocket of this server's life. Never used twice, so a late event finds nobody. */
export type SocketId = number;

/** What a peer says to get into a room. */
export type Registration = Extract<ToServer, { type: "register" }>;
/** What a peer says once it is in. */
export type PeerRequest = Exclude<ToServer, Registration>;
/** What a peer is told when it cannot have what it asked for. */
export type Refusal = Extract<FromServer, { type: "error" }>;

/** The part of a stored room that its live state needs. */
export interface AdmittedRoom {
  readonly room_id: RoomId;
  /** Seconds since 1970; null for never. */
  readonly expires_at: number | null;
}

/** Something that happened. */
export type RoomsInput =
  /** The credentials of a registration are good; whether there is place is for the rooms to say. */
  | {
    readonly kind: "admitted";
    readonly socket: SocketId;
    /** When that was, in seconds since 1970: for people to read. */
    readonly connectedAt: number;
    readonly room: AdmittedRoom;
    readonly registration: Registration;
  }
  | { readonly kind: "received"; readonly socket: SocketId; readonly message: PeerRequest }
  | { readonly kind: "closed"; readonly socket: SocketId }
  | {
    readonly kind: "peer_removed";
    readonly room_id: RoomId;
    readonly peer_id: PeerId;
    readonly reason: string;
  }
  | { readonly kind: "room_removed"; readonly room_id: RoomId; readonly reason: string }
  /** The stored room ends at `expires_at`, which is `restMs` from now; null for never. */
  | {
    readonly kind: "dated";
    readonly room_id: RoomId;
    readonly expires_at: number | null;
    readonly restMs: number | null;
  }
  /** Time has passed. */
  | { readonly kind: "tick" };

/** Something to do. */
export type RoomsEffect =
  | { readonly kind: "send"; readonly socket: SocketId; readonly message: FromServer }
  | {
    readonly kind: "close";
    readonly socket: SocketId;
    readonly code: number;
    readonly reason: string;
  }
  /** The same to a peer of the original's era. */
  | { readonly kind: "send_legacy"; readonly socket: SocketId; readonly message: LegacyRelay }
  /** A worker came into a room that had none, or the last one left: its expiry counts from now. */
  | { readonly kind: "keep_room"; readonly room_id: RoomId }
  /** Something to count. */
  | { readonly kind: "count"; readonly fact: Fact }
  | {
    readonly kind: "log";
    readonly level: LogLevel;
    readonly message: string;
    readonly fields: LogFields;
  };

/** WebSocket close codes (RFC 6455 section 7.4), and two of our own. */
export const CLOSE_CODE = {
  goingAway: 1001,
  notText: 1003,
  /** Refused, flooding, silent or too slow. */
  policy: 1008,
  tooBig: 1009,
  tryLater: 1013,
  /** A newer socket speaks for the peer. */
  replaced: 4001,
  /** The peer or its room was removed on purpose. */
  removed: 4002,
} as const;

/** The frame that refuses something. */
export function refusal(
  code: RefusalCode,
  message: string,
  about: Partial<Omit<Refusal, "type" | "code" | "message">> = {},
): Refusal {
  return { type: "error", code, message, ...about };
}

/** What a refusal repeats of a request that may have had an id. */
export function asked(requestId: RequestId | undefined): { readonly request_id?: RequestId } {
  return requestId === undefined ? {} : { request_id: requestId };
}
