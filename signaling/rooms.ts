/**
 * All live rooms, and who sits on which socket. Pure: facts come in, decisions go out.
 * Knows no credentials, no store, no clock and no bytes.
 */

import type { PeerId, RoomId } from "../lib/base/id.ts";
import type { Instant } from "../lib/base/time.ts";
import type { Filters, WorkerList } from "../lib/protocol/query.ts";
import { answerTo, metadataObjection, type Seat } from "./request_desk.ts";
import { type Member, Room } from "./room.ts";
import {
  asked,
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

/** How much there is. */
export interface RoomsCounts {
  /** Rooms that somebody is in. */
  readonly rooms: number;
  /** Rooms of these that keep a registry of their own. */
  readonly registryRooms: number;
  readonly workers: number;
  readonly clients: number;
}

/**
 * Invariants:
 * 1. A sender is whoever sits on the socket; no field of a message is believed about it.
 * 2. A socket that is refused, replaced or removed has no seat any more: its later events do nothing.
 * 3. A room without members does not exist here.
 */
export class Rooms {
  readonly #limits: RoomsLimits;
  readonly #keepsRegistry: (roomId: RoomId) => boolean;
  readonly #rooms = new Map<RoomId, Room>();
  readonly #seats = new Map<SocketId, Seat>();

  /** @param keepsRegistry Which rooms elect an admin and keep a registry: all, if nobody says. */
  constructor(limits: RoomsLimits, keepsRegistry: (roomId: RoomId) => boolean = () => true) {
    this.#limits = limits;
    this.#keepsRegistry = keepsRegistry;
  }

  /** The rooms that somebody is in. */
  get roomIds(): RoomId[] {
    return [...this.#rooms.keys()];
  }

  /** The rooms in which there are workers: those whose expiry waits. */
  get mannedRoomIds(): RoomId[] {
    return [...this.#rooms.values()].filter((room) => room.workerCount > 0).map(({ id }) => id);
  }

  /** How many there are of each. */
  counts(): RoomsCounts {
    const rooms = [...this.#rooms.values()];
    const workers = rooms.reduce((sum, room) => sum + room.workerCount, 0);
    return {
      rooms: rooms.length,
      registryRooms: rooms.filter((room) => room.keepsRegistry).length,
      workers,
      clients: this.#seats.size - workers,
    };
  }

  /** Whether `peerId` is in the room. */
  has(roomId: RoomId, peerId: PeerId): boolean {
    return this.#rooms.get(roomId)?.find(peerId) !== undefined;
  }

  /** The room that `peerId` is in; where it is in several, the one that was opened first. */
  roomOf(peerId: PeerId): RoomId | undefined {
    // All are looked at, so that the time tells a stranger nothing.
    return this.roomIds.filter((roomId) => this.has(roomId, peerId))[0];
  }

  /** The workers of a room by the server's own copy; none where nobody is in it. */
  workerList(roomId: RoomId, filters: Filters, now: Instant): WorkerList {
    return (this.#rooms.get(roomId) ?? this.#newRoom(roomId)).workerList(filters, now);
  }

  /** Takes in what happened at `now` and says what to do, in order. */
  step(input: RoomsInput, now: Instant): RoomsEffect[] {
    switch (input.kind) {
      case "admitted":
        return this.#admit(input, now);
      case "received":
        return this.#receive(input.socket, input.message, now);
      case "closed":
        return this.#leave(input.socket, now);
      case "peer_removed": {
        const member = this.#rooms.get(input.room_id)?.find(input.peer_id);
        return member === undefined ? [] : this.#remove([member], input.reason, now);
      }
      case "room_removed":
        return this.#remove(this.#rooms.get(input.room_id)?.members ?? [], input.reason, now);
      case "dated":
        this.#rooms.get(input.room_id)?.expiry.date(input.expires_at, input.restMs, now);
        return [];
      case "tick":
        return this.#tick(now);
    }
    return input satisfies never;
  }

  #admit(input: Extract<RoomsInput, { kind: "admitted" }>, now: Instant): RoomsEffect[] {
    const { socket, registration, connectedAt } = input;
    const { peer_id, role, incarnation, metadata } = registration;
    const member: Member = {
      socket,
      peer_id,
      role,
      incarnation,
      metadata,
      connectedAt,
      heardAt: now,
      pingedAt: now,
    };
    const room = this.#rooms.get(input.room.room_id) ?? this.#newRoom(input.room.room_id);
    const about = asked(registration.request_id);
    const full = room.objection(member);
    if (full !== undefined) return refuseEntry(socket, refusal("ROOM_FULL", full, about));
    const tooBig = metadataObjection(metadata, member);
    if (tooBig !== undefined) return refuseEntry(socket, refusal("INVALID_MESSAGE", tooBig, about));

    const replaced = room.find(peer_id);
    const wasManned = room.workerCount > 0;
    const effects = room.join(member, input.room.expires_at, this.#limits.pingIntervalMs);
    if (replaced !== undefined) this.#seats.delete(replaced.socket);
    this.#seats.set(socket, { room, member });
    this.#rooms.set(room.id, room);
    const fields = { room_id: room.id, peer_id, role, incarnation };
    effects.push({ kind: "count", fact: { kind: "registered", role } });
    effects.push({ kind: "log", level: "info", message: "A peer has registered", fields });
    return wasManned === room.workerCount > 0
      ? effects
      : [{ kind: "keep_room", room_id: room.id }, ...effects];
  }

  #leave(socket: SocketId, now: Instant): RoomsEffect[] {
    const seat = this.#seats.get(socket);
    if (seat === undefined) return [];
    const { room, member } = seat;
    this.#seats.delete(socket);
    const wasManned = room.workerCount > 0;
    const effects = room.leave(member, now);
    const fields = { room_id: room.id, peer_id: member.peer_id, role: member.role };
    effects.push({ kind: "log", level: "info", message: "A peer has left", fields });
    if (wasManned && room.workerCount === 0) {
      effects.push({ kind: "keep_room", room_id: room.id });
    }
    if (room.members.length === 0) this.#rooms.delete(room.id);
    return effects;
  }

  #remove(members: readonly Member[], reason: string, now: Instant): RoomsEffect[] {
    const told = members.flatMap(({ socket }): RoomsEffect[] => [
      { kind: "send", socket, message: { type: "room_closed", reason } },
      { kind: "close", socket, code: CLOSE_CODE.removed, reason },
    ]);
    // Those who are about to be told the same need not hear of each other's leaving.
    const going = new Set(members.map(({ socket }) => socket));
    const left = members.flatMap(({ socket }) => this.#leave(socket, now));
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
        effects.push(...this.#leave(socket, now));
      } else if (now - member.pingedAt >= this.#limits.pingIntervalMs) {
        member.pingedAt = now;
        effects.push({ kind: "send", socket, message: { type: "ping" } });
      }
    }
    for (const room of [...this.#rooms.values()]) effects.push(...this.#expire(room, now));
    return effects;
  }

  /** A room with workers lasts; one with clients alone ends when the stored one does (decision 12). */
  #expire(room: Room, now: Instant): RoomsEffect[] {
    if (room.workerCount > 0) return [];
    const { expiry, members } = room;
    const due = expiry.due(now);
    if (due === "end") return this.#remove(members, "The room has expired", now);
    if (due === "nothing" || expiry.expiresAt === null) return [];
    const message = { type: "room_expiring", expires_at: expiry.expiresAt } as const;
    return members.map(({ socket }) => ({ kind: "send", socket, message }));
  }

  #newRoom(roomId: RoomId): Room {
    return new Room(roomId, this.#keepsRegistry(roomId));
  }

  #receive(socket: SocketId, message: PeerRequest, now: Instant): RoomsEffect[] {
    const seat = this.#seats.get(socket);
    if (seat === undefined) return [];
    seat.member.heardAt = now;
    return answerTo(message, seat, now);
  }
}

function refuseEntry(socket: SocketId, message: Refusal): RoomsEffect[] {
  const reason = message.code;
  return [
    { kind: "send", socket, message },
    { kind: "close", socket, code: CLOSE_CODE.policy, reason },
  ];
}
