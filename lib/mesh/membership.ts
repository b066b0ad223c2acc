/**
 * Who is in the room and who has gone quiet. Knows nothing of who leads it, nor of how words travel.
 *
 * After SWIM (Das, Gupta and Motivala, 2002) with the local health of Lifeguard (Dadgar, Phillips and
 * Currey, 2018), for rooms so small that every sign of life can be passed on with its age.
 *
 * Invariants
 *  1. Ages are differences of this process's monotonic clock; no clock of another machine is compared.
 *  2. Any sign of life later than the start of a check ends the check: the living win.
 *  3. A hint (a closed link, the server's `peer_left`) starts a check; it is never a verdict.
 *  4. A worker that left in one incarnation comes back only in a higher one, or by its own word.
 */

import type { PeerId } from "../base/id.ts";
import { WORKERS_MAX } from "../base/limits.ts";
import type { Instant } from "../base/time.ts";
import type { Acquaintance, SignOfLife } from "../protocol/mesh_message.ts";
import { type Liveness, type Member, newMember } from "./member.ts";
import type { MeshTiming } from "./timing.ts";

/**
 * Workers that are remembered, the dead and the announced among them. Higher: a member that invents
 * others makes us remember more; lower: a room whose workers come and go quickly meets some later.
 */
const MEMBERS_MAX = 4 * WORKERS_MAX;

/** The other workers of a room, and the signs of their life. */
export class Membership {
  readonly #members = new Map<PeerId, Member>();
  readonly #timing: MeshTiming;
  /** No verdict before: this process was away for so long that the others closed their links to it. */
  #noVerdictBefore: Instant = -Infinity;

  constructor(timing: MeshTiming) {
    this.#timing = timing;
  }

  /** Every worker that was ever announced and has not been forgotten. */
  get members(): Iterable<Member> {
    return this.#members.values();
  }

  get(peerId: PeerId): Member | undefined {
    return this.#members.get(peerId);
  }

