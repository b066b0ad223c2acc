/** What the signaling server's words mean to a worker. Records facts; decides nothing. */

import { WORKERS_MAX, WORKERS_WARNING } from "../base/limits.ts";
import type { Instant } from "../base/time.ts";
import { signalOf } from "../protocol/link_signal.ts";
import type { FromServer, RefusalCode } from "../protocol/signal_message.ts";
import type { Administration } from "./administration.ts";
import type { Courier } from "./courier.ts";
import type { Membership } from "./membership.ts";
import type { Outbox } from "./outbox.ts";
import type { Roster } from "./roster.ts";
import type { ServerView } from "./server_view.ts";

/** The parts that hear of the server. */
export interface ServerListenerParts {
  readonly server: ServerView;
  readonly membership: Membership;
  readonly administration: Administration;
  readonly courier: Courier;
  readonly roster: Roster;
  readonly outbox: Outbox;
}

/** Listens to the signaling server. */
export class ServerListener {
  readonly #parts: ServerListenerParts;
  /** How many workers it last warned of; up to that many are nothing to be told of. */
  #workersToldOf = WORKERS_WARNING - 1;

  constructor(parts: ServerListenerParts) {
    this.#parts = parts;
  }

  /** Takes in what the server said. Questions of clients are the node's to answer. */
  hear(message: FromServer, now: Instant): void {
    const { server, administration, courier, roster, outbox } = this.#parts;
    server.heard(now);
    switch (message.type) {
      case "registered_auth": {
        const workers = message.peers.filter((peer) => peer.role === "worker");
        const peerIds = workers.map((peer) => peer.peer_id);
        server.registered(message.admin_peer_id, message.epoch, peerIds, message.registry);
        administration.told(message.epoch, message.admin_peer_id ?? undefined);
        administration.arrive(peerIds, now);
        for (const peer of workers) roster.present(peer, now);
        return this.#count();
      }
      case "peer_joined":
        if (message.peer.role !== "worker") return;
        server.joined(message.peer.peer_id);
        this.#count();
        return roster.expect(message.peer, now);
      case "peer_left":
        if (message.role === "worker") this.#left(message, now);
        return;
      case "admin_changed":
        server.adminChanged(message.admin_peer_id, message.epoch);
        return administration.told(message.epoch, message.admin_peer_id ?? undefined);
      case "mesh_offer":
      case "mesh_answer":
      case "ice_candidate": {
        const { from_peer_id, link_id } = message;
        return courier.receive(from_peer_id, link_id, signalOf(message), { by: "server" });
      }
      case "error":
        if (isRefusedClaim(message.code) && message.epoch !== undefined) {
          server.adminChanged(message.admin_peer_id ?? null, message.epoch);
          administration.refused(message.epoch, message.admin_peer_id ?? undefined);
        }
        if (message.link_id !== undefined) {
          courier.undelivered(message.link_id, { by: "server" }, message.message);
        }
        return outbox.log("warning", "server_refused", message.message, { code: message.code });
      case "room_expiring":
      case "room_closed":
      case "server_draining":
        return outbox.log("warning", message.type, `The server says ${message.type}`);
      case "challenge":
      case "peer_list":
      case "metadata_updated":
      case "peer_message":
      case "query_workers":
      case "worker_list":
      case "ping":
      case "pong":
        return;
    }
    message satisfies never;
  }

  /** Warns of a room that fills up, once at each worker more. */
  #count(): void {
    const { workers } = this.#parts.server;
    if (workers <= this.#workersToldOf) return;
    this.#workersToldOf = workers;
    const message = `${workers} of at most ${WORKERS_MAX} workers are in the room`;
    const facts = { workers, workers_max: WORKERS_MAX };
    this.#parts.outbox.log("warning", "room_nearly_full", message, facts);
  }

  /** A closed socket is a hint, no verdict; of a worker that nobody ever heard it is all there is. */
  #left(left: Extract<FromServer, { type: "peer_left" }>, now: Instant): void {
    const { server, membership, roster } = this.#parts;
    server.left(left.peer_id);
    const member = membership.get(left.peer_id);
    if (member === undefined || member.incarnation > left.incarnation) return;
    if (member.evidenceAt === undefined) roster.forget(left.peer_id);
    else roster.doubt(left.peer_id, now);
  }
}

/** Either way the epoch that the server names is the one to claim above. */
function isRefusedClaim(code: RefusalCode): boolean {
  return code === "STALE_EPOCH" || code === "EPOCH_TOO_FAR";
}
