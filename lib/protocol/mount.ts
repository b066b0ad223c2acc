/**
 * How files that a worker can see for itself are named: mounts by label, and prefixes of paths that
 * stand for others. Knows no file system.
 */

import { z } from "zod";

/** Characters of a path as somebody's machine wrote it. */
export const FOREIGN_PATH_LENGTH_MAX = 4_096;

/** The name of a folder that a worker lets jobs read from. Two characters, so that it is no drive. */
export const mountLabelSchema = z.string().regex(
  /^[A-Za-z0-9][A-Za-z0-9_-]{1,31}$/,
  "Expected a mount's label of 2 to 32 of A-Z a-z 0-9 _ -",
);

/** A path on some machine. It is a label until a worker has resolved and checked it. */
export const foreignPathSchema = z.string().min(1).max(FOREIGN_PATH_LENGTH_MAX).refine(
  (path) => !path.includes("\0"),
  "Expected a path without NUL",
);

/** A prefix of paths in labels, and what stands there on the worker: a path, or `LABEL:folder`. */
export const pathMapSchema = z.strictObject({ from: foreignPathSchema, to: foreignPathSchema });
/** A prefix of paths in labels, and what stands there on the worker. */
export type PathMap = z.infer<typeof pathMapSchema>;

/** A file that labels name and a worker does not find, and what comes nearest, best first. */
export const missingFileSchema = z.object({
  path: z.string().max(FOREIGN_PATH_LENGTH_MAX),
  candidates: z.array(z.string().max(FOREIGN_PATH_LENGTH_MAX)).max(5),
});
/** A file that labels name and a worker does not find, and what comes nearest, best first. */
export type MissingFile = z.infer<typeof missingFileSchema>;