  /** Whoever has to go where one more is met for certain: one that nobody ever heard. */
  get expendable(): PeerId | undefined {
    if (this.#members.size < MEMBERS_MAX) return undefined;
    for (const { peerId, evidenceAt } of this.#members.values()) {
      if (evidenceAt === undefined) return peerId;
    }
    return undefined;
  }

  /** Takes note of a worker, or of a new life of one. Gives whether that was news. */
  announce({ peer_id, incarnation, metadata }: Acquaintance, now: Instant): boolean {
    const member = this.#members.get(peer_id);
    if (member === undefined) {
      if (this.#members.size >= MEMBERS_MAX) return false;
      this.#members.set(peer_id, newMember(peer_id, incarnation, metadata, now));
      return true;
    }
    if (incarnation < member.incarnation) return false;
    member.metadata = metadata;
    if (incarnation === member.incarnation) return false;
    this.#members.set(peer_id, newMember(peer_id, incarnation, metadata, now));
    return true;
  }

  /**
   * It says itself, on a link of ours, that it lives in an earlier life than the one we know: its clock
   * went back. That is first-hand, so the later life gives way, unless it still counts as living.
   * Gives whether it did.
   */
  returned(peer: Acquaintance, now: Instant): boolean {
    const member = this.#members.get(peer.peer_id);
    if (member === undefined) return false;
    const liveness = this.livenessOf(member, now);
    if (liveness === "alive" || liveness === "suspect") return false;
    this.#members.set(peer.peer_id, newMember(peer.peer_id, peer.incarnation, peer.metadata, now));
    return true;
  }

  /** It spoke on a link of ours. */
  heard(peerId: PeerId, now: Instant): void {
    const member = this.#members.get(peerId);
    if (member === undefined) return;
    member.directAt = now;
    this.#evidence(member, now);
  }

  /** Others passed on signs of life. Ages grow a little with every mouth. */
  told(signs: readonly SignOfLife[], now: Instant): void {
    for (const sign of signs) {
      const member = this.#members.get(sign.peer_id);
      if (
        member === undefined || member.leftAt !== undefined ||
        sign.incarnation !== member.incarnation
      ) continue;
      this.#evidence(member, now - sign.age_ms - this.#timing.hearsayMs);
    }
  }

  /** Somebody that we asked about it has just heard it. */
  vouched(peerId: PeerId, incarnation: number, now: Instant): void {
    const member = this.#members.get(peerId);
    if (member === undefined || member.incarnation !== incarnation) return;
    this.#evidence(member, now);
  }

  /** There is reason to doubt that it lives. Gives whether a check began. */
  doubt(peerId: PeerId, now: Instant): boolean {
    const member = this.#members.get(peerId);
    if (member === undefined || member.check !== undefined) return false;
    if (this.livenessOf(member, now) !== "alive") return false;
    member.check = { startedAt: now, deadlineAt: now + this.#timing.checkMs };
    return true;
  }

  /** It said goodbye. Gives whether it is this life that goes. */
  leave(peerId: PeerId, incarnation: number, now: Instant): boolean {
    const member = this.#members.get(peerId);
    if (member === undefined || member.incarnation !== incarnation) return false;
    member.leftAt ??= now;
    member.check = undefined;
    return true;
  }

  /** Nobody needs to remember it. */
  forget(peerId: PeerId): void {
    this.#members.delete(peerId);
  }

  /** What is held of its life at `now`. */
  livenessOf(member: Member, now: Instant): Liveness {
    if (member.leftAt !== undefined) return "left";
    if (member.deadAt !== undefined) return "dead";
    if (member.evidenceAt === undefined) return "unknown";
    return member.check !== undefined && now >= member.check.startedAt ? "suspect" : "alive";
  }

  /**
   * Those that nobody has heard of for `forgetMs`: dead, gone, or announced and never met.
   */
  forgettable(now: Instant): Member[] {
    return [...this.#members.values()].filter((member) => {
      const { leftAt, deadAt, evidenceAt, announcedAt } = member;
      const goneAt = leftAt ?? deadAt ?? (evidenceAt === undefined ? announcedAt : undefined);
      return goneAt !== undefined && now - goneAt >= this.#timing.forgetMs;
    });
  }

  /**
   * Those that were announced, and of whom there was no sign of life in the time in which silence is
   * taken for death.
   */
  unmet(now: Instant): Member[] {
    const lateMs = this.#timing.quietMs + this.#timing.checkMs;
    return [...this.#members.values()].filter(({ evidenceAt, leftAt, announcedAt }) =>
      evidenceAt === undefined && leftAt === undefined && now - announcedAt > lateMs
    );
  }

  /** Whether the life of any is being checked. */
  get hasSuspects(): boolean {
    for (const member of this.#members.values()) if (member.check !== undefined) return true;
    return false;
  }

  /** The workers that count as living: those that are alive, and suspects until the verdict. */
  living(now: Instant): Member[] {
    return [...this.#members.values()].filter((member) => {
      const liveness = this.livenessOf(member, now);
      return liveness === "alive" || liveness === "suspect";
    });
  }

  /**
   * Lets time pass: begins checks of the quiet, and gives those found dead by now. Whoever is `alone`,
   * without a link, could ask nobody: then only the full time of silence is a verdict.
   */
  advance(now: Instant, alone: boolean): { readonly suspected: Member[]; readonly died: Member[] } {
    const suspected: Member[] = [];
    const died: Member[] = [];
    for (const member of this.#members.values()) {
      if (this.livenessOf(member, now) === "alive" && now >= this.#quietAt(member)) {
        this.doubt(member.peerId, now);
        suspected.push(member);
      } else if (now >= this.#verdictAt(member, alone)) {
        member.check = undefined;
        member.deadAt = now;
        died.push(member);
      }
    }
    return { suspected, died };
  }

  /** When {@linkcode Membership.advance} has something to find next. */
  nextAt(alone: boolean): Instant {
    let nextAt = Infinity;
    for (const member of this.#members.values()) {
      if (member.leftAt !== undefined || member.deadAt !== undefined) continue;
      const at = member.check === undefined
        ? this.#quietAt(member)
        : this.#verdictAt(member, alone);
      nextAt = Math.min(nextAt, at);
    }
    return nextAt;
  }

  /**
   * This process was held up for `lateMs`: nobody is to blame for the silence. Every sign of life and
   * every deadline moves by as much (local health). A check runs at least its full time from `now` on:
   * the answer may be among the words that came meanwhile and were not read yet. Whoever was away for
   * longer than silence is borne with finds its links closed: nobody is dead before they could be dialled.
   */
  excuse(lateMs: number, now: Instant): void {
    const { quietMs, checkMs } = this.#timing;
    if (lateMs > quietMs) this.#noVerdictBefore = now + quietMs + checkMs;
    for (const member of this.#members.values()) {
      if (member.evidenceAt !== undefined) member.evidenceAt += lateMs;
      if (member.directAt !== undefined) member.directAt += lateMs;
      if (member.check !== undefined) {
        const { startedAt, deadlineAt } = member.check;
        member.check = {
          startedAt: startedAt + lateMs,
          deadlineAt: Math.max(deadlineAt + lateMs, now + this.#timing.checkMs),
        };
      }
    }
  }

  /** The signs of life that are worth passing on. */
  signs(now: Instant): SignOfLife[] {
    const signs: SignOfLife[] = [];
    // Later than suspicion: a worker that was held up finds its links as it left them.
    const deafMs = this.#timing.quietMs + this.#timing.checkMs;
    for (
      const { peerId, incarnation, evidenceAt, directAt, leftAt, deadAt } of this.#members.values()
    ) {
      if (leftAt !== undefined || deadAt !== undefined || evidenceAt === undefined) continue;
      const ageMs = Math.max(0, now - evidenceAt);
      if (ageMs > deafMs) continue;
      signs.push({
        peer_id: peerId,
        incarnation,
        age_ms: Math.ceil(ageMs),
        direct: directAt !== undefined && now - directAt <= deafMs,
      });
    }
    return signs;
  }

  #quietAt(member: Member): Instant {
    return member.evidenceAt === undefined ? Infinity : member.evidenceAt + this.#timing.quietMs;
  }

  #verdictAt(member: Member, alone: boolean): Instant {
    if (member.check === undefined) return Infinity;
    const deadlineAt = Math.max(member.check.deadlineAt, this.#noVerdictBefore);
    return alone ? Math.max(deadlineAt, this.#quietAt(member) + this.#timing.checkMs) : deadlineAt;
  }

  #evidence(member: Member, at: Instant): void {
    if (member.evidenceAt === undefined || at > member.evidenceAt) member.evidenceAt = at;
    const doubtedAt = member.check?.startedAt ?? member.deadAt;
    if (doubtedAt === undefined || at < doubtedAt) return;
    member.check = undefined;
    member.deadAt = undefined;
  }
}
