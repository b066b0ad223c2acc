/** What the signaling server last said of the room. A cache: the workers decide, the server records. */

import type { PeerId } from "../base/id.ts";
import type { Instant } from "../base/time.ts";

/** How old the server's word may be, in milliseconds. */
export interface ServerTiming {
  /** After which what it said counts no more, until it is heard again: the socket may be dead. */
  readonly freshMs: number;
  /** Between two questions whether it is there. */
  readonly askMs: number;
}

/** The server as one worker sees it. */
export class ServerView {
  readonly #timing: ServerTiming;
  #reachable = false;
  #heardAt: Instant = -Infinity;
  #askedAt: Instant = -Infinity;
  #adminPeerId: PeerId | undefined;
  #epoch = 0;
  /** The epoch that was claimed and about which the server has said nothing yet. */
  #claimedEpoch: number | undefined;
  readonly #peers = new Set<PeerId>();
  #keepsRegistry = true;

  constructor(timing: ServerTiming) {
    this.#timing = timing;
  }

  /** Whether we are registered and the WebSocket is open. */
  get reachable(): boolean {
    return this.#reachable;
  }

  /** Whether the room keeps a registry: a mesh and an admin. So it is until the server says otherwise. */
  get keepsRegistry(): boolean {
    return this.#keepsRegistry;
  }

  /** Whom the server holds for the admin. */
  get adminPeerId(): PeerId | undefined {
    return this.#adminPeerId;
  }

  /** It was heard. Its words come in order: what it said of the admin before is still so. */
  heard(now: Instant): void {
    this.#heardAt = now;
  }

  /** Whether it is time to find out if it is still there. */
  isToBeAsked(now: Instant): boolean {
    return this.#reachable && now - Math.max(this.#heardAt, this.#askedAt) >= this.#timing.askMs;
  }

  /** It was asked. */
  asked(now: Instant): void {
    this.#askedAt = now;
  }

  /**
   * What it says of the admin, where that counts: a word that is not fresh may be overtaken by one on a
   * dead socket, and a server that knows of no epoch as high as `epoch` has forgotten the room, so that
   * neither its "nobody" nor the newcomer that it took for the admin since is a word on who may lead.
   */
  wordOnAdmin(
    epoch: number,
    now: Instant,
  ): { readonly adminPeerId: PeerId | undefined } | undefined {
    if (now - this.#heardAt > this.#timing.freshMs) return undefined;
    // Our own claim, as long as it is on its way, is one epoch ahead of what the server can know.
    const knowable = this.#claimedEpoch === epoch ? epoch - 1 : epoch;
    const hasForgotten = this.#epoch < knowable;
    return !this.#reachable || hasForgotten ? undefined : { adminPeerId: this.#adminPeerId };
  }

  /** Whether the server has a socket of that worker. */
  has(peerId: PeerId): boolean {
    return this.#reachable && this.#peers.has(peerId);
  }

  /** Workers of the room that it has sockets of, this one among them. */
  get workers(): number {
    return this.#peers.size + 1;
  }

  /** Whether its last word of that worker was that it has a socket of it, however long ago that was. */
  spokeOf(peerId: PeerId): boolean {
    return this.#peers.has(peerId);
  }

  /** We are registered; these are the others. */
  registered(
    adminPeerId: PeerId | null,
    epoch: number,
    peers: readonly PeerId[],
    keepsRegistry = true,
  ): void {
    this.#reachable = true;
    this.#keepsRegistry = keepsRegistry;
    this.adminChanged(adminPeerId, epoch);
    this.#peers.clear();
    for (const peerId of peers) this.#peers.add(peerId);
  }

  /** A claim was granted, or the admin's socket closed. */
  adminChanged(adminPeerId: PeerId | null, epoch: number): void {
    this.#adminPeerId = adminPeerId ?? undefined;
    this.#epoch = epoch;
    this.#claimedEpoch = undefined;
  }

  /**
   * Whether the server must be told that `self` is admin in `epoch`. A claim is told once; until the
   * server has spoken it counts for nothing, or half a room could grant itself the server's word.
   */
  isToBeTold(self: PeerId, epoch: number): boolean {
    if (!this.#reachable || this.#claimedEpoch === epoch) return false;
    return this.#adminPeerId !== self || this.#epoch < epoch;
  }

  /** It was told of a claim. */
  told(epoch: number): void {
    this.#claimedEpoch = epoch;
  }

  joined(peerId: PeerId): void {
    this.#peers.add(peerId);
  }

  left(peerId: PeerId): void {
    this.#peers.delete(peerId);
  }

  /** The WebSocket is gone. What was said stays said, but no longer counts. */
  lost(): void {
    this.#reachable = false;
  }
}
