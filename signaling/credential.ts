/** What lets one into a room: how it is made, kept and compared. Knows no store and no request. */

import { createHash, timingSafeEqual } from "node:crypto";
import { base32nopad } from "@scure/base";
import { isRoomId, type RoomId } from "../lib/base/id.ts";

/** A source of bytes that nobody can guess. */
export type RandomBytes = (length: number) => Uint8Array;

const ROOM_ID_LENGTH = 12;
/** 128 bits (ARCHITECTURE decision 12); 26 characters of base32. */
const TOKEN_BYTES = 16;
/** Stands for the hash of a room that does not exist, so that a miss takes as long as a hit. */
const NO_HASH = hashToken("");

/** A new room's public name: 60 random bits. */
export function newRoomId(randomBytes: RandomBytes): RoomId {
  const id = base32nopad.encode(randomBytes(8)).toLowerCase().slice(0, ROOM_ID_LENGTH);
  if (!isRoomId(id)) throw new Error(`Expected a room id, got ${JSON.stringify(id)}`);
  return id;
}

/** A new room's token. */
export function newToken(randomBytes: RandomBytes): string {
  return base32nopad.encode(randomBytes(TOKEN_BYTES)).toLowerCase();
}

/** The SHA-256 of `token` in hexadecimal: all that a store ever sees of it. */
export function hashToken(token: string): string {
  return createHash("sha256").update(token).digest("hex");
}

/** Whether `token` is the one whose hash the room has. Takes the same time where there is no room. */
export function tokenMatches(
  room: { readonly token_hash: string } | undefined,
  token: string,
): boolean {
  const same = timingSafeEqual(
    new TextEncoder().encode(room?.token_hash ?? NO_HASH),
    new TextEncoder().encode(hashToken(token)),
  );
  return same && room !== undefined;
}
