/**
 * What workers say to each other on their links, one JSON object a message. The sender is the link's
 * peer; a name inside a message says whom it is about, never who speaks.
 */

import { z } from "zod";
import { WORKERS_MAX } from "../base/limits.ts";
import { answerSchema, candidateSchema, offerSchema } from "./link_signal.ts";
import { linkIdSchema, peerIdSchema, requestIdSchema } from "./name.ts";
import { filtersSchema, workerListSchema } from "./query.ts";
import { metadataSchema } from "./worker.ts";

/**
 * Versions that a message names. A room has one or a few for each worker that writes at the same time;
 * of more, which only a liar makes, the first are told. Higher: longer heartbeats.
 */
export const HEADS_TOLD_MAX = 64;
/** Names of room-state versions (Automerge heads): 64 hexadecimal digits each. */
export const headsSchema = z.array(z.string().regex(/^[0-9a-f]{64}$/)).max(HEADS_TOLD_MAX);

/** Lives whose changes a request counts. Higher: longer requests; lower: old rooms sync in more steps. */
export const HELD_ACTORS_MAX = 4_096;
/** How many changes of each Automerge actor are held: they are numbered from 1, without gaps. */
export const heldSchema: z.ZodType<Record<string, number>, Record<string, number>> = z.record(
  z.string().regex(/^[0-9a-f]{2,64}$/),
  z.int().min(1),
).refine(
  (held) => Object.keys(held).length <= HELD_ACTORS_MAX,
  `Expected at most ${HELD_ACTORS_MAX} actors`,
);

/** One change to the room state, signed by the worker that made it (ARCHITECTURE decision 6). */
export const signedChangeSchema = z.object({
  author: peerIdSchema,
  incarnation: z.int().min(0),
  /** The author's Ed25519 public key, to which its peer id is bound. */
  public_key: z.string().max(64),
  /** An uncompressed Automerge change chunk, base64. */
  change: z.base64().max(48 * 1024),
  /** Ed25519 over `sleap-rtc/change/1`, the room id and the chunk; base64url. */
  signature: z.string().max(128),
});
/** One change to the room state, signed by the worker that made it. */
export type SignedChange = z.infer<typeof signedChangeSchema>;

/** A worker as another worker knows it. */
export const acquaintanceSchema = z.object({
  peer_id: peerIdSchema,
  incarnation: z.int().min(0),
  metadata: metadataSchema,
});
/** A worker as another worker knows it. */
export type Acquaintance = z.infer<typeof acquaintanceSchema>;

/** When a worker was last heard of. */
export const signOfLifeSchema = z.object({
  peer_id: peerIdSchema,
  incarnation: z.int().min(0),
  /** Milliseconds since, on the clock of the one who says so. */
  age_ms: z.int().min(0),
  /** Whether it was heard on a link of the sender's own. */
  direct: z.boolean(),
});
/** When a worker was last heard of. */
export type SignOfLife = z.infer<typeof signOfLifeSchema>;

const route = { from_peer_id: peerIdSchema, to_peer_id: peerIdSchema, link_id: linkIdSchema };
const acquaintances = z.array(acquaintanceSchema).max(4 * WORKERS_MAX);

