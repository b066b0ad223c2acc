/** What requests over HTTP may say. Unknown fields are refused: a misspelt one would do nothing (defect k). */

import { z } from "zod";
import { peerIdSchema, roomIdSchema } from "../lib/protocol/name.ts";
import { filtersSchema } from "../lib/protocol/query.ts";
import { workerStatusSchema } from "../lib/protocol/worker.ts";

const token = z.string().min(1).max(128).optional();
/** The shortest life of a room, in seconds. */
const SECONDS_MIN = 60;

/** `POST /create-room`. */
export const createRoomSchema = z.strictObject({
  name: z.string().trim().min(1).max(100).optional(),
  /** How long the empty room stays; null for ever. */
  ttl_seconds: z.int().min(SECONDS_MIN).nullable().optional(),
});

/** `POST /extend-room`. */
export const extendRoomSchema = z.strictObject({
  room_id: roomIdSchema,
  token,
  by_seconds: z.int().min(SECONDS_MIN).optional(),
});

/** `POST /delete-peer`. Without a room it is the one that the peer is in, as in the original. */
export const deletePeerSchema = z.strictObject({
  room_id: roomIdSchema.optional(),
  peer_id: peerIdSchema,
  token,
});

/** `POST /delete-peers-and-room`. The room may be named by a peer that is in it, as in the original. */
export const deleteRoomSchema = z.strictObject({
  room_id: roomIdSchema.optional(),
  peer_id: peerIdSchema.optional(),
  token,
}).refine(({ room_id, peer_id }) => room_id !== undefined || peer_id !== undefined, {
  error: "Expected room_id, or the peer_id of somebody in the room, got neither",
});

/** `POST /discover-workers`. */
export const discoverSchema = z.strictObject({
  room_id: roomIdSchema,
  token,
  filters: filtersSchema.strict().default({}),
});

/** The query of `GET /discover-workers`. It takes no token: addresses end up in logs. */
export const discoverQuerySchema = z.strictObject({
  room_id: roomIdSchema,
  status: workerStatusSchema.optional(),
  min_gpu_memory_mb: z.coerce.number().min(0).optional(),
  /** Separated by commas. */
  tags: z.string().max(2_048).transform((text) => text.split(",").filter((tag) => tag !== ""))
    .pipe(z.array(z.string().max(64)).max(32)).optional(),
});
