/**
 * Whom this worker follows: election, verification, epochs and partition. Knows who lives only by what
 * it is given; sends nothing itself.
 *
 * Invariants
 *  1. The epoch that is held never goes back, unless the server's is so far below that it was made up.
 *  2. A claim has an epoch above every epoch seen.
 *  3. `partitioned` is computed from who lives, never stored: it cannot lag behind its own report.
 *  4. Nobody is followed before it has said itself that it lives and leads, or was asked and answered,
 *     or is followed in the highest epoch by a worker that we hear: links need not be transitive.
 *     Such a word counts while an admin is sought, and is forgotten as soon as there is one: in the next
 *     search it would be old, and may be a dead worker's.
 *  5. Claims of one worker are `checkMs` apart: two who cannot hear each other must not race by the
 *     server's announcements.
 */

import type { PeerId } from "../base/id.ts";
import type { Instant } from "../base/time.ts";
import type { Decision, Situation } from "./decision.ts";
import { compareCandidates, electAdmin } from "./election.ts";
import { Electorate } from "./electorate.ts";
import { Epoch } from "./epoch.ts";
import { isHalf, isMajority } from "./quorum.ts";
import type { MeshTiming } from "./timing.ts";
import { Verification } from "./verification.ts";

/** Whom one worker follows. */
export class Administration {
  readonly #self: PeerId;
  readonly #timing: MeshTiming;
  readonly #verification: Verification;
  readonly #electorate: Electorate;
  #noted = false;
  /** The epoch in which the members last agreed; 0 for a newcomer. */
  #agreedEpoch = 0;
  /** Workers that say that they are cut off, and in which epoch their room last agreed. */
  readonly #cutOff = new Map<PeerId, number>();
  #tied = false;
  #claimedAt: Instant = -Infinity;
  /** Until when a newcomer that follows nobody yet is on its way in, rather than cut off. */
  #arrivingUntil: Instant = -Infinity;
  #following: { readonly peerId: PeerId; readonly epoch: number } | undefined;
  readonly #epoch = new Epoch();
  #partitionedSince: Instant | undefined;
  #leaderlessSince: Instant | undefined;

  constructor(self: PeerId, timing: MeshTiming) {
    this.#self = self;
    this.#timing = timing;
    this.#verification = new Verification(timing.verifyMs);
    this.#electorate = new Electorate(self);
  }

  /** The admin that this worker follows; itself where it leads. */
  get admin(): PeerId | undefined {
    return this.#following?.peerId;
  }

  /** Whether this worker leads. Without a majority, or in an epoch that is over, it does not. */
  get leads(): boolean {
    return this.#holdsEpoch && this.#partitionedSince === undefined;
  }

  /** The highest epoch seen. */
  get epoch(): number {
    return this.#epoch.held;
  }

  /** Since when the majority is out of reach. */
  get partitionedSince(): Instant | undefined {
    return this.#partitionedSince;
  }

  /** Whether exactly half of them are in reach: then the server's word decides. */
  get tied(): boolean {
    return this.#tied;
  }

  /** The epoch in which they did. */
  get agreedEpoch(): number {
    return this.#agreedEpoch;
  }

