/** What `train` and `track` do alike: send a job, show it to its end, or only rehearse it. */

import type { SubmissionEvent } from "../client/event.ts";
import type { SubmissionOptions, TrainingRequest } from "../client/submission.ts";
import { isPeerId, type PeerId } from "../base/id.ts";
import type { PathMap } from "../protocol/mount.ts";
import { message } from "@optique/core/message";
import { optional, withDefault } from "@optique/core/modifiers";
import { flag, option } from "@optique/core/primitives";
import { integer, string } from "@optique/core/valueparser";
import { path } from "@optique/run/valueparser";
import { Detachment } from "./detachment.ts";
import { dryRunReport } from "./dry_run.ts";
import { EXIT } from "./exit_code.ts";
import type { PreparedJob } from "./input_option.ts";
import type { Io } from "./io.ts";
import { reattachMsOf, reattachOption, requireNewFolder } from "./job_option.ts";
import { type JobSessionFlags, type JobSessionOptions, withJobs } from "./job_session.ts";
import { Mistake } from "./mistake.ts";
import { missingLines } from "./missing_view.ts";
import { mapOption, mountsOf, sharedMountOption } from "./mount_option.ts";
import { rtcOption } from "./rtc_option.ts";
import { cleanText, jsonText } from "./terminal_text.ts";
import { trainingReport } from "./training_report.ts";

/** The options of every command that sends a job. */
export const submissionOptions = {
  runName: optional(option("--run-name", string({ metavar: "NAME" }), {
    description: message`What the run is called (by default as the labels)`,
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
  mounts: sharedMountOption,
  maps: mapOption,
  dryRun: withDefault(
    flag("--dry-run", {
      description: message`Only say whether it would run, and on which worker; send nothing`,
    }),
    false,
  ),
  noCache: withDefault(
    flag("--no-cache", {
      description: message`Send all inputs even if the worker has them already`,
    }),
    false,
  ),
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
  reattach: reattachOption,
  rtc: rtcOption,
  json: withDefault(
    flag("--json", { description: message`Print one JSON object a line` }),
    false,
  ),
};

/** What {@linkcode submissionOptions} gives, with the way to the room. */
export interface SubmissionFlags extends JobSessionFlags {
  readonly worker: string | undefined;
  readonly minGpuMemory: number | undefined;
  readonly output: string | undefined;
  readonly mounts: readonly string[];
  readonly dryRun: boolean;
  readonly noCache: boolean;
  readonly wait: boolean;
  readonly noWait: boolean;
  readonly reattach: number;
  readonly json: boolean;
}

/**
 * Prepares a job and sends it, or rehearses it. Returns the exit code.
 *
 * @param prepare Looks into what is to be sent, with the prefixes that the settings have.
 * @throws {Mistake} Where something that was given cannot be used.
 * @throws {Failure} Where it did not come to whole results.
 */
export async function sendJob(
  given: SubmissionFlags,
  io: Io,
  prepare: (maps: readonly PathMap[]) => Promise<PreparedJob>,
): Promise<number> {
  if (given.wait && given.noWait) {
    throw new Mistake("Expected --wait or --no-wait, got both; leave one out");
  }
  const worker = given.worker === undefined ? undefined : workerOf(given.worker);
  const { loadConfig } = await import("../runtime/config.ts");
  const { openMounts } = await import("./worker_setup.ts");
  const mounted = { "worker.mounts": { value: mountsOf(given.mounts), from: "--mount" } };
  const settings = await loadConfig(given.mounts.length === 0 ? {} : mounted, io.env);
  const mounts = await openMounts(settings);
  await using job = await prepare(settings.get("maps")?.value ?? []);
  const { spec, packagePath, others } = job;
  const outputFolder = given.output ?? `${spec.run_name}_${timestamp(new Date())}`;
  const request: TrainingRequest = {
    packagePath,
    others,
    mounts,
    outputFolder,
    reattachMs: reattachMsOf(given),
    isFresh: given.noCache,
    mayWait: !given.noWait,
    spec,
    ...(worker === undefined ? {} : { worker }),
    ...(given.minGpuMemory === undefined ? {} : { minGpuMemoryMb: given.minGpuMemory }),
  };
  return await withJobs(given, io, async (options) => {
    if (!given.dryRun) await requireNewFolder(outputFolder);
    for (const fact of job.facts) io.err(cleanText(fact));
    return given.dryRun
      ? await rehearseJob(request, options, given.json, io)
      : await submitJob(request, options, given, io);
  });
}

async function rehearseJob(
  request: TrainingRequest,
  options: JobSessionOptions,
  isJson: boolean,
  io: Io,
): Promise<number> {
  const { rehearse } = await import("../client/rehearsal.ts");
  const rehearsal = await rehearse(request, { ...options, watch: () => {} });
  const { lines, notes } = dryRunReport(rehearsal, isJson, io);
  for (const note of notes) io.err(note);
  for (const line of lines) io.out(line);
  return rehearsal.chosen === undefined ? EXIT.noWorker : EXIT.ok;
}

async function submitJob(
  request: TrainingRequest,
  options: JobSessionOptions,
  given: SubmissionFlags,
  io: Io,
): Promise<number> {
  const { submitTraining } = await import("../client/submission.ts");
  const { TrainingScreen } = await import("./training_screen.ts");
  const detachment = new Detachment();
  const screen = new TrainingScreen(io, {
    json: given.json,
    isVerbose: given.verbose,
    clock: performance,
  });
  const watch: SubmissionOptions["watch"] = (event: SubmissionEvent) => {
    detachment.watch(event);
    screen.watch(event);
  };
  try {
    const result = await submitTraining(request, { ...options, watch });
    screen.close();
    io.out(trainingReport(result, given.json));
    return EXIT.ok;
  } catch (error) {
    screen.close();
    screen.tellLastLines(error);
    await tellMissing(error, given.json, io);
    detachment.tell(error, given.json, io);
    throw error;
  }
}

/** Where videos are missing, the table of them. */
async function tellMissing(error: unknown, isJson: boolean, io: Io): Promise<void> {
  const { FilesMissing } = await import("../client/refusal.ts");
  if (!(error instanceof FilesMissing)) return;
  if (isJson) {
    for (const list of error.lists) io.out(jsonText({ event: "missing", ...list }));
  }
  for (const line of missingLines(error.lists, io)) io.err(line);
}

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
