/**
 * A stand-in for WebRTC: a link opens once an offer, its answer and a candidate of each side have been
 * delivered by whatever way the workers chose, and then carries frames in order. Knows what dialling
 * costs and how links die; not why they are wanted.
 */

import type { LinkId, PeerId } from "../../lib/base/id.ts";
import type { Random } from "../../lib/base/random.ts";
import type { Instant } from "../../lib/base/time.ts";
import type { Input } from "../../lib/mesh/input.ts";
import type { LinkSignal } from "../../lib/protocol/link_signal.ts";
import type { LinkMessage } from "../../lib/protocol/link_message.ts";
import type { Role } from "../../lib/protocol/signal_message.ts";
import type { Metadata } from "../../lib/protocol/worker.ts";
import type { Network, Path } from "./network.ts";
import type { Timeline } from "./timeline.ts";

/** One life of a process, as links see it. */
export interface LinkUser {
  readonly name: string;
  readonly peerId: PeerId;
  readonly incarnation: number;
  readonly state: "running" | "paused" | "dead";
  readonly metadata: Metadata;
  readonly role: Role;
  take(input: Input): void;
  /** The other end said something on a link. */
  hearOn(linkId: LinkId, from: PeerId, message: LinkWord): void;
}

/** What goes over a simulated link. */
export type LinkWord = LinkMessage;

/** What dialling costs and how it fails; faults change it. */
export interface LinkWeather {
  /** Work on each side of a handshake, in milliseconds. */
  handshakeMs: number;
  /** Handshakes of a hundred that come to nothing. */
  failurePercent: number;
  /** How much later one side may learn of a close, at most, in milliseconds. */
  lateCloseMs: number;
  /** Closes of a hundred that are reported twice. */
  doubleClosePercent: number;
}

/** One side of a link. */
export interface LinkEnd {
  readonly linkId: LinkId;
  readonly user: LinkUser;
  readonly peerId: PeerId;
  readonly offers: boolean;
  state: "dialling" | "open" | "over";
  readonly delivered: Set<LinkSignal["kind"]>;
  openedAt: Instant;
  brokenSince: Instant | undefined;
  other: LinkEnd | undefined;
  path: Path<() => void> | undefined;
}

/** Silence after which an end gives its link up: ICE consent expires (RFC 7675) after 30 s. */
const CONSENT_MS = 30_000;
/** Between two looks at which links are broken. */
const SWEEP_MS = 2_000;

/** All links and dials of a room. */
export class LinkLayer {
  readonly weather: LinkWeather = {
    handshakeMs: 40,
    failurePercent: 0,
    lateCloseMs: 0,
    doubleClosePercent: 0,
  };
  readonly #timeline: Timeline;
  readonly #network: Network;
  readonly #random: Random;
  readonly #ends = new Map<LinkUser, Map<LinkId, LinkEnd>>();

  constructor(timeline: Timeline, network: Network, random: Random) {
    this.#timeline = timeline;
    this.#network = network;
    this.#random = random;
    this.#sweep();
  }

