/**
 * Requests that wait for a worker: how a client asks to wait, and how a request stands in the room
 * state. Knows the words and their limits, not whose turn it is.
 */

import { z } from "zod";
import { jobIdSchema, peerIdSchema } from "./name.ts";

/** Requests that an answer lists. Higher: longer answers; lower: a busy lab does not see its own. */
export const WAITING_LISTED_MAX = 64;
/** The last ticket there is. Whoever draws beyond it gets this one too; then job ids decide. */
export const TICKET_MAX = 2 ** 40;

/** Workers that a request names, where not every one of the room would run it. */
export const NAMED_WORKERS_MAX = 8;

/** What a job wants of its worker. */
export const needsSchema = z.object({
  runner: z.string().min(1).max(32),
  /** GPU memory in MB that the worker must have at least. */
  min_gpu_memory_mb: z.int().min(0).max(2 ** 31 - 1),
  /** The one worker that may run it; null where any may. */
  worker: peerIdSchema.nullable(),
  /** Those that may run it, where others have refused it: they do not find its videos. */
  workers: z.array(peerIdSchema).min(1).max(NAMED_WORKERS_MAX).optional(),
});
/** What a job wants of its worker. */
export type Needs = z.infer<typeof needsSchema>;

/** A request as one worker has written it down: under its own name, and once for each job. */
export const queueRowSchema = z.object({
  client_id: peerIdSchema,
  needs: needsSchema,
  /** Its place: lower is earlier, and equal ones go by job id. */
  ticket: z.int().min(1).max(TICKET_MAX),
  /** When it began to wait, by the clock of the worker that wrote it first; for people to read. */
  queued_at_ms: z.int().min(0),
  /**
   * `waits`: its client watches the room through the author; `away`: it did; `over`: it waits no more,
   * which others that have a row of it must hear.
   */
  standing: z.enum(["waits", "away", "over"]),
});
/** A request as one worker has written it down. */
export type QueueRow = z.infer<typeof queueRowSchema>;

/** A request as a query shows it, in the order of the queue. */
export const waitingSchema = queueRowSchema.omit({ standing: true }).extend({
  job_id: jobIdSchema,
  /** Whether its client is there; else it keeps its place and is passed over. */
  is_present: z.boolean(),
});
/** A request that waits. */
export type Waiting = z.infer<typeof waitingSchema>;

/** What a client asks to wait for. */
export const queueJoinSchema = z.object({
  type: z.literal("queue_join"),
  job_id: jobIdSchema,
  needs: needsSchema,
});

/** Between a client that watches and the worker it watches, about a request that waits. */
export const queueMessageSchema = z.discriminatedUnion("type", [
  /** Client: let this wait. Said again with each `watch`; more than once changes nothing. */
  queueJoinSchema,
  /** Client: it need not wait any more. */
  z.object({ type: z.literal("queue_leave"), job_id: jobIdSchema }),
  /** Worker: it cannot wait here, or waits no more. */
  z.object({
    type: z.literal("queue_refused"),
    job_id: jobIdSchema,
    reason: z.string().max(512),
    /** Whether it waited, and another process of the client's key has withdrawn it. */
    is_withdrawn: z.boolean().optional(),
  }),
]);
/** Between a client that watches and the worker it watches, about a request that waits. */
export type QueueMessage = z.infer<typeof queueMessageSchema>;
