/** The command `track`: predicts with trained models on a worker, and brings the predictions back. */

import { merge, object } from "@optique/core/constructs";
import { message } from "@optique/core/message";
import { multiple, optional, withDefault } from "@optique/core/modifiers";
import { argument, flag, option } from "@optique/core/primitives";
import { choice, float, integer, string } from "@optique/core/valueparser";
import { path } from "@optique/run/valueparser";
import { defineCommand } from "./command.ts";
import { sendJob, submissionOptions } from "./job_submission.ts";
import { logOptions } from "./log_option.ts";
import { roomOptions } from "./room_option.ts";

const parser = merge(
  object("Predictions", {
    file: argument(path({ metavar: "FILE" }), {
      description:
        message`The labels (.slp, .pkg.slp, a .zip or folder with one of them) or a video`,
    }),
    models: multiple(option("--model", path({ metavar: "FOLDER" }), {
      description:
        message`The results of a training; may be repeated, for models that work together`,
    })),
    runner: withDefault(
      option("--runner", choice(["sleap-nn", "demo"], { metavar: "RUNNER" }), {
        description: message`What predicts; demo is a small model for trying things out`,
      }),
      "sleap-nn",
    ),
    batchSize: optional(option("--batch-size", integer({ min: 1, max: 256, metavar: "N" }), {
      description: message`Frames of each step`,
    })),
    peakThreshold: optional(
      option("--peak-threshold", float({ min: 0, max: 1, metavar: "SCORE" }), {
        description: message`Only points that are at least so sure`,
      }),
    ),
    only: optional(
      option("--only", choice(["suggested", "user", "predicted"], { metavar: "FRAMES" }), {
        description:
          message`Only frames that are suggested, labelled by people, or predicted before`,
      }),
    ),
    excludeUserLabeled: withDefault(
      flag("--exclude-user-labeled", {
        description: message`Leave out frames that people have labelled`,
      }),
      false,
    ),
    frames: optional(option("--frames", string({ metavar: "FRAMES" }), {
      description: message`Only these frames, such as 0-99,150`,
    })),
    videoIndex: optional(option("--video-index", integer({ min: 0, max: 1_000, metavar: "N" }), {
      description: message`Only this video of the labels, from 0`,
    })),
    ...submissionOptions,
  }),
  roomOptions,
  logOptions,
);

/** `sleap-rtc track`. */
export const trackCommand = defineCommand({
  name: "track",
  purpose: "Predict with trained models on a worker of a room",
  examples: [
    "sleap-rtc track labels.slp --model centroid-run",
    "sleap-rtc track clip.mp4 --model centroid-run --model centered-run --frames 0-999",
    "sleap-rtc track labels.pkg.slp --runner demo --model demo-run",
    "sleap-rtc track labels.slp --model run --only suggested --dry-run",
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
    const { prepareTracking } = await import("./tracking_request.ts");
    return await sendJob(given, io, (maps) => prepareTracking(given, maps));
  },
});
