/** Rooms with a clock of their own, for tests that say who joins and who says what. */

import assert from "node:assert/strict";
import { peerIdSchema, roomIdSchema } from "../../lib/protocol/name.ts";
import { type FromServer, toServerSchema } from "../../lib/protocol/signal_message.ts";
import type { RoomsEffect, RoomsInput, SocketId } from "../../signaling/room_event.ts";
import { Rooms } from "../../signaling/rooms.ts";

/** The room of most tests. */
export const ROOM = roomIdSchema.parse("lab2room0001");

/** What a peer of a test says of itself. */
export interface Arrival {
  readonly role?: "worker" | "client";
  readonly incarnation?: number;
  readonly gpuMb?: number;
  readonly tags?: readonly string[];
  readonly properties?: Readonly<Record<string, unknown>>;
}

/** Rooms, and the time. */
export class RoomsWorld {
  readonly rooms = new Rooms(
    { pingIntervalMs: 15_000, silenceMs: 45_000 },
    () => this.keepsRegistry,
  );
  keepsRegistry = true;
  now = 0;
  #lastSocket: SocketId = 0;

  /** Has a peer arrive on a new socket. */
  join(peer: string, arrival: Arrival = {}): { socket: SocketId; effects: RoomsEffect[] } {
    const socket = ++this.#lastSocket;
    const registration = toServerSchema.parse({
      type: "register",
      room_id: ROOM,
      token: "t",
      peer_id: peer,
      role: arrival.role ?? "worker",
      incarnation: arrival.incarnation ?? 1,
      protocol: 1,
      public_key: "k",
      signature: "s",
      metadata: {
        tags: arrival.tags ?? [],
        properties: {
          ...(arrival.gpuMb === undefined ? {} : { gpu_memory_mb: arrival.gpuMb }),
          ...arrival.properties,
        },
      },
    });
    assert(registration.type === "register");
    const room = { room_id: ROOM, expires_at: 7_200 };
    return {
      socket,
      effects: this.step({ kind: "admitted", socket, connectedAt: 0, room, registration }),
    };
  }

  /** Has whoever sits on `socket` say something. */
  say(socket: SocketId, said: Readonly<Record<string, unknown>>): RoomsEffect[] {
    const message = toServerSchema.parse(said);
    assert(message.type !== "register");
    return this.step({ kind: "received", socket, message });
  }

  /** Has the transport of `socket` end. */
  close(socket: SocketId): RoomsEffect[] {
    return this.step({ kind: "closed", socket });
  }

  /** Lets time pass in one go, and gives what the tick after it brings. */
  pass(durationMs: number): RoomsEffect[] {
    this.now += durationMs;
    return this.step({ kind: "tick" });
  }

  /** The peers of the room by the server's own list of workers. */
  workerNames(): string[] {
    return this.rooms.workerList(ROOM, {}, this.now).workers.map(({ peer_id }) => peer_id);
  }

  /** Hands in any input. */
  step(input: RoomsInput): RoomsEffect[] {
    return this.rooms.step(input, this.now);
  }
}

/** What `effects` send to `socket`. */
export function sentTo(socket: SocketId, effects: readonly RoomsEffect[]): FromServer[] {
  return effects.flatMap((effect) =>
    effect.kind === "send" && effect.socket === socket ? [effect.message] : []
  );
}

/** The one message that `effects` send to `socket`, which must be of `type`. */
export function only<Type extends FromServer["type"]>(
  type: Type,
  socket: SocketId,
  effects: readonly RoomsEffect[],
): Extract<FromServer, { type: Type }> {
  const messages = sentTo(socket, effects);
  const isWanted = (message: FromServer): message is Extract<FromServer, { type: Type }> =>
    message.type === type;
  const [message, ...more] = messages.filter(isWanted);
  assert(
    message !== undefined && more.length === 0,
    `Expected one ${type}, got ${messages.map((sent) => sent.type).join(", ") || "nothing"}`,
  );
  return message;
}

/** Which sockets `effects` close. */
export function closedBy(effects: readonly RoomsEffect[]): SocketId[] {
  return effects.flatMap((effect) => effect.kind === "close" ? [effect.socket] : []);
}

/** A peer id of a test. */
export function peerId(name: string): ReturnType<typeof peerIdSchema.parse> {
  return peerIdSchema.parse(name);
}