  /** The ends of one process that are not over. */
  endsOf(user: LinkUser): LinkEnd[] {
    return [...this.#ends.get(user)?.values() ?? []];
  }

  /** Begins a dial, or the answer to one. */
  begin(user: LinkUser, linkId: LinkId, peerId: PeerId, offers: boolean, limitMs: number): void {
    const ends = this.#ends.get(user) ?? new Map<LinkId, LinkEnd>();
    this.#ends.set(user, ends);
    if (ends.has(linkId)) throw new Error(`Expected a new link, got ${linkId} again`);
    const end: LinkEnd = {
      linkId,
      user,
      peerId,
      offers,
      state: "dialling",
      delivered: new Set(),
      openedAt: Infinity,
      brokenSince: undefined,
      other: undefined,
      path: undefined,
    };
    ends.set(linkId, end);
    if (offers) this.#describe(end, "offer");
    this.#timeline.after(limitMs, () => {
      if (end.state === "dialling") this.#close(end, `No link within ${limitMs} ms`);
    });
  }

  /** Gives a dial a word from its other end. */
  deliver(user: LinkUser, linkId: LinkId, signal: LinkSignal): void {
    const end = this.#ends.get(user)?.get(linkId);
    if (end === undefined || end.state !== "dialling") return;
    end.delivered.add(signal.kind);
    if (signal.kind === "offer") this.#describe(end, "answer");
    this.#connect(end);
  }

  /** Sends a frame. On a link that is not open, nothing happens. */
  send(user: LinkUser, linkId: LinkId, message: LinkWord): void {
    const end = this.#ends.get(user)?.get(linkId);
    const other = end?.other;
    if (end?.state !== "open" || other === undefined) return;
    end.path?.send(() => {
      if (other.state !== "open") return;
      other.user.hearOn(linkId, end.user.peerId, message);
    });
  }

  /** Ends a link or a dial on one side; the other side hears of it. */
  drop(user: LinkUser, linkId: LinkId, reason: string): void {
    const end = this.#ends.get(user)?.get(linkId);
    if (end !== undefined) this.#close(end, reason);
  }

  /** The process is gone: its links end without a word. */
  vanish(user: LinkUser): void {
    for (const end of this.endsOf(user)) {
      end.state = "over";
      end.path?.cut();
    }
    this.#ends.delete(user);
  }

  #describe(end: LinkEnd, kind: "offer" | "answer"): void {
    const { linkId, user } = end;
    const costMs = this.weather.handshakeMs * (0.1 + 0.2 * this.#random.next());
    const say = (signal: LinkSignal) => {
      if (end.state === "dialling") user.take({ type: "link_signal", linkId, signal });
    };
    this.#timeline.after(costMs, () => {
      say({ kind, sdp: `${kind} of ${user.name}` });
      say({ kind: "candidate", candidate: user.name, sdpMid: "0", sdpMLineIndex: 0 });
    });
  }

  /** Both sides know of each other: try the path until it works or the time is over. */
  #connect(end: LinkEnd): void {
    const other = this.#otherOf(end);
    if (other === undefined || !isReady(end) || !isReady(other)) return;
    if (this.#random.next() * 100 < this.weather.failurePercent) {
      // A handshake that lost a packet too many: both sides wait for their time to run out.
      for (const lost of [end, other]) lost.delivered.clear();
      return;
    }
    this.#handshake(end.offers ? end : other, end.offers ? other : end);
  }

  #handshake(offerer: LinkEnd, answerer: LinkEnd): void {
    const [from, to] = [offerer.user, answerer.user];
    const tripMs = this.#network.latencyMs(from.name, to.name) +
      this.#network.latencyMs(to.name, from.name);
    this.#timeline.after(2 * tripMs + this.weather.handshakeMs, () => {
      if (offerer.state !== "dialling" || answerer.state !== "dialling") return;
      const clear = this.#network.passesBothWays(from.name, to.name) &&
        from.state === "running" && to.state === "running";
      if (!clear) return this.#timeline.after(250, () => this.#handshake(offerer, answerer));
      this.#join(offerer, answerer);
      this.#join(answerer, offerer);
      // Ahead of all that the offerer may say, on the same path.
      offerer.path?.send(() => this.#open(answerer));
      this.#open(offerer);
    });
  }

  #join(end: LinkEnd, other: LinkEnd): void {
    end.other = other;
    end.path = this.#network.path(end.user.name, other.user.name, (arrive) => arrive());
  }

  #open(end: LinkEnd): void {
    const user = end.other?.user;
    if (end.state !== "dialling" || user === undefined) return;
    end.state = "open";
    end.openedAt = this.#timeline.now;
    end.user.take({
      type: "link_opened",
      linkId: end.linkId,
      peerId: end.peerId,
      role: user.role,
      incarnation: user.incarnation,
      metadata: user.metadata,
    });
  }

  #close(end: LinkEnd, reason: string): void {
    if (end.state === "over") return;
    end.state = "over";
    this.#ends.get(end.user)?.delete(end.linkId);
    const { linkId, peerId, user, other, path } = end;
    const closed = { type: "link_closed", linkId, peerId, reason } as const;
    this.#timeline.after(1, () => user.take(closed));
    if (this.#random.next() * 100 < this.weather.doubleClosePercent) {
      this.#timeline.after(5_000 * this.#random.next(), () => user.take(closed));
    }
    if (other === undefined || other.state === "over") return;
    const lateMs = this.weather.lateCloseMs * this.#random.next();
    path?.send(() =>
      this.#timeline.after(lateMs, () => this.#close(other, "The other side closed"))
    );
  }

  #otherOf(end: LinkEnd): LinkEnd | undefined {
    for (const [user, ends] of this.#ends) {
      const other = ends.get(end.linkId);
      if (user !== end.user && user.peerId === end.peerId && other !== undefined) return other;
    }
    return undefined;
  }

  #sweep(): void {
    const { now } = this.#timeline;
    for (const [user, ends] of this.#ends) {
      if (user.state !== "running") continue;
      for (const end of [...ends.values()]) {
        if (end.state !== "open") continue;
        const other = end.other;
        const sound = other !== undefined && other.state !== "over" &&
          other.user.state === "running" &&
          this.#network.passesBothWays(user.name, other.user.name);
        end.brokenSince = sound ? undefined : end.brokenSince ?? now;
        if (end.brokenSince !== undefined && now - end.brokenSince >= CONSENT_MS) {
          this.#close(end, "Nothing came through for 30 s");
        }
      }
    }
    this.#timeline.after(SWEEP_MS, () => this.#sweep());
  }
}

function isReady(end: LinkEnd): boolean {
  return end.state === "dialling" && end.delivered.has("candidate") &&
    end.delivered.has(end.offers ? "answer" : "offer");
}
