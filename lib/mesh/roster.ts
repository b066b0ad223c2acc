/** Takes note of workers as they come, grow quiet and go, in every part that must hear of it. */

import type { LinkId, PeerId } from "../base/id.ts";
import type { Instant } from "../base/time.ts";
import type { Acquaintance } from "../protocol/mesh_message.ts";
import type { Administration } from "./administration.ts";
import type { Introduction } from "./introduction.ts";
import type { LinkTable } from "./link_table.ts";
import type { Membership } from "./membership.ts";
import type { Outbox } from "./outbox.ts";
import type { Probing } from "./probing.ts";

/** The parts that hear of workers. */
export interface RosterParts {
  readonly self: PeerId;
  readonly links: LinkTable;
  readonly membership: Membership;
  readonly introduction: Introduction;
  readonly administration: Administration;
  readonly probing: Probing;
  readonly outbox: Outbox;
  /** How long the admin has to introduce a newcomer, in milliseconds. */
  readonly introductionMs: number;
}

/** The comings and goings of other workers. */
export class Roster {
  readonly #parts: RosterParts;
  /** Later lives of linked workers that others spoke of: one at most of each. */
  readonly #successors = new Map<PeerId, Acquaintance>();

  constructor(parts: RosterParts) {
    this.#parts = parts;
  }

  /**
   * There is such a worker: `witnessed` by the server or by a link of ours, or only told of. A new one,
   * or a new life of one, is dialled without delay.
   */
  meet(peer: Acquaintance, now: Instant, witnessed: boolean): void {
    const { self, membership, introduction, links } = this.#parts;
    if (peer.peer_id === self) return;
    const before = membership.get(peer.peer_id)?.incarnation;
    const expendable = witnessed && before === undefined ? membership.expendable : undefined;
    if (expendable !== undefined) this.forget(expendable);
    if (!membership.announce(peer, now)) return;
    introduction.hurry(peer.peer_id);
    const link = links.to(peer.peer_id);
    if (before !== undefined && link !== undefined) {
      this.drop(link.linkId, "The worker has begun a new life");
    }
  }

  /**
   * The server says that it is in the room. One that left, and is there with a lower number, came back
   * with its clock set back: nobody else could tell those who have to dial it.
   */
  present(peer: Acquaintance, now: Instant): void {
    const { membership } = this.#parts;
    const known = membership.get(peer.peer_id);
    const isBack = known?.leftAt !== undefined && peer.incarnation < known.incarnation;
    if (isBack) membership.returned(peer, now);
    this.meet(peer, now, true);
  }

  /**
   * The server says that it has come. The admin dials it at once; the others let the admin introduce
   * it, whose link then carries their offers, and dial on their own only if that takes too long.
   */
  expect(peer: Acquaintance, now: Instant): void {
    const { administration, introduction, introductionMs, membership } = this.#parts;
    const before = membership.get(peer.peer_id)?.incarnation;
    this.present(peer, now);
    if (before === peer.incarnation || administration.leads) return;
    if (administration.admin === undefined || administration.admin === peer.peer_id) return;
    introduction.wait(peer.peer_id, now + introductionMs);
  }

  /**
   * A worker that has a link to it says that it is there: the wait for that is over. What we hear on a
   * link of our own counts more: a life that is said to have followed it is met when that link is over.
   */
  introduced(by: PeerId, peer: Acquaintance, now: Instant): void {
    const { introduction, links, membership } = this.#parts;
    const isHeard = links.to(peer.peer_id) !== undefined;
    if (!isHeard) this.meet(peer, now, false);
    else if (peer.incarnation > (membership.get(peer.peer_id)?.incarnation ?? 0)) {
      this.#successors.set(peer.peer_id, peer);
      this.doubt(peer.peer_id, now);
    }
    links.introduced(by, peer.peer_id);
    if (membership.get(peer.peer_id)?.incarnation !== peer.incarnation) return;
    introduction.introduced(peer.peer_id);
  }

  /** Our link to it is over: if a later life of it was spoken of, that is met now. */
  parted(peerId: PeerId, now: Instant): void {
    const successor = this.#successors.get(peerId);
    if (successor === undefined) return;
    this.#successors.delete(peerId);
    this.meet(successor, now, false);
  }

  /** There is reason to doubt that it lives: ask. */
  doubt(peerId: PeerId, now: Instant): void {
    const { membership, probing } = this.#parts;
    if (membership.doubt(peerId, now)) probing.ask(peerId);
  }

  /** It said goodbye. */
  leave(peerId: PeerId, incarnation: number, now: Instant): void {
    const { membership, administration, outbox } = this.#parts;
    if (!membership.leave(peerId, incarnation, now)) return;
    administration.dismiss(peerId);
    outbox.log("info", "peer_left", `${peerId} left the room`, { peer_id: peerId });
  }

  /** Nobody needs to remember it. */
  forget(peerId: PeerId): void {
    const { membership, administration, introduction } = this.#parts;
    membership.forget(peerId);
    this.#successors.delete(peerId);
    administration.dismiss(peerId);
    introduction.hurry(peerId);
  }

  /** Ends a link or a dial. */
  drop(linkId: LinkId, reason: string): void {
    this.#parts.outbox.add({ type: "drop", linkId, reason });
  }
}
