/**
 * Carries out what `Administration` decides: asks the candidates, claims the room at the server, says
 * who leads, and introduces newcomers where this worker does. Decides nothing itself.
 */

import { isRequestId, type PeerId, type RequestId } from "../base/id.ts";
import type { Instant } from "../base/time.ts";
import type { Acquaintance } from "../protocol/mesh_message.ts";
import { gpuMemoryMb } from "../protocol/worker.ts";
import type { Administration } from "./administration.ts";
import type { Decision } from "./decision.ts";
import type { LinkTable, OpenLink } from "./link_table.ts";
import type { Member } from "./member.ts";
import type { Membership } from "./membership.ts";
import type { Outbox } from "./outbox.ts";
import type { OwnEntry } from "./own_entry.ts";
import type { Pulse } from "./pulse.ts";
import type { Roster } from "./roster.ts";
import type { ServerView } from "./server_view.ts";
import type { StateSync } from "./state_sync.ts";

/** The parts that an office works with. */
export interface OfficeParts {
  readonly self: PeerId;
  readonly own: OwnEntry;
  readonly links: LinkTable;
  readonly server: ServerView;
  readonly outbox: Outbox;
  readonly membership: Membership;
  readonly administration: Administration;
  readonly roster: Roster;
  readonly sync: StateSync;
  readonly pulse: Pulse;
  /** How long the dead still count in a majority, in milliseconds. */
  readonly mournMs: number;
}

/** What one worker does about who leads. */
export class Office {
  readonly #parts: OfficeParts;
  #requests = 0;

  constructor(parts: OfficeParts) {
    this.#parts = parts;
  }

  /** Has it decided who leads, and does what follows. */
  reconcile(now: Instant): void {
    const { self, own, administration, links, membership, server } = this.#parts;
    const living = membership.living(now).map(({ peerId, metadata }) => ({
      peerId,
      gpuMemoryMb: gpuMemoryMb(metadata),
    }));
    for (const { peerId } of membership.unmet(now)) {
      // Also of a server that is gone since: who is cut off from it may be cut off from the others too.
      if (server.spokeOf(peerId)) administration.expect(peerId);
    }
    const decisions = administration.reconcile({
      living: [own.candidate, ...living],
      linked: new Set(links.peers),
      mourned: this.#mourned(now),
      server: server.wordOnAdmin(administration.epoch, now),
    }, now);
    for (const decision of decisions) this.#carryOut(decision, now);
    this.#askServer(now);
    const isToBeTold = server.isToBeTold(self, administration.epoch);
    if (administration.leads && isToBeTold) this.#claim();
  }

  /** A worker has a link now: the admin tells it of the others, and the others of it. */
  introduce(link: OpenLink, newcomer: Acquaintance, now: Instant): void {
    const { administration, links, membership, outbox } = this.#parts;
    if (!administration.leads) return;
    const peers = membership.living(now)
      .filter((member) => member.peerId !== link.peerId)
      .map(acquaintanceOf);
    outbox.send(link.linkId, {
      type: "mesh_peer_list",
      peer_ids: peers.map((peer) => peer.peer_id),
      peer_metadata: Object.fromEntries(peers.map((peer) => [peer.peer_id, peer.metadata])),
      peers,
    });
    for (const { peerId, linkId } of links.links) {
      if (peerId !== link.peerId) {
        outbox.send(linkId, { type: "mesh_peer_joined", peer: newcomer });
      }
    }
  }

  /** The dead of the last `mournMs`, and those who were announced but not yet met. */
  #mourned(now: Instant): ReadonlySet<PeerId> {
    const mourned = new Set<PeerId>();
    for (const { peerId, deadAt, evidenceAt } of this.#parts.membership.members) {
      const counts = deadAt === undefined
        ? evidenceAt === undefined
        : now - deadAt < this.#parts.mournMs;
      if (counts) mourned.add(peerId);
    }
    return mourned;
  }

  #carryOut(decision: Decision, now: Instant): void {
    const { self, links, outbox, pulse, roster, sync } = this.#parts;
    switch (decision.type) {
      case "verify":
        for (const peerId of decision.peerIds) {
          const link = links.to(peerId);
          if (link === undefined) continue;
          outbox.send(link.linkId, { type: "admin_verify", request_id: this.#nextRequestId() });
        }
        return;
      case "doubt":
        return roster.doubt(decision.peerId, now);
      case "claim":
        pulse.hurry(now);
        sync.nameAdmin();
        return this.#report(self, decision, now);
      case "follow":
        this.#report(decision.peerId, decision, now);
        if (links.to(decision.peerId) !== undefined) {
          outbox.log("debug", "already_linked", "Already connected to new admin");
        }
        return;
      case "demote":
        outbox.log("info", "demoted", "Another worker leads now", { epoch: decision.epoch });
        return;
      case "partition": {
        const { partitioned, living, agreed } = decision;
        const reach = `${living} of ${agreed} workers are in reach`;
        pulse.hurry(now);
        if (!partitioned) {
          return outbox.log("info", "healed", `Healed: ${reach}`, { living, agreed });
        }
        const message = `Partitioned: ${reach}; the room state is read-only and stale`;
        return outbox.log("warning", "partitioned", message, { living, agreed });
      }
    }
    decision satisfies never;
  }

  /** Where its word decides, or may decide once a suspect is found dead, it must be fresh. */
  #askServer(now: Instant): void {
    const { administration, membership, outbox, server } = this.#parts;
    const mayDecide = administration.tied || membership.hasSuspects;
    if (!mayDecide || !server.isToBeAsked(now)) return;
    server.asked(now);
    outbox.add({ type: "tell_server", message: { type: "ping" } });
  }

  #claim(): void {
    const { administration, outbox, server } = this.#parts;
    server.told(administration.epoch);
    const message = { type: "claim_admin", epoch: administration.epoch } as const;
    outbox.add({ type: "tell_server", message });
  }

  #report(admin: PeerId, { epoch, tookMs }: { epoch: number; tookMs: number }, now: Instant) {
    this.#parts.outbox.log("info", "admin_elected", `Admin elected: ${admin}`, {
      admin_peer_id: admin,
      epoch,
      election_time_ms: Math.round(tookMs),
      num_workers: this.#parts.membership.living(now).length + 1,
    });
  }

  #nextRequestId(): RequestId {
    const id = `verify-${++this.#requests}`;
    if (!isRequestId(id)) throw new Error(`Expected a request id, got ${id}`);
    return id;
  }
}

function acquaintanceOf({ peerId, incarnation, metadata }: Member): Acquaintance {
  return { peer_id: peerId, incarnation, metadata };
}
