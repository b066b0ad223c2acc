/** The command `demo-trainer`: what a worker starts for a job of the demo runner. Hidden from the overview. */

import { object } from "@optique/core/constructs";
import { message } from "@optique/core/message";
import { withDefault } from "@optique/core/modifiers";
import { option } from "@optique/core/primitives";
import { float, integer } from "@optique/core/valueparser";
import { path } from "@optique/run/valueparser";
import { DEMO_DEFAULTS } from "../job/runner.ts";
import { defineCommand } from "./command.ts";

const parser = object({
  package: option("--package", path({ metavar: "FILE" }), {
    description: message`The training package`,
  }),
  output: option("--output", path({ metavar: "FOLDER" }), {
    description: message`The folder for training_log.csv and the model`,
  }),
  epochs: withDefault(
    option("--epochs", integer({ min: 1, max: 10_000, metavar: "N" }), {
      description: message`How often every frame is seen`,
    }),
    DEMO_DEFAULTS.epochs,
  ),
  learningRate: withDefault(
    option("--learning-rate", float({ metavar: "RATE" }), {
      description: message`How far each step goes, above 0 and at most 1`,
    }),
    DEMO_DEFAULTS.learningRate,
  ),
  batchSize: withDefault(
    option("--batch-size", integer({ min: 1, max: 256, metavar: "N" }), {
      description: message`Examples of each step`,
    }),
    DEMO_DEFAULTS.batchSize,
  ),
  seed: withDefault(
    option("--seed", integer({ min: 0, max: 2 ** 31 - 1, metavar: "N" }), {
      description: message`What the shuffles start from`,
    }),
    DEMO_DEFAULTS.seed,
  ),
  epochDelayMs: withDefault(
    option("--epoch-delay-ms", integer({ min: 0, max: 60_000, metavar: "MS" }), {
      description: message`How long to rest after each epoch, so that people can watch`,
    }),
    0,
  ),
});

/** `sleap-rtc demo-trainer`. */
export const demoTrainerCommand = defineCommand({
  name: "demo-trainer",
  purpose: "Learn a package's labels with a small linear model, for trying things out",
  examples: ["sleap-rtc demo-trainer --package labels.pkg.slp --output model --epochs 20"],
  exits: ["jobFailed", "terminated"],
  parser,
  async run(given, io) {
    const { runDemoTrainer } = await import("../runtime/demo_trainer/trainer.ts");
    return await runDemoTrainer(given, io);
  },
});
