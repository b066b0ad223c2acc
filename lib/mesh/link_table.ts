/** The open links to other workers. A peer is not a link: it may have had many, and one counts. */

import type { LinkId, PeerId } from "../base/id.ts";
import type { Instant } from "../base/time.ts";

/** An open link to a worker. */
export interface OpenLink {
  readonly linkId: LinkId;
  readonly peerId: PeerId;
  readonly openedAt: Instant;
}

/** The open links of one worker to other workers. */
export class LinkTable {
  readonly #byPeer = new Map<PeerId, OpenLink>();
  /** Whom each linked worker says it hears on links of its own. */
  readonly #reach = new Map<PeerId, Set<PeerId>>();

  /** The links, one a peer. */
  get links(): Iterable<OpenLink> {
    return this.#byPeer.values();
  }

  /** The peers that have one. */
  get peers(): PeerId[] {
    return [...this.#byPeer.keys()];
  }

  /** Whether there is none. */
  get isEmpty(): boolean {
    return this.#byPeer.size === 0;
  }

  /** The link to that peer. */
  to(peerId: PeerId): OpenLink | undefined {
    return this.#byPeer.get(peerId);
  }

  /** Whether that link is one of them. */
  has({ peerId, linkId }: OpenLink): boolean {
    return this.#byPeer.get(peerId)?.linkId === linkId;
  }

  /** Takes a link in. Gives the one to the same peer that it replaces. */
  open(link: OpenLink): OpenLink | undefined {
    const old = this.#byPeer.get(link.peerId);
    this.#byPeer.set(link.peerId, link);
    return old?.linkId === link.linkId ? undefined : old;
  }

  /** A link is over. Gives whether it was the one that counted: a late close of an old one is not. */
  close(peerId: PeerId, linkId: LinkId): boolean {
    if (this.#byPeer.get(peerId)?.linkId !== linkId) return false;
    this.#reach.delete(peerId);
    return this.#byPeer.delete(peerId);
  }

  /** A linked worker says whom it hears on links of its own. */
  reported(relay: PeerId, reach: Iterable<PeerId>): void {
    this.#reach.set(relay, new Set(reach));
  }

  /** A linked worker introduces another, and so has a link to it. */
  introduced(relay: PeerId, peerId: PeerId): void {
    this.#reach.get(relay)?.add(peerId);
  }

  /** Whether a linked worker hears another on a link of its own; `undefined` where it has not said. */
  reaches(relay: PeerId, peerId: PeerId): boolean | undefined {
    return this.#reach.get(relay)?.has(peerId);
  }
}
