/**
 * The demo's training: sent to a worker, let go of by Ctrl-C in the middle, and come back to. Knows the
 * two commands that it shows, and nothing of what the demo does besides.
 */

import { basename, join, resolve } from "node:path";
import { SILENT_LOG } from "../../lib/base/log.ts";
import { count, formatBytes } from "../../lib/cli/amount.ts";
import { Detachment } from "../../lib/cli/detachment.ts";
import type { Io } from "../../lib/cli/io.ts";
import { TrainingScreen } from "../../lib/cli/training_screen.ts";
import type { SubmissionEvent } from "../../lib/client/event.ts";
import { REATTACH_MS, type TrainingResult } from "../../lib/client/following.ts";
import { followJob } from "../../lib/client/job_attendance.ts";
import { JobRecords } from "../../lib/client/job_records.ts";
import { type SubmissionOptions, submitTraining } from "../../lib/client/submission.ts";
import { decode } from "../../lib/protocol/decode.ts";
import { type JobSpec, jobSpecSchema } from "../../lib/protocol/job_spec.ts";
import { isJobId, type JobId } from "../../lib/base/id.ts";
import type { BackendName } from "../../lib/rtc/link.ts";
import { systemClock } from "../../lib/runtime/clock.ts";
import { inspectPackage, writeSamplePackage } from "../../lib/runtime/training_package.ts";
import type { Lab } from "../lab/lab.ts";
import type { Narrator } from "./narrator.ts";
import type { DemoRequest } from "./request.ts";

const SAMPLE = { frames: 60, seed: 7, width: 192, height: 192 } as const;
/** Enough that people see it learn, and few enough that nobody waits. */
const EPOCHS = 100;
/** After so many epochs the client lets go: early enough that the job goes on without it. */
const DETACH_EPOCHS = 30;
const LEARNING_RATE = 0.001;
/** Which epochs are told where there is no terminal to draw in. */
const EPOCH_STEP = 10;

/** Where a training is shown. */
export interface DemoTrainingParts {
  readonly request: DemoRequest;
  /** For what is to be gone afterwards. */
  readonly folder: string;
  readonly io: Io;
  readonly narrator: Narrator;
  readonly signal: AbortSignal;
}

/** A training with two clients, one after the other. */
export class DemoTraining {
  readonly #parts: DemoTrainingParts;
  readonly #options: Omit<SubmissionOptions, "watch">;
  /** What the links were made of. */
  #rtc: BackendName | undefined;

  constructor({ room, identity }: Lab, parts: DemoTrainingParts) {
    this.#parts = parts;
    this.#options = {
      room,
      identity,
      rtc: parts.request.rtc,
      iceServers: [],
      records: new JobRecords(join(parts.folder, "jobs")),
      log: SILENT_LOG,
      signal: parts.signal,
    };
  }

  /**
   * Shows it, in two steps.
   *
   * @throws {Error} Where it does not come to results.
   * @throws The signal's reason, where it was aborted.
   */
  async show(): Promise<{ result: TrainingResult; rtc: BackendName }> {
    const outputFolder = resolve(`sleap-rtc-demo-${timestamp()}`);
    const jobId = await this.#begin(outputFolder);
    this.#parts.narrator.step(`sleap-rtc follow ${jobId}`);
    const result = await this.#onScreen((watch) =>
      followJob(
        { jobId, outputFolder, isFromStart: false, reattachMs: REATTACH_MS },
        { ...this.#options, watch },
      )
    );
    this.#parts.narrator.held(`The job went on without its client, which missed nothing`);
    if (this.#rtc === undefined) throw new Error("Expected a link to the worker, got none");
    return { result, rtc: this.#rtc };
  }

  /** Trains until the client is interrupted. Gives the job, which goes on. */
  async #begin(outputFolder: string): Promise<JobId> {
    const packagePath = await this.#package();
    const detachment = new Detachment();
    const ctrlC = new AbortController();
    let jobId: string | undefined;
    let epochs = 0;
    const react = (event: SubmissionEvent) => {
      detachment.watch(event);
      if (event.type === "started") jobId = event.jobId;
      if (event.type !== "epoch") return;
      // They are numbered from 0.
      epochs = event.epoch.epoch + 1;
      if (epochs >= DETACH_EPOCHS) ctrlC.abort("SIGINT");
    };
    const request = {
      packagePath,
      spec: specOf(basename(packagePath)),
      outputFolder,
      reattachMs: REATTACH_MS,
    };
    const { io, narrator, signal } = this.#parts;
    try {
      await this.#onScreen((watch) =>
        submitTraining(request, {
          ...this.#options,
          signal: AbortSignal.any([signal, ctrlC.signal]),
          watch: (event) => {
            watch(event);
            react(event);
          },
        })
      );
    } catch (error) {
      if (!ctrlC.signal.aborted || signal.aborted) throw error;
      narrator.say("^C");
      detachment.tell(error, false, { ...io, err: (line) => narrator.say(line) });
      if (jobId !== undefined && isJobId(jobId)) return jobId;
    }
    throw new Error(`Expected the client to be interrupted in its training, got ${epochs} epochs`);
  }

  /** The package to train on, made where none was given; its step begins. */
  async #package(): Promise<string> {
    const { request, folder, narrator } = this.#parts;
    const path = request.file ?? join(folder, "sample.pkg.slp");
    if (request.file === undefined) await writeSamplePackage(path, SAMPLE);
    const { labelledFrames, nodes, bytes } = await inspectPackage(path);
    const name = basename(path);
    narrator.step(`sleap-rtc train ${name} --runner demo --epochs ${EPOCHS}`);
    const facts = `${count(labelledFrames, "labelled frame")}, ${count(nodes.length, "keypoint")}`;
    const origin = request.file === undefined ? "; the demo made it" : "";
    narrator.say(`Package ${name}: ${facts}, ${formatBytes(bytes)}${origin}`);
    return path;
  }

  /** Does `work` with a screen of its own that shows its events. */
  async #onScreen<T>(work: (watch: (event: SubmissionEvent) => void) => Promise<T>): Promise<T> {
    const { io, request } = this.#parts;
    const screen = new TrainingScreen(io, {
      json: false,
      clock: systemClock,
      ...(request.verbose ? { isVerbose: true } : { epochStep: EPOCH_STEP }),
    });
    try {
      return await work((event) => {
        if (event.type === "linked") this.#rtc = event.backend;
        screen.watch(event);
      });
    } finally {
      screen.close();
    }
  }
}

function specOf(name: string): JobSpec {
  const spec = decode({
    kind: "train",
    runner: "demo",
    package: name,
    run_name: "demo",
    max_epochs: EPOCHS,
    learning_rate: LEARNING_RATE,
  }, jobSpecSchema);
  if (spec.ok) return spec.value;
  throw new Error(`Expected a training that workers take, got one they refuse: ${spec.reason}`);
}

function timestamp(): string {
  return new Date().toISOString().replace(/\D/g, "").slice(0, 14);
}
