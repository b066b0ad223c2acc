/**
 * Who counts in a majority, and which newcomers do not yet. Knows nothing of who leads, nor of the server.
 *
 * After the joint consensus of Raft (Ongaro and Ousterhout, 2014, section 6), for workers that judge by
 * signs of life instead of votes: a newcomer is noted at once, but settled only when a majority of the
 * settled have noted it. Until then it makes no majority, and where it is out of reach it hinders one.
 *
 * Invariants
 *  1. Everybody settled was noted by a majority of those who were settled before: whichever part of a cut
 *     room has a majority without it has somebody who counts it as absent.
 *  2. Somebody is settled, always: where nobody is left, all who are noted are.
 */

import type { PeerId } from "../base/id.ts";
import { WORKERS_MAX } from "../base/limits.ts";

/** Members that are noted, as many as a heartbeat can name: names that a liar makes up must not be more. */
const NOTED_MAX = 4 * WORKERS_MAX;

/** Those who count in a majority, as one worker sees it. */
export class Electorate {
  readonly #self: PeerId;
  /** All members, the settled among them. */
  readonly #noted = new Set<PeerId>();
  readonly #settled = new Set<PeerId>();
  /** Whom others have noted, by their own word. */
  readonly #notedBy = new Map<PeerId, ReadonlySet<PeerId>>();

  constructor(self: PeerId) {
    this.#self = self;
    this.reset();
  }

  /** The members that make majorities. */
  get settled(): ReadonlySet<PeerId> {
    return this.#settled;
  }

  /** The members that make none yet. */
  get joining(): ReadonlySet<PeerId> {
    return this.#noted.difference(this.#settled);
  }

  /** Whether this worker itself makes none yet. */
  get isNewcomer(): boolean {
    return !this.#settled.has(this.#self);
  }

  /** Those of whom a majority is needed: the settled, and newcomers that are not among the living. */
  counted(living: ReadonlySet<PeerId>): ReadonlySet<PeerId> {
    return this.#settled.union(this.#noted.difference(living));
  }

  /** There is nobody but this worker. */
  reset(): void {
    this.#notedBy.clear();
    this.adopt([this.#self], []);
  }

  /** These are in a room to which this worker comes; where there is nobody, the room is its own. */
  arrive(peers: readonly PeerId[]): void {
    this.adopt(peers, [...this.#noted]);
  }

  /** A member of the room says who the others are. */
  adopt(settled: readonly PeerId[], joining: readonly PeerId[]): void {
    this.#settled.clear();
    this.#noted.clear();
    // One place is our own, settled or not.
    for (const peerId of settled.slice(0, NOTED_MAX - 1)) this.#settled.add(peerId);
    for (const peerId of [this.#self, ...this.#settled]) this.#noted.add(peerId);
    for (const peerId of joining) this.note(peerId);
    this.#settleLast();
  }

  /** There is such a member. */
  note(peerId: PeerId): void {
    if (this.#noted.size < NOTED_MAX) this.#noted.add(peerId);
  }

  /** It left, or nobody ever met it. */
  dismiss(peerId: PeerId): void {
    this.#noted.delete(peerId);
    this.#settled.delete(peerId);
    this.#notedBy.delete(peerId);
    this.#settleLast();
  }

  /** A worker says whom it has noted. */
  acknowledged(from: PeerId, noted: ReadonlySet<PeerId>): void {
    this.#notedBy.set(from, noted);
  }

  /**
   * Notes the living, settles those that a majority has noted, and gives up the dead after mourning.
   * Gives whether anybody was noted: others wait to hear of it.
   */
  settle(living: ReadonlySet<PeerId>, mourned: ReadonlySet<PeerId>): boolean {
    for (const peerId of this.#notedBy.keys()) {
      if (!living.has(peerId)) this.#notedBy.delete(peerId);
    }
    const before = this.#noted.size;
    for (const peerId of living) this.note(peerId);
    const isNews = this.#noted.size > before;
    for (const peerId of this.#noted) {
      if (!living.has(peerId) && !mourned.has(peerId)) this.dismiss(peerId);
    }
    const ripe = [...this.joining].filter((peerId) => living.has(peerId) && this.#isKnown(peerId));
    for (const peerId of ripe) this.#settled.add(peerId);
    return isNews;
  }

  /** Whether a majority of the settled have noted it. */
  #isKnown(peerId: PeerId): boolean {
    let count = 0;
    for (const member of this.#settled) {
      if (member === this.#self || this.#notedBy.get(member)?.has(peerId)) count++;
    }
    return count * 2 > this.#settled.size;
  }

  #settleLast(): void {
    this.#noted.add(this.#self);
    if (this.#settled.size > 0) return;
    for (const peerId of this.#noted) this.#settled.add(peerId);
  }
}
