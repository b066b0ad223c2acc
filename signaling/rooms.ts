/**
 * All live rooms, and who sits on which socket. Pure: facts come in, decisions go out.
 * Knows no credentials, no store, no clock and no bytes.
 */

import type { PeerId, RoomId } from "../lib/base/id.ts";
import type { Instant } from "../lib/base/time.ts";
import type { Filters, WorkerList } from "../lib/protocol/query.ts";
import type { FromServer } from "../lib/protocol/signal_message.ts";
import { decode } from "../lib/protocol/decode.ts";
import { type Metadata, metadataSchema } from "../lib/protocol/worker.ts";
import { matches } from "./match.ts";
import { type Member, Room } from "./room.ts";
import {
  CLOSE_CODE,
  type PeerRequest,
  type Refusal,
  refusal,
  type RoomsEffect,
  type RoomsInput,
  type SocketId,
} from "./room_event.ts";

/** What the rooms wait for, in milliseconds. */
export interface RoomsLimits {
  readonly pingIntervalMs: number;
  readonly silenceMs: number;
}

/** A client's metadata as JSON. A worker is told of every client at once, so a class must fit in one frame. */
const CLIENT_METADATA_BYTES_MAX = 2 * 1024;

interface Seat {
  readonly room: Room;
  readonly member: Member;
}

/**
 * Invariants:
 * 1. A sender is whoever sits on the socket; no field of a message is believed about it.
 * 2. A socket that is refused, replaced or removed has no seat any more: its later events do nothing.
 * 3. A room without members does not exist here.
 */
export class Rooms {
  readonly #limits: RoomsLimits;
  readonly #rooms = new Map<RoomId, Room>();
  readonly #seats = new Map<SocketId, Seat>();

  constructor(limits: RoomsLimits) {
    this.#limits = limits;
  }

