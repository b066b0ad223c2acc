/**
 * Carries the words that a dial needs to the other end: over the admin's link, by the server, or over
 * any other worker's link. Knows nothing of what they say.
 */

import type { LinkId, PeerId } from "../base/id.ts";
import type { LinkSignal } from "../protocol/link_signal.ts";
import type { MeshMessage } from "../protocol/mesh_message.ts";
import type { ToServer } from "../protocol/signal_message.ts";
import type { Administration } from "./administration.ts";
import { type Introduction, isSameRoute, type Route } from "./introduction.ts";
import type { LinkTable, OpenLink } from "./link_table.ts";
import type { Membership } from "./membership.ts";
import type { Outbox } from "./outbox.ts";
import type { ServerView } from "./server_view.ts";

/** The messages that carry a description or a candidate between workers. */
export type RelayedMessage = Extract<
  MeshMessage,
  { type: "mesh_offer" | "mesh_answer" | "mesh_ice_candidate" }
>;

/** What a courier goes by. */
export interface CourierParts {
  readonly self: PeerId;
  readonly links: LinkTable;
  readonly server: ServerView;
  readonly introduction: Introduction;
  readonly administration: Administration;
  readonly membership: Membership;
  readonly outbox: Outbox;
  /** For how long an answer to an offer may try, in milliseconds. */
  readonly answerMs: number;
}

/** Carries descriptions and candidates. */
export class Courier {
  readonly #parts: CourierParts;

  constructor(parts: CourierParts) {
    this.#parts = parts;
  }

  /**
   * The ways to a worker, best first: the admin's link, the server, the links of others. Who says that
   * it does not hear the worker is no way.
   */
  routesTo(peerId: PeerId): Route[] {
    const { links, server, administration } = this.#parts;
    const relays = links.peers.filter((relay) =>
      relay !== peerId && links.reaches(relay, peerId) !== false
    );
    const admin = relays.filter((relay) => relay === administration.admin);
    const others = relays.filter((relay) => relay !== administration.admin);
    return [
      ...admin.map((relay) => ({ by: "peer", peerId: relay }) as const),
      ...(server.has(peerId) ? [{ by: "server" } as const] : []),
      ...others.map((relay) => ({ by: "peer", peerId: relay }) as const),
    ];
  }

  /** A link of ours has a word for its other end. A link that is over has nobody to tell. */
  send(linkId: LinkId, signal: LinkSignal): void {
    const { introduction, links, outbox, server } = this.#parts;
    const route = introduction.routeOf(linkId);
    const peerId = introduction.peerOf(linkId);
    if (route === undefined || peerId === undefined) return;
    const relay = route.by === "peer" ? links.to(route.peerId) : undefined;
    if (relay !== undefined) {
      outbox.send(relay.linkId, relayed(this.#parts.self, peerId, linkId, signal));
    } else if (server.reachable) {
      outbox.add({ type: "tell_server", message: signalled(peerId, linkId, signal) });
    } else {
      outbox.add({ type: "drop", linkId, reason: `No way is left to reach ${peerId}` });
    }
  }

  /** A word from the other end of a link arrived by `route`. An offer makes the link. */
  receive(from: PeerId, linkId: LinkId, signal: LinkSignal, route: Route): void {
    const { introduction, membership, outbox } = this.#parts;
    if (signal.kind === "offer") {
      if (introduction.peerOf(linkId) !== undefined) return;
      const stranger = membership.get(from) === undefined;
      // A worker that it falls to us to dial does not offer: somebody else speaks in its name.
      if (!stranger && introduction.offersTo(from)) return;
      const attempts = introduction.offered(from, linkId, route, stranger);
      if (attempts === undefined) {
        const facts = { from_peer_id: from };
        return outbox.log("debug", "offer_ignored", "Too many offers are being answered", facts);
      }
      for (const replaced of attempts) {
        outbox.add({
          type: "drop",
          linkId: replaced,
          reason: "The other side began a new attempt",
        });
      }
      outbox.add({ type: "answer", linkId, peerId: from, limitMs: this.#parts.answerMs });
    } else if (introduction.peerOf(linkId) !== from) {
      return;
    }
    outbox.add({ type: "deliver", linkId, signal });
  }

  /**
   * A word for the other end of a dial could not be brought there by `route`: that attempt is over. A
   * late one, of a candidate that nobody needs any more, must not cost a link that is open.
   */
  undelivered(linkId: LinkId, route: Route, reason: string): void {
    const taken = this.#parts.introduction.routeOf(linkId);
    if (taken === undefined || !isSameRoute(taken, route)) return;
    this.#parts.outbox.add({ type: "drop", linkId, reason });
  }

  /** A word passes through here on its way to somebody else. */
  relay(link: OpenLink, message: RelayedMessage): void {
    const onward = this.#parts.links.to(message.to_peer_id);
    if (onward === undefined) {
      const { to_peer_id, link_id } = message;
      this.#parts.outbox.send(link.linkId, { type: "mesh_undeliverable", to_peer_id, link_id });
      return;
    }
    // The sender is the link's peer, whatever the message says.
    this.#parts.outbox.send(onward.linkId, { ...message, from_peer_id: link.peerId });
  }
}

function relayed(from: PeerId, to: PeerId, link_id: LinkId, signal: LinkSignal): RelayedMessage {
  const way = { from_peer_id: from, to_peer_id: to, link_id };
  switch (signal.kind) {
    case "offer":
      return { type: "mesh_offer", ...way, offer: { type: "offer", sdp: signal.sdp } };
    case "answer":
      return { type: "mesh_answer", ...way, answer: { type: "answer", sdp: signal.sdp } };
    case "candidate": {
      const { kind: _, ...candidate } = signal;
      return { type: "mesh_ice_candidate", ...way, candidate };
    }
  }
}

/** The message by which the server carries `signal` to `target_peer_id`. */
export function signalled(target_peer_id: PeerId, link_id: LinkId, signal: LinkSignal): ToServer {
  const way = { target_peer_id, link_id };
  switch (signal.kind) {
    case "offer":
      return { type: "mesh_connect", ...way, offer: { type: "offer", sdp: signal.sdp } };
    case "answer":
      return { type: "mesh_answer", ...way, answer: { type: "answer", sdp: signal.sdp } };
    case "candidate": {
      const { kind: _, ...candidate } = signal;
      return { type: "ice_candidate", ...way, candidate };
    }
  }
}
