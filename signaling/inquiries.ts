/** Questions that went to a room's admin and have no answer yet. Knows when they were asked, not what. */

import type { PeerId, RequestId } from "../lib/base/id.ts";
import type { Instant } from "../lib/base/time.ts";

/** Open questions of one room. Higher: an admin that never answers costs more memory. */
const OPEN_MAX = 1_000;

/** The open questions of one room; beyond {@linkcode OPEN_MAX} the oldest is forgotten. */
export class Inquiries {
  readonly #askedAt = new Map<string, Instant>();

  /** `peerId` asks at `now`. */
  ask(peerId: PeerId, requestId: RequestId, now: Instant): void {
    const name = nameOf(peerId, requestId);
    this.#askedAt.delete(name);
    this.#askedAt.set(name, now);
    for (const oldest of this.#askedAt.keys()) {
      if (this.#askedAt.size <= OPEN_MAX) break;
      this.#askedAt.delete(oldest);
    }
  }

  /** How long `peerId` has waited for the answer that comes at `now`, in ms; `undefined` unless it asked. */
  answer(peerId: PeerId, requestId: RequestId, now: Instant): number | undefined {
    const name = nameOf(peerId, requestId);
    const askedAt = this.#askedAt.get(name);
    this.#askedAt.delete(name);
    return askedAt === undefined ? undefined : now - askedAt;
  }
}

function nameOf(peerId: PeerId, requestId: RequestId): string {
  // Neither name has a space in it.
  return `${peerId} ${requestId}`;
}
