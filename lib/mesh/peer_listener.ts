/** What another worker's words mean. The sender is the link's peer. Records facts; decides nothing. */

import type { PeerId } from "../base/id.ts";
import type { Instant } from "../base/time.ts";
import { signalOf } from "../protocol/link_signal.ts";
import type { MeshMessage } from "../protocol/mesh_message.ts";
import type { Administration } from "./administration.ts";
import type { Courier } from "./courier.ts";
import type { LinkTable, OpenLink } from "./link_table.ts";
import type { Membership } from "./membership.ts";
import type { Outbox } from "./outbox.ts";
import type { Probing } from "./probing.ts";
import type { RoomState } from "./room_state.ts";
import type { Roster } from "./roster.ts";
import type { StateSync } from "./state_sync.ts";

type Heartbeat = Extract<MeshMessage, { type: "heartbeat" }>;

/** The parts that hear of other workers. */
export interface PeerListenerParts {
  readonly self: PeerId;
  readonly links: LinkTable;
  readonly membership: Membership;
  readonly administration: Administration;
  readonly probing: Probing;
  readonly state: RoomState;
  readonly sync: StateSync;
  readonly courier: Courier;
  readonly roster: Roster;
  readonly outbox: Outbox;
  /** Silence after which a worker is suspected, in milliseconds. */
  readonly suspicionMs: number;
}

/** Listens to other workers. */
export class PeerListener {
  readonly #parts: PeerListenerParts;
  #spokenOf = false;

  constructor(parts: PeerListenerParts) {
    this.#parts = parts;
  }

  /** Takes in what a worker said. */
  hear(link: OpenLink, message: MeshMessage, now: Instant): void {
    const { self, administration, courier, membership, outbox, probing, roster, sync } =
      this.#parts;
    const from = link.peerId;
    membership.heard(from, now);
    switch (message.type) {
      case "mesh_peer_list":
        for (const peer of message.peers) roster.introduced(from, peer, now);
        return;
      case "mesh_peer_joined":
        return roster.introduced(from, message.peer, now);
      case "mesh_offer":
      case "mesh_answer":
      case "mesh_ice_candidate": {
        if (message.to_peer_id !== self) return courier.relay(link, message);
        const route = { by: "peer", peerId: from } as const;
        return courier.receive(message.from_peer_id, message.link_id, signalOf(message), route);
      }
      case "mesh_undeliverable": {
        const reason = `${from} has no link to ${message.to_peer_id}`;
        return courier.undelivered(message.link_id, { by: "peer", peerId: from }, reason);
      }
      case "heartbeat":
        return this.#beat(link, message, now);
      case "probe":
        return probing.answer(link, message.request_id);
      case "probe_ack": {
        const incarnation = membership.get(from)?.incarnation ?? 0;
        return probing.answered(from, message.request_id, incarnation);
      }
      case "probe_request":
        return probing.runErrand(from, message.target_peer_id);
      case "probe_result":
        return membership.vouched(message.target_peer_id, message.incarnation, now);
      case "admin_verify": {
        const { request_id } = message;
        const { epoch } = administration;
        return outbox.send(link.linkId, { type: "admin_verify_ack", request_id, epoch });
      }
      case "admin_verify_ack":
        administration.saw(message.epoch, undefined);
        return administration.answered(from);
      case "state_broadcast":
        return sync.take(link, message, this.#unreachedBy(from), now);
      case "state_request":
        return sync.supply(link, message.heads, message.held);
      case "leave":
        roster.leave(from, message.incarnation, now);
        return roster.drop(link.linkId, "The worker left");
    }
    message satisfies never;
  }

  /** Whether a worker suspects us, since this was last asked: time to speak up. */
  takeSpokenOf(): boolean {
    const spokenOf = this.#spokenOf;
    this.#spokenOf = false;
    return spokenOf;
  }

  #beat(link: OpenLink, beat: Heartbeat, now: Instant): void {
    const { self, administration, links, membership, state, sync, roster, suspicionMs } = this
      .#parts;
    const from = link.peerId;
    for (const sign of beat.heard) {
      const entry = state.entries.get(sign.peer_id);
      // Heard of by others, never announced to us: the room state knows what it is like.
      if (entry !== undefined && membership.get(sign.peer_id) === undefined) {
        roster.meet(entry, now, false);
      }
    }
    membership.told(beat.heard, now);
    const direct = beat.heard.filter((sign) => sign.direct).map((sign) => sign.peer_id);
    links.reported(from, direct);
    if (!direct.includes(self) && now - link.openedAt > suspicionMs) {
      roster.drop(link.linkId, "We hear the worker, but it does not hear us");
    }
    this.#spokenOf ||= beat.suspects.includes(self);
    administration.heard(from, {
      adminPeerId: beat.admin_peer_id ?? undefined,
      epoch: beat.epoch,
      agreedEpoch: beat.agreed_epoch,
      partitioned: beat.partitioned,
      noted: new Set([...beat.agreed, ...beat.joining]),
    });
    // A newcomer itself cannot tell who the members are.
    const belongs = beat.admin_peer_id !== null && !beat.partitioned && beat.agreed.includes(from);
    // Said in the knowledge that we are cut off: an older word is of before both of us were.
    const knowsOfUs = administration.partitionedSince !== undefined && beat.cut_off.includes(self);
    if (belongs && (knowsOfUs || administration.isNewcomer)) {
      administration.rejoin(beat.agreed, beat.joining, beat.agreed_epoch);
    }
    sync.compare(link, beat.heads, now);
  }

  /** Those that `from` has no link to; where it has not said, nobody. */
  #unreachedBy(from: PeerId): PeerId[] {
    const { links, administration } = this.#parts;
    if (!administration.leads) return [];
    return links.peers.filter((peerId) => peerId !== from && links.reaches(from, peerId) === false);
  }
}
