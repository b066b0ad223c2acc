/** What a transfer carries: files by name, size and digest. Knows nothing of how they travel. */

import { z } from "zod";
import { nameFault, nameKey } from "./file_name.ts";
import { mountLabelSchema } from "./mount.ts";
import { sha256Schema } from "./name.ts";

/** Files in one transfer. */
export const FILES_MAX = 10_000;
/** Bytes in one transfer. Higher: a stranger's manifest makes us keep longer lists of blocks. */
export const TRANSFER_BYTES_MAX = 4 * 1024 ** 4;

/**
 * A file's path inside a transfer: forward slashes, relative, and no part that could lead elsewhere.
 * It is a label until the receiver has resolved and checked it.
 */
export const relativePathSchema = z.string().min(1).max(512).refine(
  (path) => nameFault(path) === undefined,
  {
    error: ({ input }) =>
      "Expected a relative path with forward slashes that can be a file anywhere, got one that " +
      `cannot: ${typeof input === "string" ? nameFault(input) : "it is no text"}`,
  },
);

/** Where a file can also be seen by machines that have the same folder mounted. */
export const sharedPlaceSchema = z.object({
  /** What the folder is called: a label that each machine maps to a folder of its own, or to none. */
  mount: mountLabelSchema,
  /** The file within that folder. */
  path: relativePathSchema,
});
/** Where a file can also be seen by machines that have the same folder mounted. */
export type SharedPlace = z.infer<typeof sharedPlaceSchema>;

/** One file of a transfer. */
export const fileEntrySchema = z.object({
  path: relativePathSchema,
  /** Size in bytes. */
  bytes: z.int().min(0).max(TRANSFER_BYTES_MAX),
  /** Digest of the whole file. */
  sha256: sha256Schema,
  /** Where it can be had without sending it. A hint: the receiver checks size and digest. */
  shared: sharedPlaceSchema.optional(),
});
/** One file of a transfer. */
export type FileEntry = z.infer<typeof fileEntrySchema>;

/** The files of one transfer. */
export const manifestSchema = z.object({
  files: z.array(fileEntrySchema).max(FILES_MAX).refine(
    (files) => files.reduce((sum, { bytes }) => sum + bytes, 0) <= TRANSFER_BYTES_MAX,
    `Expected files of at most ${TRANSFER_BYTES_MAX} bytes in all`,
  ).refine(
    (files) => new Set(files.map(({ path }) => nameKey(path))).size === files.length,
    "Expected each path once, however its letters are written",
  ),
});
/** The files of one transfer. */
export type Manifest = z.infer<typeof manifestSchema>;
