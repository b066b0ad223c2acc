/** What the signaling server last said of the room. A cache: the workers decide, the server records. */

import type { PeerId } from "../base/id.ts";

/** The server as one worker sees it. */
export class ServerView {
  #reachable = false;
  #adminPeerId: PeerId | undefined;
  #epoch = 0;
  readonly #peers = new Set<PeerId>();

  /** Whether we are registered and the WebSocket is open. */
  get reachable(): boolean {
    return this.#reachable;
  }

  /** Whom the server holds for the admin. */
  get adminPeerId(): PeerId | undefined {
    return this.#adminPeerId;
  }

  /** The epoch of the last claim that the server granted. */
  get epoch(): number {
    return this.#epoch;
  }

  /** Whether the server has a socket of that worker. */
  has(peerId: PeerId): boolean {
    return this.#reachable && this.#peers.has(peerId);
  }

  /** We are registered; these are the others. */
  registered(adminPeerId: PeerId | null, epoch: number, peers: readonly PeerId[]): void {
    this.#reachable = true;
    this.adminChanged(adminPeerId, epoch);
    this.#peers.clear();
    for (const peerId of peers) this.#peers.add(peerId);
  }

  /** A claim was granted, or the admin's socket closed. */
  adminChanged(adminPeerId: PeerId | null, epoch: number): void {
    this.#adminPeerId = adminPeerId ?? undefined;
    this.#epoch = epoch;
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
    this.#peers.clear();
  }
}