/** From one worker to another. */
export const meshMessageSchema = z.discriminatedUnion("type", [
  /** Admin to a newcomer: who else there is, so that it can dial them. */
  z.object({
    type: z.literal("mesh_peer_list"),
    peer_ids: z.array(peerIdSchema).max(4 * WORKERS_MAX),
    peer_metadata: z.record(z.string(), metadataSchema),
    peers: acquaintances,
  }),
  /** Admin to the others: a newcomer. */
  z.object({ type: z.literal("mesh_peer_joined"), peer: acquaintanceSchema }),
  /** A description or candidate on its way; the admin passes it to `to_peer_id`. */
  z.object({ type: z.literal("mesh_offer"), ...route, offer: offerSchema }),
  z.object({ type: z.literal("mesh_answer"), ...route, answer: answerSchema }),
  z.object({ type: z.literal("mesh_ice_candidate"), ...route, candidate: candidateSchema }),
  /** The admin has no link to the peer that was meant. */
  z.object({
    type: z.literal("mesh_undeliverable"),
    to_peer_id: peerIdSchema,
    link_id: linkIdSchema,
  }),
  /** I live, this is what I know, and these I hear. */
  z.object({
    type: z.literal("heartbeat"),
    sequence: z.int().min(0),
    heads: headsSchema,
    /** Signs of life of other workers, the sender's own and those it was told of. */
    heard: z.array(signOfLifeSchema).max(4 * WORKERS_MAX),
    /** Workers that the sender suspects, so that they can speak up. */
    suspects: z.array(peerIdSchema).max(4 * WORKERS_MAX),
    /** Whom the sender follows. */
    admin_peer_id: peerIdSchema.nullable(),
    epoch: z.int().min(0),
    /** The epoch in which the sender last saw a majority of the room. */
    agreed_epoch: z.int().min(0).default(0),
    /** Whether the sender is cut off from the majority. */
    partitioned: z.boolean(),
    /** Workers of which the sender knows that they believe themselves cut off. */
    cut_off: z.array(peerIdSchema).max(4 * WORKERS_MAX).default([]),
    /** The members that make majorities, as the sender counts: for those who are cut off or new. */
    agreed: z.array(peerIdSchema).max(4 * WORKERS_MAX).default([]),
    /** Members that the sender knows and that make no majority yet. */
    joining: z.array(peerIdSchema).max(4 * WORKERS_MAX).default([]),
  }),
  /** Are you there? */
  z.object({ type: z.literal("probe"), request_id: requestIdSchema }),
  z.object({ type: z.literal("probe_ack"), request_id: requestIdSchema }),
  /** Is that one there? I can't hear it. */
  z.object({
    type: z.literal("probe_request"),
    request_id: requestIdSchema,
    target_peer_id: peerIdSchema,
  }),
  z.object({
    type: z.literal("probe_result"),
    request_id: requestIdSchema,
    target_peer_id: peerIdSchema,
    incarnation: z.int().min(0),
  }),
  /** Will you be the admin? Asked of the winner of an election before it is followed. */
  z.object({ type: z.literal("admin_verify"), request_id: requestIdSchema }),
  z.object({
    type: z.literal("admin_verify_ack"),
    request_id: requestIdSchema,
    epoch: z.int().min(0),
  }),
  /** Changes to the room state; a late joiner gets those that it lacks. */
  z.object({
    type: z.literal("state_broadcast"),
    changes: z.array(signedChangeSchema).max(64),
    /** Whether the sender has more that was asked for: one message holds only so many bytes. */
    more: z.boolean().optional(),
  }),
  /**
   * Send me what I lack. By heads alone, one that has not got them could not tell, and would send the
   * oldest changes for ever: so the request also says how many changes of each actor are there.
   */
  z.object({
    type: z.literal("state_request"),
    heads: headsSchema,
    held: heldSchema.default({}),
  }),
  /** I go. Said aloud, so that nobody has to find out. */
  z.object({ type: z.literal("leave"), incarnation: z.int().min(0) }),
]);
/** From one worker to another. */
export type MeshMessage = z.infer<typeof meshMessageSchema>;

/** Between a client and the worker it asks, on their link. */
export const directoryMessageSchema = z.discriminatedUnion("type", [
  z.object({
    type: z.literal("query_workers"),
    request_id: requestIdSchema,
    filters: filtersSchema.default({}),
  }),
  z.object({
    type: z.literal("worker_list"),
    request_id: requestIdSchema,
    list: workerListSchema,
  }),
]);
/** Between a client and the worker it asks. */
export type DirectoryMessage = z.infer<typeof directoryMessageSchema>;
