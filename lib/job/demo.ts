/** The arguments of the demo trainer and tracker, two hidden subcommands of this program. */

import type { TrainJobSpec } from "../protocol/job_spec.ts";
import {
  type Executables,
  ownCommand,
  type RunnerCommand,
  type RunnerPaths,
} from "./runner_command.ts";
import { PREDICTIONS_NAME } from "./sleap_nn.ts";

/** Where the demo trainer leaves its model, within a model's folder. */
export const DEMO_MODEL_NAME = "best_model.json";

/** What the demo trainer does where the specification says nothing. */
export const DEMO_DEFAULTS = {
  epochs: 20,
  batchSize: 4,
  learningRate: 0.005,
  seed: 1,
} as const;

/** The hidden subcommand of this program that trains the demo model. */
export function demoCommand(
  spec: Extract<TrainJobSpec, { runner: "demo" }>,
  paths: RunnerPaths,
  executables: Executables,
): RunnerCommand {
  return ownCommand(executables, [
    "demo-trainer",
    "--package",
    paths.package,
    "--output",
    paths.output,
    "--epochs",
    String(spec.max_epochs ?? DEMO_DEFAULTS.epochs),
    "--learning-rate",
    String(spec.learning_rate ?? DEMO_DEFAULTS.learningRate),
    "--batch-size",
    String(spec.batch_size ?? DEMO_DEFAULTS.batchSize),
    "--seed",
    String(spec.seed ?? DEMO_DEFAULTS.seed),
  ]);
}

/** The hidden subcommand that predicts with the demo model in `folder`. */
export function demoTrackCommand(
  paths: RunnerPaths,
  executables: Executables,
  folder: string | undefined,
): RunnerCommand {
  if (folder === undefined) throw new Error("Expected the folder of a demo model, got none");
  return ownCommand(executables, [
    "demo-tracker",
    "--package",
    paths.package,
    "--model",
    `${folder}/${DEMO_MODEL_NAME}`,
    "--output",
    `${paths.output}/${PREDICTIONS_NAME}`,
  ]);
}
