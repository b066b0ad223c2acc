/** Owns this process's links: makes them, finds them by id, and frees them. Knows nothing of meaning. */

import type { LinkId, PeerId } from "../base/id.ts";
import type { LinkSignal } from "../protocol/link_signal.ts";
import type { Hello } from "../protocol/hello.ts";
import type { HelloSelf } from "../rtc/hello.ts";
import type { IceServer, LinkBackend } from "../rtc/link.ts";
import { PeerLink } from "../rtc/peer_link.ts";
import { systemTimers } from "./timers.ts";

/** What a hub tells its owner. */
export interface HubHandlers {
  /** A link has a word for its other end. */
  signal(linkId: LinkId, signal: LinkSignal): void;
  /** A link is open, and the peer said who it is. */
  opened(link: PeerLink, hello: Hello): void;
  message(link: PeerLink, hello: Hello, text: string): void;
  data(link: PeerLink, hello: Hello, stream: number, offset: number, bytes: Uint8Array): void;
  /** A link is over, or never came about: then nobody said hello on it. */
  closed(link: PeerLink, peerId: PeerId, hello: Hello | undefined, reason: string): void;
}

/** The links of one process. */
export class LinkHub {
  readonly #backend: LinkBackend;
  readonly #self: HelloSelf;
  readonly #iceServers: readonly IceServer[];
  readonly #handlers: HubHandlers;
  readonly #links = new Map<LinkId, PeerLink>();
  #emptied: () => void = () => {};

  constructor(
    backend: LinkBackend,
    options: { self: HelloSelf; iceServers: readonly IceServer[]; handlers: HubHandlers },
  ) {
    this.#backend = backend;
    this.#self = options.self;
    this.#iceServers = options.iceServers;
    this.#handlers = options.handlers;
  }

  /** Which backend carries the links. */
  get backend(): LinkBackend["name"] {
    return this.#backend.name;
  }

  /** Begins a link as its offerer, or answers one. It must open within `limitMs`. */
  begin(role: "offerer" | "answerer", linkId: LinkId, peerId: PeerId, limitMs: number): void {
    if (this.#links.has(linkId)) return;
    const handlers = this.#handlers;
    let peer: Hello | undefined;
    const link: PeerLink = new PeerLink(this.#backend, {
      id: linkId,
      role,
      iceServers: this.#iceServers,
      self: this.#self,
      expectedPeerId: peerId,
      openTimeoutMs: limitMs,
      timers: systemTimers,
      handlers: {
        signal: (signal) => handlers.signal(linkId, signal),
        opened: (hello) => {
          peer = hello;
          handlers.opened(link, hello);
        },
        message: (text) => {
          if (peer !== undefined) handlers.message(link, peer, text);
        },
        data: (stream, offset, bytes) => {
          if (peer !== undefined) handlers.data(link, peer, stream, offset, bytes);
        },
        closed: (reason) => {
          this.#links.delete(linkId);
          handlers.closed(link, peerId, peer, reason);
          if (this.#links.size === 0) this.#emptied();
        },
      },
    });
    this.#links.set(linkId, link);
  }

  /** All links that are not over, open or not. */
  get all(): Iterable<PeerLink> {
    return this.#links.values();
  }

  /** The link, while it is not over. */
  get(linkId: LinkId): PeerLink | undefined {
    return this.#links.get(linkId);
  }

  /** Gives a link a word from its other end. A link that is over no longer listens. */
  deliver(linkId: LinkId, signal: LinkSignal): void {
    this.#links.get(linkId)?.accept(signal);
  }

  /** Ends a link. */
  drop(linkId: LinkId, reason: string): void {
    this.#links.get(linkId)?.close(reason);
  }

  /** Ends every link and frees the backend. */
  async close(reason: string): Promise<void> {
    const emptied = new Promise<void>((resolve) => this.#emptied = resolve);
    for (const link of [...this.#links.values()]) link.close(reason);
    if (this.#links.size > 0) await emptied;
    await this.#backend.dispose();
  }
}
