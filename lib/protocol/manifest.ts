/** What a transfer carries: files by name, size and digest, cut into blocks. */

import { z } from "zod";
import { nameFault, nameKey } from "./file_name.ts";
import { sha256Schema } from "./name.ts";

/** Files in one transfer. */
export const FILES_MAX = 10_000;

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

/** One file of a transfer. */
export const fileEntrySchema = z.object({
  path: relativePathSchema,
  /** Size in bytes. */
  bytes: z.int().min(0),
  /** Digest of the whole file. */
  sha256: sha256Schema,
});
/** One file of a transfer. */
export type FileEntry = z.infer<typeof fileEntrySchema>;

/** The files of one transfer. */
export const manifestSchema = z.object({
  files: z.array(fileEntrySchema).max(FILES_MAX).refine(
    (files) => new Set(files.map(({ path }) => nameKey(path))).size === files.length,
    "Expected each path once, however its letters are written",
  ),
});
/** The files of one transfer. */
export type Manifest = z.infer<typeof manifestSchema>;