  /** The workers that say that they are cut off. */
  get cutOff(): PeerId[] {
    return [...this.#cutOff.keys()];
  }

  /** The members when the room last agreed. */
  get agreed(): ReadonlySet<PeerId> {
    return this.#electorate.settled;
  }

  /** Newcomers that a majority need not have heard of yet. */
  get joining(): ReadonlySet<PeerId> {
    return this.#electorate.joining;
  }

  /** Whether this worker is one of them. */
  get isNewcomer(): boolean {
    return this.#electorate.isNewcomer;
  }

  /** Whether a newcomer was noted, since this was last asked: it counts once a majority has said so. */
  takeNoted(): boolean {
    const noted = this.#noted;
    this.#noted = false;
    return noted;
  }

  /** The room keeps no registry: there is nobody to lead or to follow. */
  resign(): void {
    this.#following = undefined;
    this.#partitionedSince = undefined;
    this.#leaderlessSince = undefined;
    this.#arrivingUntil = -Infinity;
    this.#tied = false;
    this.#verification.clear();
    this.#cutOff.clear();
    this.#electorate.reset();
  }

  /** The server's word at registration: these are in the room. Only a newcomer needs it. */
  arrive(peers: readonly PeerId[], now: Instant): void {
    if (this.#following !== undefined) return;
    this.#electorate.arrive(peers);
    this.#arrivingUntil = now + this.#timing.mournMs;
  }

  /** It left, or nobody ever met it: it counts in no majority. */
  dismiss(peerId: PeerId): void {
    this.#electorate.dismiss(peerId);
    this.#verification.dismiss(peerId);
    if (this.#following?.peerId === peerId) this.#following = undefined;
  }

  /** The server says that it is in the room, and nobody has met it in time: it counts as absent. */
  expect(peerId: PeerId): void {
    this.#electorate.note(peerId);
  }

  /**
   * A worker spoke of an epoch. Whoever leads in a new one is a member of the room, met or not: a count
   * without it could make a majority of those that it leads no more.
   */
  saw(epoch: number, adminPeerId: PeerId | undefined): void {
    if (!this.#epoch.heard(epoch)) return;
    if (adminPeerId !== undefined) this.#electorate.note(adminPeerId);
  }

  /** The server spoke of its epoch. Where ours has to begin anew, so does all that was of ours. */
  told(epoch: number, adminPeerId: PeerId | undefined): void {
    if (!this.#epoch.granted(epoch)) return this.saw(epoch, adminPeerId);
    this.#agreedEpoch = Math.min(this.#agreedEpoch, epoch);
    this.#cutOff.clear();
    this.#resign();
  }

  /** A worker says whom it follows. That is worth an answer to a question (invariant 4). */
  heard(
    from: PeerId,
    says: {
      adminPeerId: PeerId | undefined;
      epoch: number;
      agreedEpoch: number;
      partitioned: boolean;
      /** All members of which it knows. */
      noted: ReadonlySet<PeerId>;
    },
  ): void {
    const isCutOff = says.partitioned && this.#epoch.isCredible(says.agreedEpoch);
    if (isCutOff) this.#cutOff.set(from, says.agreedEpoch);
    else this.#cutOff.delete(from);
    // Whoever is cut off soon counts by the word of others: what it knows itself will be forgotten.
    this.#electorate.acknowledged(from, says.partitioned ? new Set() : says.noted);
    this.saw(says.epoch, says.partitioned ? undefined : says.adminPeerId);
    if (says.partitioned || says.adminPeerId === undefined) return;
    if (says.adminPeerId === from || says.epoch === this.#epoch.held) {
      this.answered(says.adminPeerId);
    }
  }

  /** The server refused a claim: the epoch that it was for is another's. */
  refused(epoch: number, adminPeerId: PeerId | undefined): void {
    this.told(epoch, adminPeerId);
    this.#resign();
  }

  /** A worker answered that it will lead. */
  answered(peerId: PeerId): void {
    this.#verification.answered(peerId);
  }

  /**
   * A worker that is in reach says that it is with the majority of those who agreed since: from now on
   * we count by them too, and by those who are `joining` them. Not where our own room is a later one: a
   * newcomer that met nobody is the majority of itself alone.
   */
  rejoin(agreed: readonly PeerId[], joining: readonly PeerId[], agreedEpoch: number): void {
    if (!this.#epoch.isCredible(agreedEpoch)) return;
    if (agreedEpoch < Math.max(this.#agreedEpoch, ...this.#cutOff.values())) return;
    this.#agreedEpoch = agreedEpoch;
    this.#electorate.adopt(agreed, joining);
  }

  /** Decides what follows from `situation`. Calling it twice with the same decides nothing new. */
  reconcile(situation: Situation, now: Instant): Decision[] {
    const living = new Set(situation.living.map((candidate) => candidate.peerId));
    const agreed = this.#electorate.counted(living);
    const inMajority = isMajority({ agreed, living, server: situation.server });
    this.#tied = isHalf(agreed, living);
    // Whoever met part of a later room than its own is no majority of that, whatever it counts.
    const partitioned = !inMajority || this.#cutOffEpoch(living) > this.#agreedEpoch;
    // It leads nobody and follows nobody; to call it partitioned would be a false alarm.
    if (partitioned && this.#following === undefined && now < this.#arrivingUntil) return [];
    const decisions = this.#judgePartition(partitioned, { living, agreed }, now);
    if (this.#following !== undefined && !living.has(this.#following.peerId)) {
      this.#leaderlessSince ??= now;
    }
    this.#verification.keep(living);
    if (this.#partitionedSince !== undefined) {
      this.#verification.clear();
      return decisions;
    }
    this.#leaderlessSince ??= this.#following === undefined ? now : undefined;
    const best = electAdmin(situation.living);
    if (best === this.#self) decisions.push(...this.#lead(now));
    else if (best !== undefined) decisions.push(...this.#follow(best, situation, now));
    if (this.#following !== undefined && living.has(this.#following.peerId)) {
      this.#agreedEpoch = this.#epoch.held;
      if (this.#electorate.settle(living, situation.mourned)) this.#noted = true;
    }
    return decisions;
  }

  /** When {@linkcode Administration.reconcile} has something to find that no input brings. */
  nextAt(now: Instant): Instant {
    const claimAt = this.#claimedAt + this.#timing.checkMs;
    const dueAts = [claimAt, this.#arrivingUntil, ...this.#verification.dueAts];
    // What is overdue waits for an input: nobody is verified in a partition.
    return Math.min(Infinity, ...dueAts.filter((dueAt) => dueAt > now));
  }

  get #holdsEpoch(): boolean {
    return this.#following?.peerId === this.#self && this.#following.epoch === this.#epoch.held;
  }

  /** Where this worker led, it leads no more, and may claim the room again. */
  #resign(): void {
    // An epoch that nobody can be in: not even a server that begins with 0 confirms it.
    if (this.#following?.peerId === this.#self) this.#following = { peerId: this.#self, epoch: -1 };
  }

  #judgePartition(
    partitioned: boolean,
    { living, agreed }: { living: ReadonlySet<PeerId>; agreed: ReadonlySet<PeerId> },
    now: Instant,
  ): Decision[] {
    if (partitioned === (this.#partitionedSince !== undefined)) return [];
    this.#partitionedSince = partitioned ? now : undefined;
    const facts = { living: living.size, agreed: agreed.size };
    return [{ type: "partition", partitioned, ...facts }];
  }

  #lead(now: Instant): Decision[] {
    if (this.#holdsEpoch) return [];
    if (now < this.#claimedAt + this.#timing.checkMs) return [];
    this.#claimedAt = now;
    const epoch = this.#epoch.next();
    this.#following = { peerId: this.#self, epoch };
    return [{ type: "claim", epoch, tookMs: this.#took(now) }];
  }

  #follow(best: PeerId, { living, linked }: Situation, now: Instant): Decision[] {
    if (this.#following?.peerId === best) {
      this.#following = { peerId: best, epoch: this.#epoch.held };
      this.#verification.clear();
      return [];
    }
    const decisions: Decision[] = [];
    if (this.#verification.hasAnswered(best)) {
      if (this.#following?.peerId === this.#self) {
        decisions.push({ type: "demote", epoch: this.#epoch.held });
      }
      this.#following = { peerId: best, epoch: this.#epoch.held };
      this.#verification.clear();
      decisions.push({
        type: "follow",
        peerId: best,
        epoch: this.#epoch.held,
        tookMs: this.#took(now),
      });
      return decisions;
    }
    for (const peerId of this.#verification.takeSilent(now)) {
      decisions.push({ type: "doubt", peerId });
    }
    // All who are better than we are at once: if the first stays silent, the second has answered.
    const self = living.find((candidate) => candidate.peerId === this.#self);
    const unasked = living
      .filter((candidate) => self !== undefined && compareCandidates(candidate, self) < 0)
      .map((candidate) => candidate.peerId)
      .filter((peerId) => linked.has(peerId) && !this.#verification.has(peerId));
    for (const peerId of unasked) this.#verification.ask(peerId, now);
    if (unasked.length > 0) decisions.push({ type: "verify", peerIds: unasked });
    return decisions;
  }

  /** The latest epoch in which the room of a living worker that is cut off agreed; 0 without any. */
  #cutOffEpoch(living: ReadonlySet<PeerId>): number {
    let latest = 0;
    for (const [peerId, epoch] of this.#cutOff) {
      if (living.has(peerId)) latest = Math.max(latest, epoch);
      else this.#cutOff.delete(peerId);
    }
    return latest;
  }

  #took(now: Instant): number {
    const sinceMs = this.#leaderlessSince === undefined ? 0 : now - this.#leaderlessSince;
    this.#leaderlessSince = undefined;
    return sinceMs;
  }
}
