/** What a worker says of itself. Knows the words and their limits, not who believes them. */

import { z } from "zod";
import { METADATA_BYTES_MAX } from "../base/limits.ts";
import { utf8Length } from "../base/utf8.ts";
import { jobIdSchema, peerIdSchema } from "./name.ts";

/** What a worker is doing (seed 002, and `left` for one that said goodbye). */
export const workerStatusSchema = z.enum([
  "available",
  "reserved",
  "busy",
  "draining",
  "maintenance",
  "left",
]);
/** What a worker is doing. */
export type WorkerStatus = z.infer<typeof workerStatusSchema>;

/** One fact about a peer. */
export const propertySchema = z.union([
  z.string().max(512),
  z.number(),
  z.boolean(),
  z.null(),
  z.array(z.string().max(512)).max(64),
]);
/** One fact about a peer. */
export type Property = z.infer<typeof propertySchema>;

/** Tags and properties: what a peer can be found by. */
export const metadataSchema = z.object({
  tags: z.array(z.string().min(1).max(64)).max(32).default([]),
  properties: z.record(z.string().min(1).max(64), propertySchema).default({}),
}).refine(
  (metadata) => utf8Length(JSON.stringify(metadata)) <= METADATA_BYTES_MAX,
  `Expected at most ${METADATA_BYTES_MAX} bytes of metadata`,
);
/** Tags and properties: what a peer can be found by. */
export type Metadata = z.infer<typeof metadataSchema>;

/** The job that a worker is held by. */
export const currentJobSchema = z.object({ job_id: jobIdSchema, client_id: peerIdSchema });
/** The job that a worker is held by. */
export type CurrentJob = z.infer<typeof currentJobSchema>;

/** A worker's row in the room state. */
export const workerEntrySchema = z.object({
  peer_id: peerIdSchema,
  incarnation: z.int().min(0),
  status: workerStatusSchema,
  current_job: currentJobSchema.nullable(),
  metadata: metadataSchema,
});
/** A worker's row in the room state. */
export type WorkerEntry = z.infer<typeof workerEntrySchema>;

/** A worker as a query shows it: its entry, and what the answering peer knows of its life. */
export const workerViewSchema = workerEntrySchema.extend({
  is_admin: z.boolean(),
  /** Whether the answering peer holds it for living. */
  alive: z.boolean(),
  /** Milliseconds since the answering peer heard of it; null where it never did. */
  last_heard_ms: z.number().min(0).nullable(),
});
/** A worker as a query shows it. */
export type WorkerView = z.infer<typeof workerViewSchema>;

/**
 * The GPU memory that a worker states, in MB; 0 where it states none. Elections and filters read it here.
 */
export function gpuMemoryMb(metadata: Metadata): number {
  const stated = metadata.properties["gpu_memory_mb"];
  return typeof stated === "number" && Number.isFinite(stated) ? stated : 0;
}
