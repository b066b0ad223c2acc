/**
 * What a link is: one attempt to connect two peers by a WebRTC data channel, and the connection it
 * becomes. Knows nothing of who is at the other end, of rooms, or of what the bytes mean.
 */

import type { LinkId } from "../base/id.ts";
import type { LinkSignal } from "../protocol/link_signal.ts";

/** Which WebRTC implementation carries a link (ARCHITECTURE decision 1). */
export type BackendName = "native" | "werift";

/**
 * How packets travel: `host`: straight, within one network; `srflx`: straight, through a translation of
 * addresses; `relay`: by a TURN server; `unknown`: no pair of candidates is chosen (RFC 8445, 5.1.1.1).
 */
export type LinkPath = "host" | "srflx" | "relay" | "unknown";

/** Measured facts about an open link. */
export interface LinkFacts {
  readonly path: LinkPath;
  /** Round-trip time in milliseconds, where the backend measures it. */
  readonly rttMs: number | undefined;
  /** Bytes that were handed to {@linkcode Link.send}. */
  readonly bytesSent: number;
  /** Bytes that arrived. */
  readonly bytesReceived: number;
}

/** What a link tells its owner. Calls never overlap, and none comes after `closed`. */
export interface LinkHandlers {
  /** A description or candidate that the other end must be given. */
  signal(signal: LinkSignal): void;
  /** Frames can be sent from now on. Called at most once. */
  opened(): void;
  /** One frame arrived, whole and in order. Its buffer is the receiver's: nothing else is in it. */
  received(frame: Uint8Array): void;
  /** The link is over, for the reason given in words. Called exactly once. */
  closed(reason: string): void;
}

/** One connection, from its first attempt on. Frames arrive whole, once and in order. */
export interface Link {
  readonly id: LinkId;
  readonly backend: BackendName;
  /** The largest frame that {@linkcode Link.send} takes, in bytes. */
  readonly frameBytesMax: number;
  /** Bytes that were taken but have not left yet. */
  readonly bufferedBytes: number;
  /** Takes a description or candidate from the other end. */
  accept(signal: LinkSignal): void;
  /**
   * Sends one frame of 1 to {@linkcode Link.frameBytesMax} bytes. Never waits. The frame is copied, and
   * the caller's again at once.
   *
   * @throws {Error} Where the link is not open, or the frame is empty or too large.
   */
  send(frame: Uint8Array): void;
  /** Resolves as soon as at most `bytes` are buffered, or the link is closed. */
  drainedTo(bytes: number): Promise<void>;
  /** What is known of the link now. */
  facts(): LinkFacts;
  /** Ends the link and frees what it holds. `closed` follows; calling it twice does nothing. */
  close(reason: string): void;
}

/** How a link is to be made. */
export interface LinkOptions {
  readonly id: LinkId;
  /** The offerer sends the first description; the other side answers it. */
  readonly role: "offerer" | "answerer";
  /**
   * Whether the offerer believes that the other end is on this machine: a hint, for larger packets. An
   * answerer hears it from the offer. Where it proves wrong, the link is closed.
   */
  readonly isNear?: boolean | undefined;
  /** STUN and TURN servers. Empty unless configured: nothing needs the Internet. */
  readonly iceServers: readonly IceServer[];
  readonly handlers: LinkHandlers;
}

/** A STUN or TURN server. */
export interface IceServer {
  /** Such as `stun:stun.example.org:3478` or `turn:turn.example.org:3478?transport=udp`. */
  readonly url: string;
  readonly username?: string;
  readonly credential?: string;
}

/** Makes links. */
export interface LinkBackend {
  readonly name: BackendName;
  create(options: LinkOptions): Link;
  /** Frees what outlives the links. Links must be closed before. */
  dispose(): Promise<void>;
}

/** The path between two candidates of these types: that of the one that is farther from its peer. */
export function pathBetween(local: string, remote: string): LinkPath {
  const types = [local, remote];
  if (types.includes("relay")) return "relay";
  // A peer-reflexive candidate is one that a translation of addresses made while checks were under way.
  if (types.some((type) => type === "srflx" || type === "prflx")) return "srflx";
  return types.every((type) => type === "host") ? "host" : "unknown";
}
