/**
 * Every open socket, and the rooms they lead to: carries events in and decisions out.
 * Decides nothing but who may open a socket at all; knows no HTTP and no files.
 */

import { base64urlnopad } from "@scure/base";
import type { PeerId, RoomId } from "../lib/base/id.ts";
import type { Log } from "../lib/base/log.ts";
import { type Clock, SECOND_MS } from "../lib/base/time.ts";
import type { LegacyRelay } from "../lib/protocol/legacy_relay.ts";
import type { Filters, WorkerList } from "../lib/protocol/query.ts";
import { admit, type Gate } from "./admission.ts";
import type { FromServer } from "../lib/protocol/signal_message.ts";
import { Buckets } from "./bucket.ts";
import type { Caller } from "./caller.ts";
import type { RandomBytes } from "./credential.ts";
import type { Meter } from "./fact.ts";
import type { Attendance } from "./identity/attendance.ts";
import type { SignalingLimits } from "./limits.ts";
import type { LiveCounts } from "./metrics.ts";
import { CLOSE_CODE, type RoomsEffect, type RoomsInput, type SocketId } from "./room_event.ts";
import { Rooms } from "./rooms.ts";
import { Socket, type SocketHost, type Traffic, type Wire } from "./socket.ts";

/** The live rooms as HTTP sees them. */
export interface LiveRooms {
  workerList(roomId: RoomId, filters: Filters): WorkerList;
  /** The room that a peer is in; where it is in several, the one that was opened first. */
  roomOf(peerId: PeerId): RoomId | undefined;
  /** Ends a peer's socket, and says whether it was there. */
  removePeer(roomId: RoomId, peerId: PeerId, reason: string): boolean;
  /** Ends the sockets of everybody in the room. */
  removeRoom(roomId: RoomId, reason: string): void;
  /** The stored room ends at `expiresAt`, in seconds since 1970; null for never. */
  dateRoom(roomId: RoomId, expiresAt: number | null): void;
  counts(): LiveCounts;
  /** Whether the server is about to stop. */
  readonly draining: boolean;
}

/** What the switchboard runs on. */
export interface SwitchboardPorts {
  readonly gate: Gate;
  readonly clock: Clock;
  readonly randomBytes: RandomBytes;
  readonly log: Log;
  readonly meter: Meter;
  /** Told as whom peers come and go. */
  readonly attendance: Pick<Attendance, "arrived" | "left">;
  readonly limits: SignalingLimits;
  /** Which rooms elect an admin and keep a registry. */
  keepsRegistry(roomId: RoomId): boolean;
  /** A worker came into a room that had none, or the last one left: its expiry counts from now. */
  keepRoom(roomId: RoomId): void;
}

/** Why no more sockets are taken. */
export type SocketRefusal = "address_full" | "address_hurried" | "server_full" | "draining";

const NONCE_BYTES = 18;

/** Owns the sockets and the rooms. */
export class Switchboard implements LiveRooms {
  readonly #ports: SwitchboardPorts;
  readonly #rooms: Rooms;
  readonly #sockets = new Map<SocketId, Socket>();
  readonly #socketsByAddress = new Map<string, number>();
  readonly #openings: Buckets;
  readonly #host: SocketHost;
  /** Inputs wait here, so that a step and all its effects finish before the next. */
  readonly #inputs: RoomsInput[] = [];
  #stepping = false;
  #lastWritten: { readonly message: FromServer | LegacyRelay; readonly text: string } | undefined;
  /** What was sent on all sockets so far. */
  #sent: Traffic = { frames: 0, bytes: 0 };
  #draining = false;
  #lastId: SocketId = 0;

  constructor(ports: SwitchboardPorts) {
    this.#ports = ports;
    this.#openings = new Buckets(ports.limits.openings);
    this.#rooms = new Rooms(ports.limits, ports.keepsRegistry);
    this.#host = {
      clock: ports.clock,
      log: ports.log,
      meter: ports.meter,
      limits: ports.limits,
      written: (message) => this.#written(message),
      admit: (registration, nonce, address) => admit(registration, nonce, address, ports.gate),
      registered: (socket, room, registration) => {
        if (socket.subject !== undefined) ports.attendance.arrived(socket.subject);
        const connectedAt = Math.floor(ports.clock.wallMs() / SECOND_MS);
        this.#step({ kind: "admitted", socket: socket.id, connectedAt, room, registration });
        this.dateRoom(room.room_id, room.expires_at);
      },
      requested: (socket, message) => {
        const { frames, bytes } = this.#sent;
        this.#step({ kind: "received", socket, message });
        return { frames: this.#sent.frames - frames, bytes: this.#sent.bytes - bytes };
      },
      ended: (socket) => this.#forget(socket),
    };
  }

