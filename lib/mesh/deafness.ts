/**
 * Ends links on which nothing is heard any more, also while others still hear the worker at their other
 * end: a link that carries words one way only is down on both sides. Knows nothing of who lives.
 */

import type { Instant } from "../base/time.ts";
import type { LinkTable } from "./link_table.ts";
import type { Membership } from "./membership.ts";
import type { Roster } from "./roster.ts";

/** The parts that are looked at, and the time in which silence on a link is its end. */
export interface DeafnessParts {
  readonly links: LinkTable;
  readonly membership: Membership;
  readonly roster: Roster;
  /** As long as for a death: whoever is held up for less is heard again on the same link. */
  readonly silenceMs: number;
}

/** One worker's links that it hears nothing on. */
export class Deafness {
  readonly #parts: DeafnessParts;

  constructor(parts: DeafnessParts) {
    this.#parts = parts;
  }

  /** Ends them. Asked with each heartbeat at the latest, it needs no time of its own. */
  reconcile(now: Instant): void {
    const { links, membership, roster, silenceMs } = this.#parts;
    for (const { linkId, peerId } of links.links) {
      const heardAt = membership.get(peerId)?.directAt;
      if (heardAt === undefined || now - heardAt <= silenceMs) continue;
      roster.drop(linkId, "Nothing is heard on this link any more");
    }
  }
}
