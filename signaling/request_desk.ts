/**
 * What a registered peer asks for, and what it gets. Pure; a sender is whoever sits on the socket, and
 * no field of a message is believed about it (defect c).
 */

import type { PeerId } from "../lib/base/id.ts";
import type { Instant } from "../lib/base/time.ts";
import { utf8Length } from "../lib/base/utf8.ts";
import { decode } from "../lib/protocol/decode.ts";
import type { FromServer } from "../lib/protocol/signal_message.ts";
import { type Metadata, metadataSchema } from "../lib/protocol/worker.ts";
import { matches } from "./match.ts";
import { relayOf, type RelayRequest } from "./relay.ts";
import type { Member, Room } from "./room.ts";
import { asked, type PeerRequest, type Refusal, refusal, type RoomsEffect } from "./room_event.ts";

/** A client's metadata as JSON. A worker is told of every client at once, so a class must fit in one frame. */
const CLIENT_METADATA_BYTES_MAX = 2 * 1024;

/** A peer in its room. */
export interface Seat {
  readonly room: Room;
  readonly member: Member;
}

/** What comes of `message`, said at `now` by the peer on `seat`. */
export function answerTo(message: PeerRequest, seat: Seat, now: Instant): RoomsEffect[] {
  const { room, member } = seat;
  const { socket, peer_id: from_peer_id } = member;
  const reply = (answer: FromServer): RoomsEffect[] => [
    { kind: "send", socket, message: answer },
  ];

  switch (message.type) {
    case "ping":
      return reply({ type: "pong" });
    case "pong":
      return [];
    case "discover_peers": {
      const peers = room.visibleTo(member)
        .filter((other) => matches(other, message.filters))
        .map((other) => room.presence(other));
      const about = asked(message.request_id);
      const count = peers.length;
      return reply({ type: "peer_list", ...about, to_peer_id: from_peer_id, peers, count });
    }
    case "update_metadata":
      return reply(update(member, message));
    case "peer_message":
    case "mesh_connect":
    case "mesh_answer":
    case "ice_candidate":
    case "offer":
    case "answer":
    case "candidate":
      return relay(seat, message);
    case "query_workers":
      return ask(seat, message, now);
    case "worker_list":
      return answer(seat, message, now);
    case "claim_admin":
      return room.claim(member, message.epoch, now, asked(message.request_id));
    case "mesh_report": {
      if (member.role !== "worker") {
        const text = "Expected a worker to report of its mesh, got a client";
        return reply(refusal("NOT_A_WORKER", text, asked(message.request_id)));
      }
      const { dials_failed: dialsFailed, conflicts, conflict_ms: conflictMs } = message;
      const fact = { kind: "mesh_reported", dialsFailed, conflicts, conflictMs } as const;
      return [{ kind: "count", fact }];
    }
  }
  return message satisfies never;
}

/** Passes `request` on, or says that there is nobody to pass it to (defect g). */
function relay({ room, member }: Seat, request: RelayRequest): RoomsEffect[] {
  const { to, relayed, about } = relayOf(request, member.peer_id);
  const target = room.find(to);
  if (target === undefined) {
    return [{ kind: "send", socket: member.socket, message: absent(to, about) }];
  }
  const { socket } = target;
  return [
    relayed.era === "legacy"
      ? { kind: "send_legacy", socket, message: relayed.message }
      : { kind: "send", socket, message: relayed.message },
    { kind: "count", fact: { kind: "relayed", type: request.type } },
  ];
}

function ask(
  { room, member }: Seat,
  { request_id, filters }: Extract<PeerRequest, { type: "query_workers" }>,
  now: Instant,
): RoomsEffect[] {
  const { admin } = room;
  const { socket, peer_id: from_peer_id } = member;
  if (admin === undefined) {
    const text = room.keepsRegistry
      ? "The room has no admin at the moment; ask again, or ask the server itself"
      : "The room keeps no registry, so nobody but the server itself can be asked";
    return [{ kind: "send", socket, message: refusal("NO_ADMIN", text, { request_id }) }];
  }
  room.inquiries.ask(from_peer_id, request_id, now);
  const message = { type: "query_workers", from_peer_id, request_id, filters } as const;
  return [
    { kind: "send", socket: admin.socket, message },
    { kind: "count", fact: { kind: "relayed", type: "query_workers" } },
  ];
}

function answer(
  { room, member }: Seat,
  { request_id, list, to_peer_id }: Extract<PeerRequest, { type: "worker_list" }>,
  now: Instant,
): RoomsEffect[] {
  const { socket, peer_id: from_peer_id } = member;
  if (room.admin !== member) {
    const text = "Expected the admin to answer a query, got another peer";
    const about = { request_id, admin_peer_id: room.admin?.peer_id ?? null, epoch: room.epoch };
    return [{ kind: "send", socket, message: refusal("NOT_THE_ADMIN", text, about) }];
  }
  const asker = room.find(to_peer_id);
  if (asker === undefined) {
    return [{ kind: "send", socket, message: absent(to_peer_id, { request_id }) }];
  }
  const message = { type: "worker_list", from_peer_id, request_id, list } as const;
  const effects: RoomsEffect[] = [
    { kind: "send", socket: asker.socket, message },
    { kind: "count", fact: { kind: "relayed", type: "worker_list" } },
  ];
  const tookMs = room.inquiries.answer(to_peer_id, request_id, now);
  if (tookMs !== undefined) {
    effects.push({ kind: "count", fact: { kind: "discovered", way: "admin", tookMs } });
  }
  return effects;
}

function absent(to: PeerId, about: Partial<Refusal>): Refusal {
  const text = `Expected a peer of the room, got ${to}, which is not here`;
  return refusal("PEER_NOT_FOUND", text, { ...about, target_peer_id: to });
}

/** Merges what `message` names into what `member` says of itself; the rest stays (defect d). */
function update(
  member: Member,
  message: Extract<PeerRequest, { type: "update_metadata" }>,
): FromServer {
  const about = asked(message.request_id);
  const merged = decode({
    tags: message.metadata.tags ?? member.metadata.tags,
    properties: { ...member.metadata.properties, ...message.metadata.properties },
  }, metadataSchema);
  const objection = merged.ok ? metadataObjection(merged.value, member) : merged.reason;
  if (!merged.ok || objection !== undefined) {
    return refusal("INVALID_MESSAGE", objection ?? "Unexpected metadata", about);
  }
  member.metadata = merged.value;
  return {
    type: "metadata_updated",
    ...about,
    peer_id: member.peer_id,
    metadata: member.metadata,
  };
}

/** Why `metadata` are too much for a peer of that role, or `undefined` where they are not. */
export function metadataObjection(
  metadata: Metadata,
  { role }: Pick<Member, "role">,
): string | undefined {
  if (role === "worker") return undefined;
  const bytes = utf8Length(JSON.stringify(metadata));
  return bytes <= CLIENT_METADATA_BYTES_MAX
    ? undefined
    : `Expected at most ${CLIENT_METADATA_BYTES_MAX} bytes of a client's metadata, got ${bytes}`;
}
