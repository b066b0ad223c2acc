/**
 * The clients that watch the room through this worker. They are told what it knows and have no say:
 * nothing that they send changes what it does, but for whether it goes on telling them.
 *
 * A watch is a promise of `WATCH_MS`, and whoever wants more says so again with the heads it has. So
 * one that has stopped to read is found without its word, and what a client lacks is never guessed.
 */

import type { LinkId, PeerId } from "../base/id.ts";
import { type Instant, SECOND_MS } from "../base/time.ts";
import { WORKERS_LISTED_MAX } from "../protocol/query.ts";
import type { ObserverMessage, WatchReport } from "../protocol/watch_message.ts";
import { answerOf, CHANGES_PER_MESSAGE, type StateBroadcast } from "./change_batch.ts";
import type { Outlook } from "./directory.ts";
import type { Lookout } from "./lookout.ts";
import type { Outbox } from "./outbox.ts";
import type { RoomState } from "./room_state.ts";

/** Clients that watch one worker at once. Higher: each change is sent more often; lower: a class is refused. */
export const OBSERVERS_MAX = 32;
/** How long a watch holds. Higher: the silent cost for longer; lower: a laptop that hangs is dropped. */
export const WATCH_MS = 15 * SECOND_MS;

/** What observers are told from. */
export interface ObserversParts {
  readonly lookout: Lookout;
  readonly outbox: Outbox;
  readonly state: RoomState;
  /** Between two reports while nothing changes, in milliseconds. */
  readonly heartbeatMs: number;
}

interface Observer {
  readonly peerId: PeerId;
  until: Instant;
  /** What it has, as far as it was sent; `undefined` while it owes us its heads. */
  heads: readonly string[] | undefined;
  /** Changes that there were when it was last level. */
  size: number;
  /** What it was told last, but for the ages in it. */
  told: string | undefined;
}

/** The observers of one worker. */
export class Observers {
  readonly #parts: ObserversParts;
  readonly #observers = new Map<LinkId, Observer>();
  #reportAt: Instant = -Infinity;

  constructor(parts: ObserversParts) {
    this.#parts = parts;
  }

  /** How many there are. */
  get size(): number {
    return this.#observers.size;
  }

  /** Whether the client on that link watches. */
  has(linkId: LinkId): boolean {
    return this.#observers.has(linkId);
  }

  /** When there is something to tell next, as far as time alone brings it. */
  get nextAt(): Instant {
    return this.#observers.size === 0 ? Infinity : this.#reportAt;
  }

  /** A client wants to be told from now on, and has `heads`. */
  watch(linkId: LinkId, peerId: PeerId, heads: readonly string[], now: Instant): void {
    const until = now + WATCH_MS;
    const known = this.#observers.get(linkId);
    if (known !== undefined) {
      known.until = until;
      known.heads = heads;
      known.size = -1;
      return;
    }
    // One watch a client: it may have come back before its old link was found dead.
    for (const [older, { peerId: other }] of this.#observers) {
      if (other === peerId) this.#observers.delete(older);
    }
    const { outbox } = this.#parts;
    if (this.#observers.size >= OBSERVERS_MAX) {
      return this.refuse(
        linkId,
        `${OBSERVERS_MAX} clients watch this worker already; watch another`,
      );
    }
    this.#observers.set(linkId, { peerId, until, heads, size: -1, told: undefined });
    outbox.log("debug", "watched", `${peerId} watches`, { peer_id: peerId });
  }

  /** A client cannot be told anything, for that reason. */
  refuse(linkId: LinkId, reason: string): void {
    tell(this.#parts.outbox, linkId, { type: "watch_refused", reason });
  }

  /** A client wants no more, or its link is over. */
  unwatch(linkId: LinkId): void {
    this.#observers.delete(linkId);
  }

  /** This process was held up for `lateMs`: what observers said meanwhile is still to be heard. */
  excuse(lateMs: number): void {
    for (const observer of this.#observers.values()) observer.until += lateMs;
  }

  /** Tells everybody what is new to them. */
  reconcile(now: Instant): void {
    if (this.#observers.size === 0) return;
    const { heartbeatMs, lookout, outbox } = this.#parts;
    for (const [linkId, { peerId, until }] of this.#observers) {
      if (now < until) continue;
      this.#observers.delete(linkId);
      outbox.log("info", "observer_silent", `${peerId} does not say that it still watches`);
      outbox.add({ type: "drop", linkId, reason: "Expected `watch` again, got nothing" });
    }
    const outlook = lookout.outlook(now);
    const news = substanceOf(outlook);
    const isDue = now >= this.#reportAt;
    if (isDue) this.#reportAt = now + heartbeatMs;
    let report: WatchReport | undefined;
    const lacked = new Map<string, StateBroadcast>();
    for (const [linkId, observer] of this.#observers) {
      this.#supply(linkId, observer, lacked);
      if (!isDue && observer.told === news) continue;
      observer.told = news;
      report ??= this.#report(outlook);
      tell(outbox, linkId, report);
    }
  }

  /** `lacked` remembers what those with the same heads lack: most have the same, and to find it is dear. */
  #supply(
    linkId: LinkId,
    observer: Observer,
    lacked: Map<string, StateBroadcast>,
  ): void {
    const { outbox, state } = this.#parts;
    const { changes: size } = state.size;
    if (observer.heads === undefined || observer.size === size) return;
    const key = observer.heads.join();
    const answer = lacked.get(key) ??
      answerOf(state.lackedBy(observer.heads, CHANGES_PER_MESSAGE + 1));
    lacked.set(key, answer);
    // Whoever is told that there are more asks for them when it has taken these.
    observer.heads = answer.more === true ? undefined : state.heads;
    observer.size = size;
    if (answer.changes.length > 0) tell(outbox, linkId, answer);
  }

  #report({ lives, ...outlook }: Outlook): WatchReport {
    return {
      type: "watch_report",
      ...outlook,
      heads: this.#parts.state.toldHeads,
      // Of those that nobody remembers there is nothing to tell, and there may be many.
      lives: [...lives].filter(([, { last_heard_ms }]) => last_heard_ms !== null)
        .slice(0, WORKERS_LISTED_MAX)
        .map(([peer_id, life]) => ({ peer_id, ...life })),
    };
  }
}

function tell(outbox: Outbox, linkId: LinkId, message: ObserverMessage): void {
  outbox.add({ type: "tell_observer", linkId, message });
}

/** What of an outlook is worth telling at once: all but how the time passes. */
function substanceOf({ admin_peer_id, epoch, stale, lives }: Outlook): string {
  const living = [...lives].map(([peerId, { alive }]) => [peerId, alive]);
  return JSON.stringify([admin_peer_id, epoch, stale, living]);
}
