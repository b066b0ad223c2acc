/**
 * What peers and the signaling server say to each other over the WebSocket, one JSON object a frame.
 * Names and shapes are the original's (UPSTREAM 1.4) where it has them. The server never believes a
 * sender's name in a frame: `from_peer_id` is stamped from the socket.
 */

import { z } from "zod";
import { linkIdSchema, peerIdSchema, requestIdSchema, roomIdSchema } from "./name.ts";
import { answerSchema, candidateSchema, offerSchema } from "./link_signal.ts";
import { legacyCandidateShape, legacyDescriptionShape } from "./legacy_relay.ts";
import { filtersSchema, workerListSchema } from "./query.ts";
import { metadataSchema } from "./worker.ts";

/** What a peer is in its room. */
export const roleSchema = z.enum(["worker", "client"]);
/** What a peer is in its room. */
export type Role = z.infer<typeof roleSchema>;

/** A peer as the server shows it to the others. */
export const presenceSchema = z.object({
  peer_id: peerIdSchema,
  role: roleSchema,
  incarnation: z.int().min(0),
  metadata: metadataSchema,
  is_admin: z.boolean(),
  /** When its socket registered, in seconds since 1970 by the server's clock. */
  connected_at: z.int().min(0).optional(),
});
/** A peer as the server shows it to the others. */
export type Presence = z.infer<typeof presenceSchema>;

const reason = z.string().max(1_000);
/** Names a request, so that its refusal can be told from others'. */
const asked = { request_id: requestIdSchema.optional() };
/** Things that a worker counts. Higher: one worker's word weighs more in the server's metrics. */
const counted = z.int().min(0).max(1_000_000).default(0);

/** From a peer to the server. */
export const toServerSchema = z.discriminatedUnion("type", [
  z.object({
    type: z.literal("register"),
    ...asked,
    room_id: roomIdSchema,
    /** Lets one into the room. */
    token: z.string().min(1).max(128),
    peer_id: peerIdSchema,
    role: roleSchema,
    incarnation: z.int().min(0),
    protocol: z.int().min(1),
    public_key: z.string().max(64),
    /** Over {@linkcode registrationBytes}: proves that the sender owns the peer id now. */
    signature: z.string().max(128),
    /** As whom the peer signed in, where it did: that user is kept while the peer is connected. */
    id_token: z.string().min(1).max(8_192).optional(),
    metadata: metadataSchema,
  }),
  z.object({
    type: z.literal("discover_peers"),
    ...asked,
    filters: filtersSchema.default({}),
  }),
  z.object({
    type: z.literal("update_metadata"),
    ...asked,
    /** Merged: what it does not name stays. */
    metadata: z.object({
      tags: metadataSchema.shape.tags.unwrap().optional(),
      properties: metadataSchema.shape.properties.unwrap().optional(),
    }),
  }),
  z.object({
    type: z.literal("peer_message"),
    ...asked,
    to_peer_id: peerIdSchema,
    payload: z.record(z.string().max(128), z.json()),
  }),
  z.object({
    type: z.literal("mesh_connect"),
    ...asked,
    target_peer_id: peerIdSchema,
    link_id: linkIdSchema,
    offer: offerSchema,
  }),
  z.object({
    type: z.literal("mesh_answer"),
    ...asked,
    target_peer_id: peerIdSchema,
    link_id: linkIdSchema,
    answer: answerSchema,
  }),
  z.object({
    type: z.literal("ice_candidate"),
    ...asked,
    target_peer_id: peerIdSchema,
    link_id: linkIdSchema,
    candidate: candidateSchema,
  }),
  z.object({
    type: z.literal("query_workers"),
    request_id: requestIdSchema,
    filters: filtersSchema.default({}),
  }),
  z.object({
    type: z.literal("worker_list"),
    request_id: requestIdSchema,
    to_peer_id: peerIdSchema,
    list: workerListSchema,
  }),
  z.object({ type: z.literal("claim_admin"), ...asked, epoch: z.int().min(1) }),
  z.object({ type: z.literal("offer"), ...asked, ...legacyDescriptionShape }),
  z.object({ type: z.literal("answer"), ...asked, ...legacyDescriptionShape }),
  z.object({ type: z.literal("candidate"), ...asked, ...legacyCandidateShape }),
  /** What has happened in a worker's mesh since its last report; only ever counted. */
  z.object({
    type: z.literal("mesh_report"),
    ...asked,
    dials_failed: counted,
    conflicts: counted,
    /** Until they were resolved everywhere, summed. */
    conflict_ms: counted,
  }),
  z.object({ type: z.literal("ping") }),
  z.object({ type: z.literal("pong") }),
]);
/** From a peer to the server. */
export type ToServer = z.infer<typeof toServerSchema>;

