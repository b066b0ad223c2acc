/** The command `train`: trains on a worker of the room and brings the results back. */

import { merge, object } from "@optique/core/constructs";
import { message } from "@optique/core/message";
import { multiple, optional, withDefault } from "@optique/core/modifiers";
import { argument, flag, option } from "@optique/core/primitives";
import { choice, float, integer } from "@optique/core/valueparser";
import { path } from "@optique/run/valueparser";
import { defineCommand } from "./command.ts";
import { sendJob, submissionOptions } from "./job_submission.ts";
import { logOptions } from "./log_option.ts";
import { roomOptions } from "./room_option.ts";

const parser = merge(
  object("Training", {
    file: argument(path({ metavar: "FILE" }), {
      description: message`The labels: .pkg.slp, .slp, or a .zip or folder with one of them`,
    }),
    runner: withDefault(
      option("--runner", choice(["sleap-nn", "demo"], { metavar: "RUNNER" }), {
        description: message`What trains; demo is a small model for trying things out`,
      }),
      "sleap-nn",
    ),
    configs: multiple(option("--config", path({ metavar: "FILE", type: "file" }), {
      description:
        message`The sleap-nn configuration, YAML or JSON; may be repeated, to train several models one after the other`,
    })),
    epochs: optional(option("--epochs", integer({ min: 1, max: 10_000, metavar: "N" }), {
      description: message`At most so many epochs`,
    })),
    batchSize: optional(option("--batch-size", integer({ min: 1, max: 256, metavar: "N" }), {
      description: message`Examples of each step`,
    })),
    learningRate: optional(
      option("--learning-rate", float({ min: 1e-10, max: 1, metavar: "RATE" }), {
        description: message`How far each step goes`,
      }),
    ),
    valLabels: optional(option("--val-labels", path({ metavar: "FILE", type: "file" }), {
      description:
        message`Labels to validate on (.pkg.slp or .slp), in place of a part of the others`,
    })),
    resume: optional(option("--resume", path({ metavar: "FOLDER" }), {
      description: message`Go on from the model of earlier results, or from a .ckpt file`,
    })),
    predict: withDefault(
      flag("--predict", {
        description: message`Predict on the labels when trained, and bring predictions.slp, too`,
      }),
      false,
    ),
    ...submissionOptions,
  }),
  roomOptions,
  logOptions,
);

/** `sleap-rtc train`. */
export const trainCommand = defineCommand({
  name: "train",
  purpose: "Train on a worker of a room and bring the results back",
  examples: [
    "sleap-rtc train labels.pkg.slp --config centroid.yaml",
    "sleap-rtc train labels.pkg.slp --config centroid.yaml --config centered_instance.yaml",
    "sleap-rtc train labels.slp --config bottomup.yaml --map /home/ann/videos=lab:videos --dry-run",
    "sleap-rtc train labels.pkg.slp --runner demo --epochs 20 --predict",
    "sleap-rtc train labels.pkg.slp --config centroid.yaml --min-gpu-memory 16000 --json",
  ],
  exits: [
    "jobFailed",
    "badInput",
    "serverUnreachable",
    "refused",
    "noWorker",
    "workerLost",
    "protocol",
    "terminated",
  ],
  parser,
  async run(given, io) {
    const { prepareTraining } = await import("./training_request.ts");
    return await sendJob(given, io, (maps) => prepareTraining(given, maps));
  },
});
