/**
 * What a job is to do, as a client writes it: typed, closed and free of paths on anybody's machine.
 * Knows no runner's arguments; those are made from it in `lib/job/runner.ts`.
 */

import { z } from "zod";
import { relativePathSchema } from "./manifest.ts";
import { foreignPathSchema, pathMapSchema } from "./mount.ts";

/** Bytes of an inline configuration. Higher: reservations grow; lower: long augmentations fail. */
export const CONFIG_BYTES_MAX = 256 * 1024;

/** A name for people and folders. */
export const runNameSchema = z.string().regex(
  /^[A-Za-z0-9_][A-Za-z0-9._-]{0,63}$/,
  "Expected a run name of 1 to 64 of A-Z a-z 0-9 . _ - that does not start with `-` or `.`",
);

const CONFIG_WANTED = "Expected config_content, the YAML of a sleap-nn configuration of at most " +
  `${CONFIG_BYTES_MAX / 1024} KiB; export one in SLEAP: Predict → Run Training, and pass its file`;

const configSchema = z.string({ error: CONFIG_WANTED }).refine(
  (text) =>
    text.trim() !== "" && !text.includes("\0") &&
    new TextEncoder().encode(text).length <= CONFIG_BYTES_MAX,
  CONFIG_WANTED,
);

/** Videos that one job's labels may name. Higher: reservations grow; lower: large projects fail. */
export const VIDEOS_MAX = 1_000;

/** What every job says of the labels that it works on. */
const labels = {
  /** The labels, by their path in the manifest of the job's inputs. */
  package: relativePathSchema,
  /**
   * Videos that the labels name and do not hold, so that a worker can refuse before anything is
   * sent. The labels themselves decide: a worker looks into them again.
   */
  videos: z.array(foreignPathSchema).max(VIDEOS_MAX).optional(),
  /** Prefixes of those paths, and what stands there on the worker. */
  maps: z.array(pathMapSchema).max(32).optional(),
};

/** What every training says. The limits are the original's (UPSTREAM 3.2). */
const training = {
  kind: z.literal("train"),
  ...labels,
  run_name: runNameSchema,
  max_epochs: z.int().min(1).max(10_000).optional(),
  batch_size: z.int().min(1).max(256).optional(),
  learning_rate: z.number().min(1e-10).max(1).optional(),
};

/**
 * A training. For `sleap-nn`, what is left out stays as its configuration says; for `demo`, it is
 * as in `DEMO_DEFAULTS` of `lib/job/runner.ts`. Unknown fields are refused: a misspelt limit must
 * not run for a week.
 */
export const trainJobSpecSchema = z.discriminatedUnion("runner", [
  z.strictObject({
    ...training,
    runner: z.literal("sleap-nn"),
    config_content: configSchema,
    /** What the configuration trains, for people to read; the configuration decides. */
    model_types: z.array(runNameSchema).min(1).max(8).optional(),
    /** A checkpoint to go on from, by its path in the manifest of the job's inputs. */
    resume_ckpt: relativePathSchema.optional(),
  }),
  z.strictObject({
    ...training,
    runner: z.literal("demo"),
    /** What the shuffles start from. The same seed learns the same model. */
    seed: z.int().min(0).max(2 ** 31 - 1).optional(),
  }),
]);
/** A training. */
export type TrainJobSpec = z.infer<typeof trainJobSpecSchema>;

/** A job. */
export const jobSpecSchema = trainJobSpecSchema;
/** A job. */
export type JobSpec = z.infer<typeof jobSpecSchema>;
