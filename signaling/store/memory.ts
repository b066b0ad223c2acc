/** Rooms that end with the process: for tests and for servers that may forget. */

import type { RoomId } from "../../lib/base/id.ts";
import type { Store, StoredRoom } from "./store.ts";

/** Keeps rooms in this process. */
export class MemoryStore implements Store {
  readonly #rooms = new Map<RoomId, StoredRoom>();

  createRoom(room: StoredRoom, nowSeconds: number): Promise<boolean> {
    const free = this.#living(room.room_id, nowSeconds) === undefined;
    if (free) this.#rooms.set(room.room_id, { ...room });
    return Promise.resolve(free);
  }

  findRoom(roomId: RoomId, nowSeconds: number): Promise<StoredRoom | undefined> {
    return Promise.resolve(this.#living(roomId, nowSeconds));
  }

  extendRoom(
    roomId: RoomId,
    expiresAt: number,
    nowSeconds: number,
  ): Promise<StoredRoom | undefined> {
    const room = this.#living(roomId, nowSeconds);
    if (room === undefined || room.expires_at === null) return Promise.resolve(room);
    const extended = { ...room, expires_at: Math.max(room.expires_at, expiresAt) };
    this.#rooms.set(roomId, extended);
    return Promise.resolve(extended);
  }

  deleteRoom(roomId: RoomId): Promise<boolean> {
    return Promise.resolve(this.#rooms.delete(roomId));
  }

  countRooms(nowSeconds: number): Promise<number> {
    const living = [...this.#rooms.values()].filter((room) => lives(room, nowSeconds));
    return Promise.resolve(living.length);
  }

  sweepExpired(nowSeconds: number): Promise<number> {
    const expired = [...this.#rooms.values()].filter((room) => !lives(room, nowSeconds));
    for (const room of expired) this.#rooms.delete(room.room_id);
    return Promise.resolve(expired.length);
  }

  ping(): Promise<void> {
    return Promise.resolve();
  }

  close(): Promise<void> {
    this.#rooms.clear();
    return Promise.resolve();
  }

  #living(roomId: RoomId, nowSeconds: number): StoredRoom | undefined {
    const room = this.#rooms.get(roomId);
    return room !== undefined && lives(room, nowSeconds) ? room : undefined;
  }
}

function lives(room: StoredRoom, nowSeconds: number): boolean {
  return room.expires_at === null || room.expires_at > nowSeconds;
}
