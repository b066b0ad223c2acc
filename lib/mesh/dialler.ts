/**
 * Whom this worker dials now: every worker that falls to it and has no link, but the admin first, which
 * introduces a newcomer to the others. Knows nothing of how a dial goes on.
 */

import type { PeerId } from "../base/id.ts";
import type { Instant } from "../base/time.ts";
import type { Courier } from "./courier.ts";
import type { Introduction } from "./introduction.ts";
import type { LinkTable } from "./link_table.ts";
import type { Membership } from "./membership.ts";
import type { Outbox } from "./outbox.ts";
import type { ServerView } from "./server_view.ts";

/** The parts that a dialler works with. */
export interface DiallerParts {
  readonly self: PeerId;
  readonly links: LinkTable;
  readonly server: ServerView;
  readonly courier: Courier;
  readonly introduction: Introduction;
  readonly membership: Membership;
  readonly outbox: Outbox;
  /** How long the admin has to introduce a newcomer, in milliseconds. */
  readonly introductionMs: number;
  /** Attempts after which each time limit was tried once. */
  readonly limitsTried: number;
}

/** Begins the dials of one worker. */
export class Dialler {
  readonly #parts: DiallerParts;
  /** Until when a newcomer lets the admin introduce it before it dials the others by the server. */
  #introducedBy: Instant = -Infinity;

  constructor(parts: DiallerParts) {
    this.#parts = parts;
  }

  /** The server let us in. */
  registered(now: Instant): void {
    this.#introducedBy = now + this.#parts.introductionMs;
  }

  /** Begins the dials that are to begin now. */
  reconcile(now: Instant): void {
    const { courier, introduction, membership, outbox } = this.#parts;
    const admin = this.#awaitedAdmin(now);
    const wanted: PeerId[] = [];
    for (const { peerId, leftAt } of membership.members) {
      if (leftAt === undefined && this.#mayDial(peerId) && (admin ?? peerId) === peerId) {
        wanted.push(peerId);
      }
    }
    for (const dial of introduction.begin(wanted, (to) => courier.routesTo(to), now)) {
      outbox.add({ type: "dial", ...dial });
      this.#tellOfRetry(dial.peerId);
    }
  }

  /** Dials go on for ever, so somebody must be told when all that they vary has been tried. */
  #tellOfRetry(peerId: PeerId): void {
    const { introduction, outbox, limitsTried } = this.#parts;
    const attempts = introduction.retries.get(peerId)?.attempts ?? 0;
    if (attempts === 0) return;
    const message =
      `Dialling ${peerId} again; attempts that failed or were lost so far: ${attempts}`;
    const facts = { peer_id: peerId, attempts, retry_tasks: introduction.retries.size };
    outbox.log(attempts === limitsTried ? "warning" : "debug", "dial_retry", message, facts);
  }

  /** When {@linkcode Dialler.reconcile} may have something to begin that no input brings. */
  nextAt(now: Instant): Instant {
    const introducedBy = this.#introducedBy > now ? this.#introducedBy : Infinity;
    return Math.min(this.#parts.introduction.nextAt(now), introducedBy);
  }

  #mayDial(peerId: PeerId): boolean {
    const { introduction, links } = this.#parts;
    return introduction.offersTo(peerId) && links.to(peerId) === undefined;
  }

  /** The admin that will introduce us to the others, while we wait for that. */
  #awaitedAdmin(now: Instant): PeerId | undefined {
    const { self, links, server } = this.#parts;
    const admin = server.adminPeerId;
    if (admin === undefined || admin === self || now >= this.#introducedBy) return undefined;
    return links.to(admin) === undefined ? admin : undefined;
  }
}
