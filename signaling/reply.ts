/** What the routes answer where they grant what was asked. Knows no route; errors are `http_refusal.ts`. */

import { z } from "zod";
import { roomIdSchema } from "../lib/protocol/name.ts";
import { HTTP_REFUSAL_CODES } from "./http_refusal.ts";

/** Seconds since 1970; null for never. */
const expires_at = z.int().nullable();

/** `POST /anonymous-signin`. */
export const signInReplySchema = z.object({ id_token: z.string(), username: z.string() });
/** `POST /create-room`. The token is told this once; the server keeps its SHA-256. */
export const createdReplySchema = z.object({
  room_id: roomIdSchema,
  token: z.string(),
  name: z.string(),
  expires_at,
});
/** `POST /extend-room`. */
export const extendedReplySchema = z.object({ room_id: roomIdSchema, expires_at });
/** `POST /delete-peer` and `POST /delete-peers-and-room`: a sentence. */
export const doneReplySchema = z.object({ status: z.string() });
/** `GET /health`. */
export const healthReplySchema = z.object({
  status: z.literal("ok"),
  version: z.string(),
  protocol: z.int(),
  timestamp: z.iso.datetime(),
  rooms: z.int(),
  peers: z.int(),
  sockets: z.int(),
});
/** `GET /ready`. */
export const readyReplySchema = z.object({ status: z.literal("ready") });
/** Every refusal, on every route. */
export const refusalReplySchema = z.object({
  error: z.object({ code: z.enum(HTTP_REFUSAL_CODES), message: z.string() }),
});
