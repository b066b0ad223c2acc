/** Stored rooms as a port. Knows nothing of who is in them, and never sees a token. */

import { z } from "zod";
import type { RoomId } from "../../lib/base/id.ts";
import { roomIdSchema } from "../../lib/protocol/name.ts";

/** A room as it is kept. */
export const storedRoomSchema = z.object({
  room_id: roomIdSchema,
  name: z.string(),
  /** Subject of the identity that made it. */
  owner: z.string(),
  /** SHA-256 of the token in hexadecimal. */
  token_hash: z.string().regex(/^[0-9a-f]{64}$/),
  /** Seconds since 1970. */
  created_at: z.int(),
  /** Seconds since 1970 from which on the room does not exist any more; null for never. */
  expires_at: z.int().nullable(),
});
/** A room as it is kept. */
export type StoredRoom = z.infer<typeof storedRoomSchema>;

/** The storage does not answer now, and may later: whoever asked is told when to come back. */
export class StoreUnavailable extends Error {
  override readonly name = "StoreUnavailable";
  /** After how long it is worth asking again. */
  readonly retryAfterMs: number;

  constructor(message: string, options: ErrorOptions & { readonly retryAfterMs: number }) {
    super(message, options);
    this.retryAfterMs = options.retryAfterMs;
  }
}

/**
 * Keeps rooms. A room whose expiry is not after `nowSeconds` does not exist for any method, whether it
 * has been swept or not. Methods reject where the storage does not answer, those of a store elsewhere
 * with {@linkcode StoreUnavailable}.
 */
export interface Store {
  /** Keeps `room`, and says whether its id was free. An expired room frees its id. */
  createRoom(room: StoredRoom, nowSeconds: number): Promise<boolean>;
  /** The room, where it exists. */
  findRoom(roomId: RoomId, nowSeconds: number): Promise<StoredRoom | undefined>;
  /** Moves the expiry to `expiresAt` unless it is later or never, and gives the room as it is then. */
  extendRoom(
    roomId: RoomId,
    expiresAt: number,
    nowSeconds: number,
  ): Promise<StoredRoom | undefined>;
  /** Forgets the room, and says whether it was there. */
  deleteRoom(roomId: RoomId): Promise<boolean>;
  /** How many rooms exist. */
  countRooms(nowSeconds: number): Promise<number>;
  /** Removes the rooms that have expired, and says how many there were. */
  sweepExpired(nowSeconds: number): Promise<number>;
  /** Answers where the storage does; costs next to nothing, however many rooms there are. */
  ping(): Promise<void>;
  /** Gives back what the store holds. Nothing may be asked of it afterwards. */
  close(): Promise<void>;
}
