/** The command `train`: trains on a worker of the room and brings the results back. */

import { merge, object } from "@optique/core/constructs";
import { message } from "@optique/core/message";
import { optional, withDefault } from "@optique/core/modifiers";
import { argument, flag, option } from "@optique/core/primitives";
import { choice, float, integer, string } from "@optique/core/valueparser";
import { path } from "@optique/run/valueparser";
import { isPeerId, type PeerId } from "../base/id.ts";
import type { SubmissionEvent } from "../client/event.ts";
import { count, formatBytes } from "./amount.ts";
import { defineCommand } from "./command.ts";
import { Detachment } from "./detachment.ts";
import { EXIT } from "./exit_code.ts";
import { reattachMsOf, reattachOption, requireNewFolder } from "./job_option.ts";
import { withJobs } from "./job_session.ts";
import { logOptions } from "./log_option.ts";
import { Mistake } from "./mistake.ts";
import { roomOptions } from "./room_option.ts";
import { rtcOption } from "./rtc_option.ts";
import { cleanText } from "./terminal_text.ts";
import { trainingReport } from "./training_report.ts";

const parser = merge(
  object("Training", {
    file: argument(path({ metavar: "FILE", type: "file" }), {
      description: message`The training package, .pkg.slp`,
    }),
    runner: withDefault(
      option("--runner", choice(["sleap-nn", "demo"], { metavar: "RUNNER" }), {
        description: message`What trains; demo is a small model for trying things out`,
      }),
      "sleap-nn",
    ),
    config: optional(option("--config", path({ metavar: "FILE", type: "file" }), {
      description: message`The sleap-nn configuration, YAML`,
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
    runName: optional(option("--run-name", string({ metavar: "NAME" }), {
      description: message`What the run is called (by default as the package)`,
    })),
    worker: optional(option("--worker", string({ metavar: "WORKER" }), {
      description: message`The worker to use, as discover names it (by default the best free one)`,
    })),
    minGpuMemory: optional(option("--min-gpu-memory", integer({ min: 0, metavar: "MB" }), {
      description: message`Only workers with at least this much GPU memory`,
    })),
    wait: withDefault(
      flag("--wait", {
        description:
          message`Wait in the room's queue where workers fit and none is free (the default)`,
      }),
      false,
    ),
    noWait: withDefault(
      flag("--no-wait", { description: message`End with exit code 6 where no worker is free` }),
      false,
    ),
    output: optional(option("--output", path({ metavar: "FOLDER", type: "directory" }), {
      description: message`A new folder for the results (by default the run's name and the time)`,
    })),
    noCache: withDefault(
      flag("--no-cache", {
        description: message`Send the package even if the worker has it already`,
      }),
      false,
    ),
    reattach: reattachOption,
    rtc: rtcOption,
    json: withDefault(
      flag("--json", { description: message`Print one JSON object a line` }),
      false,
    ),
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
    "sleap-rtc train labels.pkg.slp --runner demo --epochs 20",
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
    if (given.wait && given.noWait) {
      throw new Mistake("Expected --wait or --no-wait, got both; leave one out");
    }
    const { trainingSpec } = await import("./training_request.ts");
    const worker = given.worker === undefined ? undefined : workerOf(given.worker);
    const { spec, facts } = await trainingSpec(given);
    const outputFolder = given.output ?? `${spec.run_name}_${timestamp(new Date())}`;
    return await withJobs(given, io, async (options) => {
      await requireNewFolder(outputFolder);
      io.err(
        `Package ${cleanText(given.file)}: ${count(facts.labelledFrames, "labelled frame")}, ` +
          `${count(facts.nodes.length, "keypoint")}, ${formatBytes(facts.bytes)}`,
      );
      const { submitTraining } = await import("../client/submission.ts");
      const { TrainingScreen } = await import("./training_screen.ts");
      const detachment = new Detachment();
      const screen = new TrainingScreen(io, {
        json: given.json,
        isVerbose: given.verbose,
        clock: performance,
      });
      const request = {
        packagePath: given.file,
        spec,
        outputFolder,
        reattachMs: reattachMsOf(given),
        isFresh: given.noCache,
        mayWait: !given.noWait,
        ...(worker === undefined ? {} : { worker }),
        ...(given.minGpuMemory === undefined ? {} : { minGpuMemoryMb: given.minGpuMemory }),
      };
      try {
        const result = await submitTraining(request, {
          ...options,
          watch: (event: SubmissionEvent) => {
            detachment.watch(event);
            screen.watch(event);
          },
        });
        screen.close();
        io.out(trainingReport(result, given.json));
        return EXIT.ok;
      } catch (error) {
        screen.close();
        detachment.tell(error, given.json, io);
        throw error;
      }
    });
  },
});

function workerOf(text: string): PeerId {
  if (isPeerId(text)) return text;
  throw new Mistake(
    `Expected a worker as \`sleap-rtc discover\` names it for --worker, got \`${cleanText(text)}\``,
  );
}

/** The local time as `20260131-142501`. */
function timestamp(date: Date): string {
  const two = (part: number) => String(part).padStart(2, "0");
  const day = `${date.getFullYear()}${two(date.getMonth() + 1)}${two(date.getDate())}`;
  return `${day}-${two(date.getHours())}${two(date.getMinutes())}${two(date.getSeconds())}`;
}