  /** The rooms that somebody is in. */
  get roomIds(): RoomId[] {
    return [...this.#rooms.keys()];
  }

  /** Registered sockets of all rooms. */
  get peerCount(): number {
    return this.#seats.size;
  }

  /** Whether `peerId` is in the room. */
  has(roomId: RoomId, peerId: PeerId): boolean {
    return this.#rooms.get(roomId)?.find(peerId) !== undefined;
  }

  /** The workers of a room by the server's own copy; none where nobody is in it. */
  workerList(roomId: RoomId, filters: Filters, now: Instant): WorkerList {
    return (this.#rooms.get(roomId) ?? new Room(roomId)).workerList(filters, now);
  }

  /** Takes in what happened at `now` and says what to do, in order. */
  step(input: RoomsInput, now: Instant): RoomsEffect[] {
    switch (input.kind) {
      case "admitted":
        return this.#admit(input, now);
      case "received":
        return this.#receive(input.socket, input.message, now);
      case "closed":
        return this.#leave(input.socket);
      case "peer_removed": {
        const member = this.#rooms.get(input.room_id)?.find(input.peer_id);
        return member === undefined ? [] : this.#remove([member], input.reason);
      }
      case "room_removed":
        return this.#remove(this.#rooms.get(input.room_id)?.members ?? [], input.reason);
      case "tick":
        return this.#tick(now);
    }
    return input satisfies never;
  }

  #admit(input: Extract<RoomsInput, { kind: "admitted" }>, now: Instant): RoomsEffect[] {
    const { socket, registration } = input;
    const { peer_id, role, incarnation, metadata } = registration;
    const member: Member = {
      socket,
      peer_id,
      role,
      incarnation,
      metadata,
      heardAt: now,
      pingedAt: now,
    };
    const present = this.#rooms.get(input.room.room_id);
    const room = present ?? new Room(input.room.room_id);
    const full = room.objection(member);
    if (full !== undefined) return refuseEntry(socket, refusal("ROOM_FULL", full));
    const tooBig = objectionTo(metadata, member);
    if (tooBig !== undefined) return refuseEntry(socket, refusal("INVALID_MESSAGE", tooBig));

    const replaced = room.find(peer_id);
    const effects = room.join(member, input.room.expires_at, this.#limits.pingIntervalMs);
    if (replaced !== undefined) this.#seats.delete(replaced.socket);
    this.#seats.set(socket, { room, member });
    this.#rooms.set(room.id, room);
    const fields = { room_id: room.id, peer_id, role, incarnation };
    effects.push({ kind: "log", level: "info", message: "A peer has registered", fields });
    return present === undefined
      ? [{ kind: "room_opened", room_id: room.id }, ...effects]
      : effects;
  }

  #leave(socket: SocketId): RoomsEffect[] {
    const seat = this.#seats.get(socket);
    if (seat === undefined) return [];
    const { room, member } = seat;
    this.#seats.delete(socket);
    const effects = room.leave(member);
    const fields = { room_id: room.id, peer_id: member.peer_id, role: member.role };
    effects.push({ kind: "log", level: "info", message: "A peer has left", fields });
    if (room.members.length > 0) return effects;
    this.#rooms.delete(room.id);
    return [...effects, { kind: "room_emptied", room_id: room.id }];
  }

  #remove(members: readonly Member[], reason: string): RoomsEffect[] {
    const told = members.flatMap(({ socket }): RoomsEffect[] => [
      { kind: "send", socket, message: { type: "room_closed", reason } },
      { kind: "close", socket, code: CLOSE_CODE.removed, reason },
    ]);
    // Those who are about to be told the same need not hear of each other's leaving.
    const going = new Set(members.map(({ socket }) => socket));
    const left = members.flatMap(({ socket }) => this.#leave(socket));
    return [
      ...told,
      ...left.filter((effect) => effect.kind !== "send" || !going.has(effect.socket)),
    ];
  }

  #tick(now: Instant): RoomsEffect[] {
    const effects: RoomsEffect[] = [];
    for (const [socket, { member }] of [...this.#seats]) {
      if (now - member.heardAt >= this.#limits.silenceMs) {
        const reason = `Nothing heard for ${this.#limits.silenceMs} ms`;
        effects.push({ kind: "close", socket, code: CLOSE_CODE.policy, reason });
        effects.push(...this.#leave(socket));
      } else if (now - member.pingedAt >= this.#limits.pingIntervalMs) {
        member.pingedAt = now;
        effects.push({ kind: "send", socket, message: { type: "ping" } });
      }
    }
    return effects;
  }

  #receive(socket: SocketId, message: PeerRequest, now: Instant): RoomsEffect[] {
    const seat = this.#seats.get(socket);
    if (seat === undefined) return [];
    const { room, member } = seat;
    member.heardAt = now;
    const from_peer_id = member.peer_id;
    const reply = (answer: FromServer): RoomsEffect[] => [
      { kind: "send", socket, message: answer },
    ];
    const relay = (to: PeerId, relayed: FromServer, about: Partial<Refusal>): RoomsEffect[] => {
      const target = room.find(to);
      if (target !== undefined) {
        return [{ kind: "send", socket: target.socket, message: relayed }];
      }
      const text = `Expected a peer of the room, got ${to}, which is not here`;
      return reply(refusal("PEER_NOT_FOUND", text, { ...about, target_peer_id: to }));
    };

    switch (message.type) {
      case "ping":
        return reply({ type: "pong" });
      case "pong":
        return [];
      case "discover_peers": {
        const peers = room.visibleTo(member)
          .filter((other) => matches(other, message.filters))
          .map((other) => room.presence(other));
        const { request_id } = message;
        return reply({
          type: "peer_list",
          ...(request_id === undefined ? {} : { request_id }),
          to_peer_id: from_peer_id,
          peers,
          count: peers.length,
        });
      }
      case "update_metadata":
        return reply(update(member, message));
      case "peer_message": {
        const { to_peer_id, payload } = message;
        return relay(
          to_peer_id,
          { type: "peer_message", from_peer_id, to_peer_id, payload },
          {},
        );
      }
      case "mesh_connect": {
        const { link_id, offer, target_peer_id } = message;
        const relayed = { type: "mesh_offer", from_peer_id, link_id, offer } as const;
        return relay(target_peer_id, relayed, { link_id });
      }
      case "mesh_answer": {
        const { link_id, answer, target_peer_id } = message;
        const relayed = { type: "mesh_answer", from_peer_id, link_id, answer } as const;
        return relay(target_peer_id, relayed, { link_id });
      }
      case "ice_candidate": {
        const { link_id, candidate, target_peer_id } = message;
        const relayed = { type: "ice_candidate", from_peer_id, link_id, candidate } as const;
        return relay(target_peer_id, relayed, { link_id });
      }
      case "query_workers": {
        const { request_id, filters } = message;
        if (room.admin === undefined) {
          const text = "The room has no admin at the moment; ask again, or ask the server itself";
          return reply(refusal("NO_ADMIN", text, { request_id }));
        }
        const relayed = { type: "query_workers", from_peer_id, request_id, filters } as const;
        return relay(room.admin.peer_id, relayed, { request_id });
      }
      case "worker_list": {
        const { request_id, list, to_peer_id } = message;
        if (room.admin !== member) {
          const text = "Expected the admin to answer a query, got another peer";
          const about = { request_id, admin_peer_id: room.admin?.peer_id ?? null };
          return reply(refusal("NOT_THE_ADMIN", text, { ...about, epoch: room.epoch }));
        }
        const relayed = { type: "worker_list", from_peer_id, request_id, list } as const;
        return relay(to_peer_id, relayed, { request_id });
      }
      case "claim_admin":
        return room.claim(member, message.epoch);
    }
    return message satisfies never;
  }
}

function refuseEntry(socket: SocketId, message: Refusal): RoomsEffect[] {
  const reason = message.code;
  return [
    { kind: "send", socket, message },
    { kind: "close", socket, code: CLOSE_CODE.policy, reason },
  ];
}

/** Merges what `message` names into what `member` says of itself; the rest stays (defect d). */
function update(
  member: Member,
  message: Extract<PeerRequest, { type: "update_metadata" }>,
): FromServer {
  const about = message.request_id === undefined ? {} : { request_id: message.request_id };
  const merged = decode({
    tags: message.metadata.tags ?? member.metadata.tags,
    properties: { ...member.metadata.properties, ...message.metadata.properties },
  }, metadataSchema);
  const objection = merged.ok ? objectionTo(merged.value, member) : merged.reason;
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

function objectionTo(metadata: Metadata, { role }: Pick<Member, "role">): string | undefined {
  if (role === "worker") return undefined;
  const bytes = JSON.stringify(metadata).length;
  return bytes <= CLIENT_METADATA_BYTES_MAX
    ? undefined
    : `Expected at most ${CLIENT_METADATA_BYTES_MAX} bytes of a client's metadata, got ${bytes}`;
}
