/**
 * Which candidates were asked whether they will lead, and which have said so. Knows nothing of who is the
 * best of them.
 */

import type { PeerId } from "../base/id.ts";
import type { Instant } from "../base/time.ts";

interface Question {
  readonly askedAt: Instant;
  answered: boolean;
}

/** The questions of one search for an admin. An answer counts in the search in which it came. */
export class Verification {
  readonly #verifyMs: number;
  readonly #questions = new Map<PeerId, Question>();

  /** @param verifyMs For an answer, in milliseconds. */
  constructor(verifyMs: number) {
    this.#verifyMs = verifyMs;
  }

  /** Whether it was asked, or has said so unasked. */
  has(peerId: PeerId): boolean {
    return this.#questions.has(peerId);
  }

  /** Whether it has said that it will lead. */
  hasAnswered(peerId: PeerId): boolean {
    return this.#questions.get(peerId)?.answered === true;
  }

  /** It is asked now. */
  ask(peerId: PeerId, now: Instant): void {
    this.#questions.set(peerId, { askedAt: now, answered: false });
  }

  /** It says that it will lead, asked or not. */
  answered(peerId: PeerId): void {
    const question = this.#questions.get(peerId);
    if (question === undefined) this.#questions.set(peerId, { askedAt: -Infinity, answered: true });
    else question.answered = true;
  }

  /** Those that did not answer in time. They count as not asked from then on. */
  takeSilent(now: Instant): PeerId[] {
    const silent: PeerId[] = [];
    for (const [peerId, { askedAt, answered }] of this.#questions) {
      if (!answered && now >= askedAt + this.#verifyMs) silent.push(peerId);
    }
    for (const peerId of silent) this.#questions.delete(peerId);
    return silent;
  }

  /** It is no candidate any more. */
  dismiss(peerId: PeerId): void {
    this.#questions.delete(peerId);
  }

  /** Only the `living` are candidates. */
  keep(living: ReadonlySet<PeerId>): void {
    for (const peerId of this.#questions.keys()) {
      if (!living.has(peerId)) this.#questions.delete(peerId);
    }
  }

  /** The search is over. */
  clear(): void {
    this.#questions.clear();
  }

  /** By when each of those that have not answered is to answer. */
  get dueAts(): Instant[] {
    return [...this.#questions.values()]
      .filter(({ answered }) => !answered)
      .map(({ askedAt }) => askedAt + this.#verifyMs);
  }
}
