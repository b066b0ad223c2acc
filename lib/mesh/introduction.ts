/**
 * Who dials whom, when, and which way the words go that a dial needs. Knows nothing of why a link is
 * wanted or of what it carries.
 *
 * Invariants
 *  1. The smaller peer id offers, so two workers never dial each other at once.
 *  2. At most `dialsInFlightMax` dials are in flight; a live one is never given up for a new one.
 *  3. Every attempt has a link id of its own; words for another attempt do nothing.
 *  4. A wanted link is retried for ever.
 *  5. At most `ANSWERS_MAX` offers are being answered, `STRANGERS_MAX` of them to strangers.
 */

import { fullJitterMs } from "../base/backoff.ts";
import { isLinkId, type LinkId, type PeerId } from "../base/id.ts";
import type { Random } from "../base/random.ts";
import type { Instant } from "../base/time.ts";
import type { MeshTiming } from "./timing.ts";

/** Which way a dial's words go: by the signaling server, or passed on by a worker. */
export type Route = { readonly by: "server" } | { readonly by: "peer"; readonly peerId: PeerId };

/** Whether words of both go the same way. */
export function isSameRoute(one: Route, other: Route): boolean {
  if (one.by === "server") return other.by === "server";
  return other.by === "peer" && one.peerId === other.peerId;
}

/** A dial to begin. */
export interface Dial {
  readonly peerId: PeerId;
  readonly linkId: LinkId;
  /** For how long it may try, in milliseconds. */
  readonly limitMs: number;
}

/** A peer that is to be dialled again: the seeds' `retry_tasks`. */
export interface Retry {
  /** Attempts that failed since the last success; 0 where it waits for its introduction. */
  readonly attempts: number;
  readonly nextAt: Instant;
}

interface Flight {
  readonly peerId: PeerId;
  readonly route: Route;
  readonly offered: boolean;
  /** Whether the peer is no worker that we know of: a client, or nobody. */
  readonly stranger: boolean;
}

/**
 * Offers of peers that may be answered at once. The peer that offers one has not proved yet who it is:
 * a member that invents names must not make us begin without end. Higher: more sockets are spent on
 * inventions; lower: a class of students that comes at once has to try twice.
 */
const ANSWERS_MAX = 64;
/** The same of strangers, so that workers find room. */
const STRANGERS_MAX = 32;

/** Dials in flight, and those to try again. */
export class Introduction {
  readonly #self: PeerId;
  readonly #timing: MeshTiming;
  readonly #random: Random;
  readonly #flights = new Map<LinkId, Flight>();
  readonly #retries = new Map<PeerId, Retry>();
  #failures = 0;

  constructor(self: PeerId, timing: MeshTiming, random: Random) {
    this.#self = self;
    this.#timing = timing;
    this.#random = random;
  }

  /** Whom we shall dial again, and when. */
  get retries(): ReadonlyMap<PeerId, Retry> {
    return this.#retries;
  }