  /** Why `address` may not open a socket now, or `undefined` where it may, which is counted. */
  objection(address: string): SocketRefusal | undefined {
    if (this.#draining) return "draining";
    if (this.#sockets.size >= this.#ports.limits.socketsMax) return "server_full";
    const present = this.#socketsByAddress.get(address) ?? 0;
    if (present >= this.#ports.limits.socketsPerAddressMax) return "address_full";
    const now = this.#ports.clock.now();
    return this.#openings.take(address, now) ? undefined : "address_hurried";
  }

  /** Takes a new transport. Its events go to the socket that is given back. */
  open(wire: Wire, caller: Caller): Socket {
    const { address } = caller;
    const nonce = base64urlnopad.encode(this.#ports.randomBytes(NONCE_BYTES));
    const socket = new Socket(++this.#lastId, wire, this.#host, { caller, nonce });
    this.#sockets.set(socket.id, socket);
    this.#socketsByAddress.set(address, (this.#socketsByAddress.get(address) ?? 0) + 1);
    this.#ports.meter.count({ kind: "socket_opened" });
    socket.challenge();
    return socket;
  }

  /** Looks at every deadline. To be called now and then. */
  tick(): void {
    const now = this.#ports.clock.now();
    for (const socket of [...this.#sockets.values()]) socket.tick(now);
    this.#relieve();
    this.#step({ kind: "tick" });
  }

  /** The rooms that workers are in. */
  get mannedRoomIds(): RoomId[] {
    return this.#rooms.mannedRoomIds;
  }

  get draining(): boolean {
    return this.#draining;
  }

  workerList(roomId: RoomId, filters: Filters): WorkerList {
    return this.#rooms.workerList(roomId, filters, this.#ports.clock.now());
  }

  roomOf(peerId: PeerId): RoomId | undefined {
    return this.#rooms.roomOf(peerId);
  }

  removePeer(roomId: RoomId, peerId: PeerId, reason: string): boolean {
    const present = this.#rooms.has(roomId, peerId);
    this.#step({ kind: "peer_removed", room_id: roomId, peer_id: peerId, reason });
    return present;
  }

  removeRoom(roomId: RoomId, reason: string): void {
    this.#step({ kind: "room_removed", room_id: roomId, reason });
  }

  dateRoom(roomId: RoomId, expiresAt: number | null): void {
    const wallMs = this.#ports.clock.wallMs();
    const restMs = expiresAt === null ? null : expiresAt * SECOND_MS - wallMs;
    this.#step({ kind: "dated", room_id: roomId, expires_at: expiresAt, restMs });
  }

  counts(): LiveCounts {
    let bufferedBytes = 0;
    for (const socket of this.#sockets.values()) bufferedBytes += socket.bufferedBytes;
    return { ...this.#rooms.counts(), sockets: this.#sockets.size, bufferedBytes };
  }

  /** Tells everybody when to come back, and ends all sockets. No more are taken. */
  drain(): void {
    this.#draining = true;
    const retry_after_ms = this.#ports.limits.retryAfterMs;
    const sockets = [...this.#sockets.values()];
    for (const socket of sockets) socket.send({ type: "server_draining", retry_after_ms });
    for (const socket of sockets) socket.end(CLOSE_CODE.goingAway, "The server stops");
  }

  /** Ends the sockets that have read the least until what waits for the rest is bearable. */
  #relieve(): void {
    const { bufferedBytesTotalMax } = this.#ports.limits;
    let { bufferedBytes } = this.counts();
    if (bufferedBytes <= bufferedBytesTotalMax) return;
    const slowestFirst = [...this.#sockets.values()]
      .map((socket) => ({ socket, waiting: socket.bufferedBytes }))
      .sort((a, b) => b.waiting - a.waiting);
    for (const { socket, waiting } of slowestFirst) {
      if (bufferedBytes <= bufferedBytesTotalMax) return;
      socket.giveUp();
      bufferedBytes -= waiting;
    }
  }

  /** What goes to many in a row is written once. */
  #written(message: FromServer | LegacyRelay): string {
    if (this.#lastWritten?.message === message) return this.#lastWritten.text;
    const text = JSON.stringify(message);
    this.#lastWritten = { message, text };
    return text;
  }

  #forget(socket: Socket): void {
    this.#sockets.delete(socket.id);
    const { address } = socket.caller;
    const left = (this.#socketsByAddress.get(address) ?? 1) - 1;
    if (left > 0) this.#socketsByAddress.set(address, left);
    else this.#socketsByAddress.delete(address);
    if (socket.subject !== undefined) this.#ports.attendance.left(socket.subject);
    this.#ports.meter.count({ kind: "socket_closed" });
    this.#step({ kind: "closed", socket: socket.id });
  }

  #step(input: RoomsInput): void {
    this.#inputs.push(input);
    if (this.#stepping) return;
    this.#stepping = true;
    try {
      for (let next = this.#inputs.shift(); next !== undefined; next = this.#inputs.shift()) {
        const effects = this.#rooms.step(next, this.#ports.clock.now());
        for (const effect of effects) this.#perform(effect);
      }
    } finally {
      this.#stepping = false;
    }
  }

  #perform(effect: RoomsEffect): void {
    switch (effect.kind) {
      case "send":
      case "send_legacy": {
        const bytes = this.#sockets.get(effect.socket)?.send(effect.message) ?? 0;
        this.#sent = { frames: this.#sent.frames + 1, bytes: this.#sent.bytes + bytes };
        return;
      }
      case "close":
        this.#sockets.get(effect.socket)?.end(effect.code, effect.reason);
        return;
      case "keep_room":
        this.#ports.keepRoom(effect.room_id);
        return;
      case "count":
        this.#ports.meter.count(effect.fact);
        return;
      case "log":
        this.#ports.log.write(effect.level, effect.message, effect.fields);
        return;
    }
    return effect satisfies never;
  }
}