/** Why the server refuses something. */
export const refusalCodeSchema = z.enum([
  "INVALID_JSON",
  "INVALID_MESSAGE",
  "UNKNOWN_MESSAGE_TYPE",
  "NOT_REGISTERED",
  "ALREADY_REGISTERED",
  /** Unknown room, wrong token and expired room alike: strangers learn nothing. */
  "ROOM_REFUSED",
  "IDENTITY_REFUSED",
  "PROTOCOL_VERSION",
  "ROOM_FULL",
  "PEER_NOT_FOUND",
  "NO_ADMIN",
  "STALE_EPOCH",
  /** An epoch so far ahead that no honest election can have led there. */
  "EPOCH_TOO_FAR",
  /** The room keeps no registry of its own, so it has no admin. */
  "REGISTRY_OFF",
  "NOT_A_WORKER",
  "NOT_THE_ADMIN",
  "RATE_LIMITED",
  "REPLACED",
  "SERVER_BUSY",
]);
/** Why the server refuses something. */
export type RefusalCode = z.infer<typeof refusalCodeSchema>;

/** From the server to a peer. */
export const fromServerSchema = z.discriminatedUnion("type", [
  /** The first frame on a socket at `/ws`: what a registration must sign. */
  z.object({ type: z.literal("challenge"), nonce: z.string().min(16).max(64) }),
  z.object({
    type: z.literal("registered_auth"),
    room_id: roomIdSchema,
    peer_id: peerIdSchema,
    admin_peer_id: peerIdSchema.nullable(),
    /** Epoch of the last granted claim; 0 where there was none. */
    epoch: z.int().min(0),
    /** The others in the room (seed 002). */
    peers: z.array(presenceSchema),
    /** The same in the original's shape. */
    peer_list: z.array(peerIdSchema),
    peer_metadata: z.record(z.string(), metadataSchema),
    /** Seconds since 1970 at which the empty room ends; null for never. */
    expires_at: z.int().nullable(),
    /** How often either side may expect a sign of life, in milliseconds. */
    ping_interval_ms: z.int().min(100),
    /**
     * Whether the room keeps a registry of its own: a mesh and an admin. Where not, workers are found
     * through the server alone. A server that does not say means yes.
     */
    registry: z.boolean().optional(),
  }),
  z.object({ type: z.literal("peer_joined"), peer: presenceSchema }),
  z.object({
    type: z.literal("peer_left"),
    peer_id: peerIdSchema,
    role: roleSchema,
    incarnation: z.int().min(0),
  }),
  z.object({
    type: z.literal("admin_changed"),
    admin_peer_id: peerIdSchema.nullable(),
    epoch: z.int().min(0),
  }),
  z.object({
    type: z.literal("peer_list"),
    request_id: requestIdSchema.optional(),
    to_peer_id: peerIdSchema,
    peers: z.array(presenceSchema),
    count: z.int().min(0),
  }),
  z.object({
    type: z.literal("metadata_updated"),
    request_id: requestIdSchema.optional(),
    peer_id: peerIdSchema,
    metadata: metadataSchema,
  }),
  z.object({
    type: z.literal("peer_message"),
    from_peer_id: peerIdSchema,
    to_peer_id: peerIdSchema,
    payload: z.record(z.string(), z.json()),
  }),
  z.object({
    type: z.literal("mesh_offer"),
    from_peer_id: peerIdSchema,
    link_id: linkIdSchema,
    offer: offerSchema,
  }),
  z.object({
    type: z.literal("mesh_answer"),
    from_peer_id: peerIdSchema,
    link_id: linkIdSchema,
    answer: answerSchema,
  }),
  z.object({
    type: z.literal("ice_candidate"),
    from_peer_id: peerIdSchema,
    link_id: linkIdSchema,
    candidate: candidateSchema,
  }),
  /** To the admin, on its way from a client. */
  z.object({
    type: z.literal("query_workers"),
    from_peer_id: peerIdSchema,
    request_id: requestIdSchema,
    filters: filtersSchema,
  }),
  /** To the client, on its way from the admin. */
  z.object({
    type: z.literal("worker_list"),
    from_peer_id: peerIdSchema,
    request_id: requestIdSchema,
    list: workerListSchema,
  }),
  z.object({ type: z.literal("ping") }),
  z.object({ type: z.literal("pong") }),
  z.object({ type: z.literal("room_expiring"), expires_at: z.int() }),
  z.object({ type: z.literal("room_closed"), reason }),
  /** The server is about to stop; come back after the delay. */
  z.object({ type: z.literal("server_draining"), retry_after_ms: z.int().min(0) }),
  z.object({
    type: z.literal("error"),
    code: refusalCodeSchema,
    message: reason,
    request_id: requestIdSchema.optional(),
    /** The peer that was meant, where one was. */
    target_peer_id: peerIdSchema.optional(),
    link_id: linkIdSchema.optional(),
    admin_peer_id: peerIdSchema.nullable().optional(),
    epoch: z.int().min(0).optional(),
  }),
]);
/** From the server to a peer. */
export type FromServer = z.infer<typeof fromServerSchema>;

/** What a registration signs: the server's nonce, and everything that it claims to be. */
export function registrationBytes(
  claim: { nonce: string; room_id: string; peer_id: string; role: Role; incarnation: number },
): Uint8Array {
  return new TextEncoder().encode(
    [
      "sleap-rtc/register/1",
      claim.nonce,
      claim.room_id,
      claim.peer_id,
      claim.role,
      claim.incarnation,
    ]
      .join("\n"),
  );
}
