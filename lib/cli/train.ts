/** The command `train`: trains on a worker of the room and brings the results back. */

import { merge, object } from "@optique/core/constructs";
import { message } from "@optique/core/message";
import { optional, withDefault } from "@optique/core/modifiers";
import { argument, flag, option } from "@optique/core/primitives";
import { choice, float, integer, string } from "@optique/core/valueparser";
import { path } from "@optique/run/valueparser";
import { isPeerId, type PeerId } from "../base/id.ts";
import type { SubmissionEvent } from "../client/event.ts";
import { count, formatBytes, formatLoss } from "./amount.ts";
import { defineCommand } from "./command.ts";
import { EXIT } from "./exit_code.ts";
import type { Io } from "./io.ts";
import { logOptions, openLog } from "./log_option.ts";
import { Mistake } from "./mistake.ts";
import { roomLayer, roomOptions } from "./room_option.ts";
import { rtcLayer, rtcOption } from "./rtc_option.ts";
import { cleanText, jsonText } from "./terminal_text.ts";

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
    output: optional(option("--output", path({ metavar: "FOLDER", type: "directory" }), {
      description: message`A new folder for the results (by default the run's name and the time)`,
    })),
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
    const { installationFolder, loadConfig, roomAccessOf } = await import("../runtime/config.ts");
    const { trainingSpec } = await import("./training_request.ts");
    const worker = given.worker === undefined ? undefined : workerOf(given.worker);
    const { spec, facts } = await trainingSpec(given);
    const flags = { ...await roomLayer(given, io), ...rtcLayer(given.rtc) };
    const config = await loadConfig(flags, io.env);
    const room = roomAccessOf(config);
    const outputFolder = given.output ?? `${spec.run_name}_${timestamp(new Date())}`;
    await requireNewFolder(outputFolder);
    io.err(
      `Package ${cleanText(given.file)}: ${count(facts.labelledFrames, "labelled frame")}, ` +
        `${count(facts.nodes.length, "keypoint")}, ${formatBytes(facts.bytes)}`,
    );

    const { loadIdentity } = await import("../runtime/credentials.ts");
    const { submitTraining } = await import("../client/submission.ts");
    const { TrainingScreen } = await import("./training_screen.ts");
    const identity = await loadIdentity(installationFolder(io.env));
    const { log, stop } = await openLog(given, io, "warning");
    const screen = new TrainingScreen(io, {
      json: given.json,
      isVerbose: given.verbose,
      clock: performance,
    });
    try {
      const result = await submitTraining({
        packagePath: given.file,
        spec,
        outputFolder,
        ...(worker === undefined ? {} : { worker }),
        ...(given.minGpuMemory === undefined ? {} : { minGpuMemoryMb: given.minGpuMemory }),
      }, {
        room,
        identity,
        rtc: config.get("rtc")?.value ?? "auto",
        iceServers: config.get("ice_servers")?.value ?? [],
        log,
        signal: io.interruption(),
        watch: (event: SubmissionEvent) => screen.watch(event),
      });
      screen.close();
      tellResult(result, given.json, io);
      return EXIT.ok;
    } catch (error) {
      screen.close();
      throw error;
    } finally {
      stop();
    }
  },
});

/** What a submission ends with. */
interface Result {
  readonly jobId: string;
  readonly worker: string;
  readonly folder: string;
  readonly files: readonly unknown[];
  readonly firstLoss?: number | undefined;
  readonly lastLoss?: number | undefined;
  readonly epochs: number;
}

function tellResult(result: Result, isJson: boolean, io: Io): void {
  const { jobId, worker, folder, files, firstLoss, lastLoss, epochs } = result;
  if (isJson) {
    const losses = { first_loss: firstLoss ?? null, last_loss: lastLoss ?? null };
    io.out(jsonText({ ok: true, job: { id: jobId, worker, folder, epochs, ...losses, files } }));
    return;
  }
  io.out(
    `Done: ${jobId} on ${cleanText(worker)}, ${count(epochs, "epoch")}, loss ${
      formatLoss(firstLoss)
    } → ${formatLoss(lastLoss)}, results in ${folder}`,
  );
}

function workerOf(text: string): PeerId {
  if (isPeerId(text)) return text;
  throw new Mistake(
    `Expected a worker as \`sleap-rtc discover\` names it for --worker, got \`${cleanText(text)}\``,
  );
}

/** Nothing of a former run may be mistaken for a result of this one. */
async function requireNewFolder(folder: string): Promise<void> {
  try {
    for await (const entry of Deno.readDir(folder)) {
      throw new Mistake(
        `Expected a new or empty folder for the results, got ${folder} with ${entry.name} in it; give another --output`,
      );
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

/** The local time as `20260131-142501`. */
function timestamp(date: Date): string {
  const two = (part: number) => String(part).padStart(2, "0");
  const day = `${date.getFullYear()}${two(date.getMonth() + 1)}${two(date.getDate())}`;
  return `${day}-${two(date.getHours())}${two(date.getMinutes())}${two(date.getSeconds())}`;
}
