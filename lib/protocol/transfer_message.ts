/**
 * How files go from one peer to another. The same words both ways: a client sends inputs with them and
 * a worker results. The bytes travel as data frames whose stream number is the file's index.
 */

import { z } from "zod";
import { manifestSchema } from "./manifest.ts";
import { jobIdSchema } from "./name.ts";

/** Which files of a job a transfer carries. */
export const transferPurposeSchema = z.enum(["inputs", "results"]);
/** Which files of a job a transfer carries. */
export type TransferPurpose = z.infer<typeof transferPurposeSchema>;

const transfer = { job_id: jobIdSchema, purpose: transferPurposeSchema };

/** Between the two ends of a transfer. */
export const transferMessageSchema = z.discriminatedUnion("type", [
  /** Sender: these files can be had. */
  z.object({ type: z.literal("transfer_offer"), ...transfer, manifest: manifestSchema }),
  /** Receiver: of these files I want the bytes from `offset` on. Empty where it has them all. */
  z.object({
    type: z.literal("transfer_want"),
    ...transfer,
    files: z.array(z.object({
      /** Index in the manifest, and number of the stream. */
      index: z.int().min(0),
      offset: z.int().min(0),
    })),
  }),
  /** Receiver: so many bytes of data have been written. Opens the sender's window. */
  z.object({ type: z.literal("transfer_credit"), ...transfer, received_bytes: z.int().min(0) }),
  /** Receiver: every file is there, and its digest is right. */
  z.object({ type: z.literal("transfer_done"), ...transfer }),
  /** Either: it can't go on. */
  z.object({ type: z.literal("transfer_failed"), ...transfer, reason: z.string().max(1_000) }),
]);
/** Between the two ends of a transfer. */
export type TransferMessage = z.infer<typeof transferMessageSchema>;
