/**
 * What a job is to do, as a client writes it: typed, closed and free of paths on anybody's machine.
 * Knows no runner's arguments; those are made from it in `lib/job/runner.ts`.
 */

import { z } from "zod";
import { utf8Length } from "../base/utf8.ts";
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
    utf8Length(text) <= CONFIG_BYTES_MAX,
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

/** What every job says. The limits are the original's (UPSTREAM 3.2). */
const job = {
  ...labels,
  run_name: runNameSchema,
  batch_size: z.int().min(1).max(256).optional(),
};

/** What every training says. */
const training = {
  kind: z.literal("train"),
  ...job,
  max_epochs: z.int().min(1).max(10_000).optional(),
  learning_rate: z.number().min(1e-10).max(1).optional(),
  /** Whether the model is to predict on its own labels when it is trained. */
  predict: z.boolean().optional(),
};

/** Models that one job trains or tracks with. */
const MODELS_MAX = 8;
/** Bytes of all configurations but the first. */
const NEXT_CONFIGS_BYTES_MAX = CONFIG_BYTES_MAX / 2;

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
    /** Configurations of the models that are trained after the first, in their order. */
    next_config_contents: z.array(configSchema).max(MODELS_MAX - 1).refine(
      (texts) => utf8Length(texts.join("")) <= NEXT_CONFIGS_BYTES_MAX,
      `Expected at most ${NEXT_CONFIGS_BYTES_MAX} bytes of configurations after the first`,
    ).optional(),
    /** What the configurations train, for people and folders; the configurations decide. */
    model_types: z.array(runNameSchema).min(1).max(MODELS_MAX).optional(),
    /** Labels to validate on, by their path in the manifest of the job's inputs. */
    val_package: relativePathSchema.optional(),
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

/** Which frames are predicted: those suggested, labelled by people, or predicted before. */
const frameFilterSchema = z.enum(["suggested", "user", "predicted"]);

/** Frames as people write them. */
const framesSchema = z.string().max(4_096).regex(
  /^\d{1,9}(-\d{1,9})?(,\d{1,9}(-\d{1,9})?)*$/,
  "Expected frames such as 0-99,150",
);

const tracking = {
  kind: z.literal("track"),
  ...job,
};

/** Predictions by models that are trained, on labels or on a video (`package`). */
export const trackJobSpecSchema = z.discriminatedUnion("runner", [
  z.strictObject({
    ...tracking,
    runner: z.literal("sleap-nn"),
    /** Folders among the job's inputs, each a trained model; the order is the trainer's to judge. */
    models: z.array(relativePathSchema).min(1).max(MODELS_MAX),
    peak_threshold: z.number().min(0).max(1).optional(),
    frame_filter: frameFilterSchema.optional(),
    exclude_user_labeled: z.boolean().optional(),
    frames: framesSchema.optional(),
    video_index: z.int().min(0).max(VIDEOS_MAX).optional(),
  }),
  z.strictObject({
    ...tracking,
    runner: z.literal("demo"),
    /** The folder among the job's inputs that has the trained model. */
    models: z.array(relativePathSchema).length(1),
  }),
]);
/** Predictions by models that are trained. */
export type TrackJobSpec = z.infer<typeof trackJobSpecSchema>;

/** A job. */
export const jobSpecSchema = z.discriminatedUnion("kind", [trainJobSpecSchema, trackJobSpecSchema]);
/** A job. */
export type JobSpec = z.infer<typeof jobSpecSchema>;

const [sleapNnTraining, demoTraining] = trainJobSpecSchema.options;
const [sleapNnTracking, demoTracking] = trackJobSpecSchema.options;
/**
 * A job that was taken before, as another version may have written it down: what this one does not
 * know of it is left out, for it runs already.
 */
export const takenJobSpecSchema = z.discriminatedUnion("kind", [
  z.discriminatedUnion("runner", [sleapNnTraining.strip(), demoTraining.strip()]),
  z.discriminatedUnion("runner", [sleapNnTracking.strip(), demoTracking.strip()]),
]);
/** The configurations of the models that the job trains, in their order. */
export function configTextsOf(spec: JobSpec): readonly string[] {
  if (spec.kind !== "train" || spec.runner !== "sleap-nn") return [];
  return [spec.config_content, ...spec.next_config_contents ?? []];
}

/** How many models the job trains, one after the other. */
export function modelsOf(spec: JobSpec): number {
  if (spec.kind !== "train") return 0;
  return spec.runner === "sleap-nn" ? configTextsOf(spec).length : 1;
}