  /** Dials of ours that are neither open nor over. */
  get dialling(): number {
    return [...this.#flights.values()].filter((flight) => flight.offered).length;
  }

  /** Dials of ours that never opened, since birth. */
  get failures(): number {
    return this.#failures;
  }

  /** Whether it falls to us to dial that peer. */
  offersTo(peerId: PeerId): boolean {
    return this.#self < peerId;
  }

  /**
   * The dials to begin now. `routes` gives the ways to a peer, best first; none, and it is not dialled.
   */
  begin(wanted: readonly PeerId[], routes: (peerId: PeerId) => Route[], now: Instant): Dial[] {
    for (const peerId of this.#retries.keys()) {
      if (!wanted.includes(peerId)) this.#retries.delete(peerId);
    }
    const busy = new Set([...this.#flights.values()].map((flight) => flight.peerId));
    const dials: Dial[] = [];
    for (const peerId of wanted) {
      if (this.dialling >= this.#timing.dialsInFlightMax) break;
      const attempts = this.#retries.get(peerId)?.attempts ?? 0;
      if (busy.has(peerId) || now < (this.#retries.get(peerId)?.nextAt ?? now)) continue;
      // One way after the other: a dead relay must not stand between two peers for ever.
      const ways = routes(peerId);
      const route = ways[attempts % Math.max(1, ways.length)];
      if (route === undefined) continue;
      const linkId = this.#newLinkId();
      this.#flights.set(linkId, { peerId, route, offered: true, stranger: false });
      const limits = this.#timing.dialMs;
      const limitMs = limits[Math.min(attempts, limits.length - 1)] ?? 0;
      dials.push({ peerId, linkId, limitMs });
    }
    return dials;
  }

  /**
   * A peer offers a link, by `route`. Gives the attempts of that peer which this one replaces: those that
   * came the same way, and all of them where the server brings it, which knows whose socket it came from.
   * A worker that passes offers on may have made one up, and must not end the true one for it.
   * `undefined` where too many offers are being answered already.
   */
  offered(peerId: PeerId, linkId: LinkId, route: Route, stranger: boolean): LinkId[] | undefined {
    const replaced: LinkId[] = [];
    let [answers, strangers] = [0, 0];
    for (const [id, flight] of this.#flights) {
      const isReplaced = flight.peerId === peerId &&
        (route.by === "server" || isSameRoute(flight.route, route));
      if (isReplaced) replaced.push(id);
      else if (!flight.offered) {
        answers++;
        if (flight.stranger) strangers++;
      }
    }
    if (answers >= ANSWERS_MAX || (stranger && strangers >= STRANGERS_MAX)) return undefined;
    for (const id of replaced) this.#flights.delete(id);
    this.#flights.set(linkId, { peerId, route, offered: false, stranger });
    return replaced;
  }

  /** Which way the words of a dial in flight go; `undefined` where it is not in flight. */
  routeOf(linkId: LinkId): Route | undefined {
    return this.#flights.get(linkId)?.route;
  }

  /** Whose dial it is; `undefined` where it is not in flight. */
  peerOf(linkId: LinkId): PeerId | undefined {
    return this.#flights.get(linkId)?.peerId;
  }

  /** The link is open. */
  opened(linkId: LinkId, peerId: PeerId): void {
    this.#flights.delete(linkId);
    this.#retries.delete(peerId);
  }

  /** The dial failed, or its link closed: try again later, if it falls to us. */
  closed(linkId: LinkId, peerId: PeerId, now: Instant): void {
    if (this.#flights.get(linkId)?.offered === true) this.#failures++;
    this.#flights.delete(linkId);
    if (!this.offersTo(peerId)) return;
    const attempts = (this.#retries.get(peerId)?.attempts ?? 0) + 1;
    const nextAt = now + fullJitterMs(attempts - 1, this.#timing.redial, this.#random);
    this.#retries.set(peerId, { attempts, nextAt });
  }

  /** Somebody is about to introduce that peer: until then it is not dialled. */
  wait(peerId: PeerId, until: Instant): void {
    if (this.offersTo(peerId)) this.#retries.set(peerId, { attempts: 0, nextAt: until });
  }

  /** It was introduced. A wait after a failed attempt goes on. */
  introduced(peerId: PeerId): void {
    if (this.#retries.get(peerId)?.attempts === 0) this.#retries.delete(peerId);
  }

  /** There is news of that peer: a wait for it is over. */
  hurry(peerId: PeerId): void {
    this.#retries.delete(peerId);
  }

  /**
   * When {@linkcode Introduction.begin} may have something to begin that no input brings. A retry that
   * is due already waits for a place in flight or for a way, and either comes with an input.
   */
  nextAt(now: Instant): Instant {
    let nextAt = Infinity;
    for (const retry of this.#retries.values()) {
      if (retry.nextAt > now) nextAt = Math.min(nextAt, retry.nextAt);
    }
    return nextAt;
  }

  #newLinkId(): LinkId {
    let id = "";
    while (id.length < 12) id += Math.floor(this.#random.next() * 36).toString(36);
    return isLinkId(id) ? id : this.#newLinkId();
  }
}
