/** What a query asks, and what answers it (seeds 002 and 004). Matching is `lib/mesh/directory.ts`. */

import { z } from "zod";
import { WORKERS_MAX } from "../base/limits.ts";
import { peerIdSchema } from "./name.ts";
import { WAITING_LISTED_MAX, waitingSchema } from "./queue_message.ts";
import { propertySchema, workerStatusSchema, workerViewSchema } from "./worker.ts";

const comparableSchema = z.union([z.number(), z.string().max(512)]);

/** Conditions on one property. All of them must hold. */
export const conditionSchema = z.strictObject({
  $eq: propertySchema.optional(),
  $ne: propertySchema.optional(),
  $gte: comparableSchema.optional(),
  $lte: comparableSchema.optional(),
  $gt: comparableSchema.optional(),
  $lt: comparableSchema.optional(),
  $in: z.array(propertySchema).max(64).optional(),
});
/** Conditions on one property. */
export type Condition = z.infer<typeof conditionSchema>;

/** What a worker must be like to be listed. Empty lists every worker that has not left. */
export const filtersSchema = z.object({
  role: z.enum(["worker", "client", "peer"]).optional(),
  status: workerStatusSchema.optional(),
  /** GPU memory in MB that it must have at least. */
  min_gpu_memory_mb: z.number().min(0).optional(),
  /** All of them must be there. */
  tags: z.array(z.string().min(1).max(64)).max(32).optional(),
  /** A bare value means `$eq`. */
  properties: z.record(z.string().min(1).max(64), z.union([conditionSchema, propertySchema]))
    .optional(),
});
/** What a worker must be like to be listed. */
export type Filters = z.infer<typeof filtersSchema>;

/** Workers in an answer: those who left a while ago, too. */
export const WORKERS_LISTED_MAX = 4 * WORKERS_MAX;

/** The answer to a query, whoever gives it. */
export const workerListSchema = z.object({
  /** Best first: GPU memory descending, then peer id. */
  workers: z.array(workerViewSchema).max(WORKERS_LISTED_MAX),
  /** Workers that fit the filters and for which the answer had no room; left out where there are none. */
  left_out: z.int().min(1).optional(),
  /** Workers that have not left, before the filters. */
  total_count: z.int().min(0),
  admin_peer_id: peerIdSchema.nullable(),
  epoch: z.int().min(0),
  /** Whether the answering peer is cut off from the majority, so that others may know better. */
  stale: z.boolean(),
  /** Milliseconds for which it has been cut off; 0 where it is not. */
  stale_ms: z.number().min(0),
  /** Requests that wait for a worker, in order. Left out where none does, or the server answers itself. */
  waiting: z.array(waitingSchema).max(WAITING_LISTED_MAX).optional(),
});
/** The answer to a query, whoever gives it. */
export type WorkerList = z.infer<typeof workerListSchema>;
