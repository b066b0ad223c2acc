/**
 * How files go from one peer to another. The same words both ways: a client sends inputs with them and
 * a worker results. The bytes travel as data frames whose stream number is the file's index.
 */

import { z } from "zod";
import { FILES_MAX, manifestSchema } from "./manifest.ts";
import { jobIdSchema, sha256Schema } from "./name.ts";

/** Runs of blocks in one `transfer_want`, so that it fits into a message. */
export const WANTED_RUNS_MAX = FILES_MAX;

/** Which files of a job a transfer carries. */
export const transferPurposeSchema = z.enum(["inputs", "results"]);
/** Which files of a job a transfer carries. */
export type TransferPurpose = z.infer<typeof transferPurposeSchema>;

const transfer = { job_id: jobIdSchema, purpose: transferPurposeSchema };

/** Blocks of one file that follow each other. */
export const blockRunSchema = z.object({
  /** Index in the manifest, and number of the stream. */
  index: z.int().min(0),
  /** The first block; blocks are counted from 0. */
  first: z.int().min(0),
  count: z.int().min(1),
});
/** Blocks of one file that follow each other. */
export type BlockRun = z.infer<typeof blockRunSchema>;

/** Between the two ends of a transfer. */
export const transferMessageSchema = z.discriminatedUnion("type", [
  /** Sender: these files can be had. */
  z.object({
    type: z.literal("transfer_offer"),
    ...transfer,
    manifest: manifestSchema,
    /** Whether the receiver is to take nothing from its cache. */
    is_fresh: z.boolean().optional(),
  }),
  /**
   * Receiver: I want these blocks, in this order, after those that I wanted before. Empty where it
   * has all. Said again for blocks that arrived with other bytes than the sender read.
   */
  z.object({
    type: z.literal("transfer_want"),
    ...transfer,
    runs: z.array(blockRunSchema).max(WANTED_RUNS_MAX),
  }),
  /**
   * Sender: the last bytes of that block have been sent, and this is its digest. Left out for a
   * file of one block, whose digest is the file's.
   */
  z.object({
    type: z.literal("transfer_block"),
    ...transfer,
    index: z.int().min(0),
    block: z.int().min(0),
    sha256: sha256Schema,
  }),
  /** Receiver: so many bytes of data have been taken. Opens the sender's window, and says "I live". */
  z.object({ type: z.literal("transfer_credit"), ...transfer, received_bytes: z.int().min(0) }),
  /** Receiver: every file is there, and its digest is right. */
  z.object({ type: z.literal("transfer_done"), ...transfer }),
  /** Either: it can't go on. */
  z.object({ type: z.literal("transfer_failed"), ...transfer, reason: z.string().max(1_000) }),
]);
/** Between the two ends of a transfer. */
export type TransferMessage = z.infer<typeof transferMessageSchema>;
