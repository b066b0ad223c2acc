/** Reports when the mesh is whole, and how long that took. Decides nothing. */

import type { Instant } from "../base/time.ts";
import type { LinkTable } from "./link_table.ts";
import type { Membership } from "./membership.ts";
import type { Outbox } from "./outbox.ts";

/** What is looked at. */
export interface FormationParts {
  readonly links: LinkTable;
  readonly outbox: Outbox;
  readonly membership: Membership;
}

/** The progress of one worker's mesh. */
export class Formation {
  readonly #parts: FormationParts;
  /** Since when a link is missing; `undefined` once that none is has been reported. */
  #since: Instant | undefined;

  constructor(parts: FormationParts) {
    this.#parts = parts;
  }

  /** The mesh begins to form. */
  begin(now: Instant): void {
    this.#since = now;
  }

  /**
   * Says once when every living worker has a link, and again after that was not so. Without an admin,
   * or cut off from the majority, the room is not known, and nothing is whole.
   */
  report(isKnown: boolean, now: Instant): void {
    if (!this.#isWhole(now)) {
      this.#since ??= now;
    } else if (this.#since !== undefined && isKnown) {
      const took_ms = Math.round(now - this.#since);
      this.#since = undefined;
      const links = this.#parts.links.peers.length;
      const facts = { workers: links + 1, links, took_ms };
      this.#parts.outbox.log(
        "info",
        "mesh_complete",
        "Linked to every worker of the room",
        facts,
      );
    }
  }

  #isWhole(now: Instant): boolean {
    const { links, membership } = this.#parts;
    for (const member of membership.members) {
      const liveness = membership.livenessOf(member, now);
      if (liveness === "dead" || liveness === "left") continue;
      if (links.to(member.peerId) === undefined) return false;
    }
    return true;
  }
}
