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

  /** The links, one a peer. */
  get links(): Iterable<OpenLink> {
    return this.#byPeer.values();
  }

  /** The peers that have one. */
  get peers(): PeerId[] {
    return [...this.#byPeer.keys()];
  }

  /** The link to that peer. */
  to(peerId: PeerId): OpenLink | undefined {
    return this.#byPeer.get(peerId);
  }

  /** Takes a link in. Gives the one to the same peer that it replaces. */
  open(link: OpenLink): OpenLink | undefined {
    const old = this.#byPeer.get(link.peerId);
    this.#byPeer.set(link.peerId, link);
    return old?.linkId === link.linkId ? undefined : old;
  }

  /** A link is over. Gives whether it was the one that counted: a late close of an old one is not. */
  close(peerId: PeerId, linkId: LinkId): boolean {
    return this.#byPeer.get(peerId)?.linkId === linkId && this.#byPeer.delete(peerId);
  }
}
