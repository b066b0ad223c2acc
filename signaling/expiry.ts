/** When a room without workers ends, and whether its peers have been told. Knows no store and no peer. */

import { type Instant, MINUTE_MS } from "../lib/base/time.ts";

/** How long before its end a room's peers are told (issue 4, item 3). */
const WARNING_MS = 10 * MINUTE_MS;

/** What is due: nothing, a warning, or the end. */
export type Due = "nothing" | "warning" | "end";

/** The end of one room. Worked out anew each time that the stored room is read or moved. */
export class Expiry {
  #expiresAt: number | null = null;
  #endsAt: Instant | undefined;
  #warned = false;

  /** Seconds since 1970; null for never, or where it is not known yet. */
  get expiresAt(): number | null {
    return this.#expiresAt;
  }

  /** The stored room ends at `expiresAt`, which is `restMs` after `now`; null for never. */
  date(expiresAt: number | null, restMs: number | null, now: Instant): void {
    const endsAt = restMs === null ? undefined : now + restMs;
    const wasMoved = expiresAt !== this.#expiresAt;
    this.#expiresAt = expiresAt;
    this.#endsAt = endsAt;
    if (wasMoved) this.#warned = false;
  }

  /** What is due at `now`. A warning is due once. */
  due(now: Instant): Due {
    if (this.#endsAt === undefined) return "nothing";
    if (now >= this.#endsAt) return "end";
    if (this.#warned || now < this.#endsAt - WARNING_MS) return "nothing";
    this.#warned = true;
    return "warning";
  }
}
