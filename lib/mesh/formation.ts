/** Reports how the mesh forms, when it is whole, and how long that took. Decides nothing. */

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
  /** How many links there were when it was reported, or fewer that were left since. */
  #links = 0;
  /** Links to the living when this was looked at last. */
  #linked = 0;

  constructor(parts: FormationParts) {
    this.#parts = parts;
  }

  /** The mesh begins to form. */
  begin(now: Instant): void {
    this.#since = now;
  }

  /**
   * Says once when every living worker has a link, and again after that was not so, or when one more
   * has. Until then, each link that is open tells how far it has come. Without an admin, or cut off from
   * the majority, the room is not known, and nothing is whole.
   */
  report(isKnown: boolean, now: Instant): void {
    const { linked, living } = this.#progress(now);
    const isFurther = linked > this.#linked;
    this.#linked = linked;
    if (linked < living) {
      this.#since ??= now;
      if (!isFurther) return;
      const facts = { links: linked, links_wanted: living };
      const message = `Linked to ${linked} of ${living} workers`;
      return this.#parts.outbox.log("info", "mesh_forming", message, facts);
    }
    const links = this.#parts.links.peers.length;
    // The dead take their links along and leave the rest whole; one that is back may be linked as soon
    // as it is known to live, so that nothing was ever missing.
    this.#links = Math.min(this.#links, links);
    if (!isKnown || this.#since === undefined && this.#links === links) return;
    const took_ms = Math.round(now - (this.#since ?? now));
    this.#since = undefined;
    this.#links = links;
    const facts = { workers: links + 1, links, took_ms };
    const message = "Linked to every worker of the room";
    this.#parts.outbox.log("info", "mesh_complete", message, facts);
  }

  /** How many other workers live, and how many of those have a link. */
  #progress(now: Instant): { readonly linked: number; readonly living: number } {
    const { links, membership } = this.#parts;
    let [linked, living] = [0, 0];
    for (const member of membership.members) {
      const liveness = membership.livenessOf(member, now);
      if (liveness === "dead" || liveness === "left") continue;
      living++;
      if (links.to(member.peerId) !== undefined) linked++;
    }
    return { linked, living };
  }
}
