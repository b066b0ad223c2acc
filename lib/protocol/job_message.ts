/**
 * What a client and a worker say to each other about a job. The worker decides and writes; what it
 * says of a running job is numbered, so that a client that comes back knows what it has missed.
 */

import { z } from "zod";
import { jobSpecSchema } from "./job_spec.ts";
import { manifestSchema } from "./manifest.ts";
import { missingFileSchema } from "./mount.ts";
import { jobIdSchema, requestIdSchema } from "./name.ts";

/** Missing files that one refusal lists. */
export const MISSING_MAX = 50;

/** Why a worker does not take a job. */
export const jobRefusalSchema = z.enum([
  /** Another job holds the slot. */
  "busy",
  /** The worker takes no jobs now: it drains, or is in maintenance. */
  "closed",
  /** This worker has no runner for the job. */
  "no_runner",
  /** The specification or the files cannot be run here. */
  "unsuitable",
  /** More bytes than the worker takes. */
  "too_large",
  /** The worker knows no such job or lease of this client. */
  "unknown_job",
  /** The job has ended; following it says how. */
  "over",
]);
/** Why a worker does not take a job. */
export type JobRefusal = z.infer<typeof jobRefusalSchema>;

/**
 * One row of the trainer's log: an epoch and its losses. Null where the trainer wrote none, or, in one
 * that is diverged, none that is a number.
 */
export const epochSchema = z.object({
  epoch: z.int().min(0),
  train_loss: z.number().nullable(),
  val_loss: z.number().nullable(),
  /** Whether a loss is no number any more: the training has gone astray. */
  is_diverged: z.literal(true).exactOptional(),
  /** Whether an epoch is over although the trainer wrote no training loss yet. */
  is_over: z.literal(true).exactOptional(),
});
/** One row of the trainer's log. */
export type Epoch = z.infer<typeof epochSchema>;

/** Whether an epoch is over with this row: else it is a validation before anything was learnt. */
export function isOver({ train_loss, is_diverged, is_over }: Epoch): boolean {
  return train_loss !== null || is_diverged === true || is_over === true;
}

const job = { job_id: jobIdSchema };
/** What every word about a running job carries. */
const stamp = {
  ...job,
  /** Which run of the job, from 1. */
  attempt: z.int().min(1),
  /** Number of this word within the attempt, from 1, without gaps. */
  sequence: z.int().min(1),
};

/** What a worker says of a running job: numbered, and kept for those who come back. */
export const jobEventSchema = z.discriminatedUnion("type", [
  /** Worker: it runs. */
  z.object({ type: z.literal("job_accepted"), ...stamp, epochs_max: z.int().min(1).nullable() }),
  /** Worker: an epoch ended. */
  z.object({ type: z.literal("job_metric"), ...stamp, epoch: epochSchema }),
  /** Worker: a line of the trainer's output. */
  z.object({
    type: z.literal("job_log"),
    ...stamp,
    stream: z.enum(["stdout", "stderr"]),
    text: z.string().max(8_192),
    /** Whether it is the worker's own: whoever follows is to see it, however little he wants to read. */
    by_worker: z.literal(true).optional(),
  }),
  /** Worker: it ended well, and these are the results. */
  z.object({
    type: z.literal("job_done"),
    ...stamp,
    duration_ms: z.number().min(0),
    results: manifestSchema,
    /** Whether somebody asked it to stop; then the results are those so far. */
    stopped_early: z.boolean(),
  }),
  /** Worker: it ended badly. */
  z.object({
    type: z.literal("job_failed"),
    ...stamp,
    duration_ms: z.number().min(0),
    exit_code: z.int().nullable(),
    reason: z.string().max(1_000),
  }),
  /** Worker: it was ended because its owner asked for that. */
  z.object({
    type: z.literal("job_cancelled"),
    ...stamp,
    duration_ms: z.number().min(0),
    /** What is not as it should be after the end, such as a process that still holds the GPU. */
    reason: z.string().max(1_000).optional(),
  }),
  /** Worker: it ended while nobody could see how, as when the machine was restarted. */
  z.object({
    type: z.literal("job_lost"),
    ...stamp,
    duration_ms: z.number().min(0),
    reason: z.string().max(1_000),
  }),
]);
/** What a worker says of a running job: numbered, and kept for those who come back. */
export type JobEvent = z.infer<typeof jobEventSchema>;

/** Between a client and a worker, about a job. */
export const jobMessageSchema = z.discriminatedUnion("type", [
  /** Client: will you run this? */
  z.object({
    type: z.literal("job_reserve"),
    request_id: requestIdSchema,
    ...job,
    spec: jobSpecSchema,
    inputs: manifestSchema,
  }),
  /** Worker: yes, the slot is yours until the lease ends. */
  z.object({
    type: z.literal("job_lease"),
    request_id: requestIdSchema,
    ...job,
    /** Milliseconds without a sign of life from the client after which the lease ends. */
    lease_ms: z.int().min(1),
  }),
  /** Worker: no. */
  z.object({
    type: z.literal("job_refused"),
    request_id: requestIdSchema,
    ...job,
    code: jobRefusalSchema,
    reason: z.string().max(1_000),
    /** Milliseconds after which it is worth asking again, where the worker can tell. */
    retry_after_ms: z.number().min(0).optional(),
    /** Videos that the worker does not find. */
    missing: z.array(missingFileSchema).max(MISSING_MAX).exactOptional(),
  }),
  /** Client: would you run this? Nothing is promised by the answer. */
  z.object({
    type: z.literal("job_inquire"),
    request_id: requestIdSchema,
    ...job,
    spec: jobSpecSchema,
    inputs: manifestSchema,
  }),
  /** Worker: I would. `job_refused` is the other answer. */
  z.object({ type: z.literal("job_suitable"), request_id: requestIdSchema, ...job }),
  /** Client: I don't need the lease any more. */
  z.object({ type: z.literal("job_release"), ...job }),
  /** Client: the files are there, run it. */
  z.object({ type: z.literal("job_start"), request_id: requestIdSchema, ...job }),
  /**
   * Client: tell me what was said of the job after that number (0: everything), and go on. Only for
   * clients of the key that the job was reserved with.
   */
  z.object({
    type: z.literal("job_follow"),
    request_id: requestIdSchema,
    ...job,
    after_sequence: z.int().min(0),
  }),
  /** Client: end it, and keep nothing. Who asks follows it from then on. */
  z.object({ type: z.literal("job_cancel"), request_id: requestIdSchema, ...job }),
  /** Client: end it soon, and keep what it has learnt. Who asks follows it from then on. */
  z.object({ type: z.literal("job_stop"), request_id: requestIdSchema, ...job }),
  /** Worker: yes. What is said next is numbered from the one after `after_sequence`. */
  z.object({
    type: z.literal("job_following"),
    request_id: requestIdSchema,
    ...job,
    after_sequence: z.int().min(0),
  }),
  ...jobEventSchema.options,
  /** Client: send me the results. */
  z.object({ type: z.literal("job_fetch"), ...job }),
  /** Either, every so often: I am still here. */
  z.object({ type: z.literal("job_alive") }),
]);
/** Between a client and a worker, about a job. */
export type JobMessage = z.infer<typeof jobMessageSchema>;
