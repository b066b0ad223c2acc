/**
 * The worker's desk for clients: hears what they ask, keeps one slot, receives inputs, runs the job's
 * process and sends results. What is decided is decided by `JobSlot`; this performs it.
 */

import { join } from "node:path";
import type { JobId, PeerId } from "../base/id.ts";
import type { Log } from "../base/log.ts";
import type { Clock } from "../base/time.ts";
import { type Executables, runnerCommand } from "../job/runner.ts";
import {
  JobSlot,
  type Refused,
  type SlotEffect,
  type SlotInput,
  type Verdict,
} from "../job/slot.ts";
import type { JobMessage } from "../protocol/job_message.ts";
import type { JobSpec } from "../protocol/job_spec.ts";
import type { Manifest } from "../protocol/manifest.ts";
import type { TransferMessage } from "../protocol/transfer_message.ts";
import type { CurrentJob, WorkerStatus } from "../protocol/worker.ts";
import type { PeerLink } from "../rtc/peer_link.ts";
import { describeFolder } from "./file_digest.ts";
import { FileReceiver } from "./file_receiver.ts";
import { FileSender } from "./file_sender.ts";
import { JobFolder, sweepJobFolders } from "./job_folder.ts";
import { JobProcess } from "./job_process.ts";

/** Bytes of inputs that a worker takes for one job. */
const INPUT_BYTES_MAX = 256 * 1024 ** 3;
/** Finished jobs whose results can still be fetched. */
const FINISHED_MAX = 50;

/** What a desk works with. */
export interface JobDeskOptions {
  /** Where jobs and parts of files are kept. */
  readonly folder: string;
  readonly executables: Executables;
  readonly runners: readonly JobSpec["runner"][];
  readonly clock: Clock;
  readonly log: Log;
  /** Tells the room what this worker does. */
  readonly status: (status: WorkerStatus, currentJob: CurrentJob | null) => void;
}

interface Visit {
  readonly link: PeerLink;
  receiver?: FileReceiver;
  sender?: FileSender;
}

interface Prepared {
  readonly folder: JobFolder;
  readonly inputs: Manifest;
  /** Resolves when the folder is there. */
  readonly ready: Promise<void>;
}

/** The desk of one worker. */
export class JobDesk {
  readonly #options: JobDeskOptions;
  readonly #slot: JobSlot;
  readonly #visits = new Map<PeerId, Visit>();
  readonly #prepared = new Map<JobId, Prepared>();
  readonly #finished = new Map<JobId, { client: PeerId; folder: JobFolder; results: Manifest }>();
  readonly #timers = new Set<ReturnType<typeof setTimeout>>();
  #process: JobProcess | undefined;
  #work: Promise<void> = Promise.resolve();
  #stopped = false;

  constructor(options: JobDeskOptions) {
    this.#options = options;
    this.#slot = new JobSlot((spec, inputs) => this.#objection(spec, inputs));
  }

  /** A client's link is open. */
  welcome(client: PeerId, link: PeerLink): void {
    this.#visits.get(client)?.link.close("A newer link of the same client is open");
    this.#visits.set(client, { link });
  }

  /** A client's link is over. Its job goes on; its transfers can be taken up again. */
  leave(client: PeerId, link: PeerLink): void {
    const visit = this.#visits.get(client);
    if (visit?.link !== link) return;
    this.#visits.delete(client);
    const reason = new Error("The link to the client closed");
    visit.receiver?.end(reason);
    visit.sender?.end(reason);
  }

  /** A client said something. */
  hear(client: PeerId, message: JobMessage | TransferMessage): void {
    this.#step({ type: "alive", client });
    switch (message.type) {
      case "job_reserve": {
        const { request_id: requestId, job_id: jobId, spec, inputs } = message;
        return this.#step({ type: "reserve", client, requestId, jobId, spec, inputs });
      }
      case "job_start": {
        const { request_id: requestId, job_id: jobId } = message;
        return this.#step({ type: "start", client, requestId, jobId });
      }
      case "job_release":
        return this.#step({ type: "release", client, jobId: message.job_id });
      case "job_fetch":
        return this.#fetch(client, message.job_id);
      case "job_alive":
        return this.#tell(client, message);
      case "transfer_offer":
        return this.#receive(client, message);
      case "transfer_want":
      case "transfer_credit":
      case "transfer_done":
        return this.#visits.get(client)?.sender?.receive(message);
      case "transfer_failed": {
        const visit = this.#visits.get(client);
        if (message.purpose === "inputs") return visit?.receiver?.receive(message);
        return visit?.sender?.receive(message);
      }
      case "job_lease":
      case "job_refused":
      case "job_accepted":
      case "job_metric":
      case "job_log":
      case "job_done":
      case "job_failed":
        this.#options.log.write("warning", `A client sent ${message.type}, which workers say`, {
          client_id: client,
        });
        return;
    }
    message satisfies never;
  }

  /** Bytes of a file arrived from a client. */
  data(client: PeerId, index: number, offset: number, bytes: Uint8Array): void {
    this.#step({ type: "alive", client });
    this.#visits.get(client)?.receiver?.data(index, offset, bytes);
  }

  /** Ends the running job, if there is one, and frees what the desk holds. */
  async stop(): Promise<void> {
    this.#stopped = true;
    for (const timer of this.#timers) clearTimeout(timer);
    await this.#process?.kill();
    await this.#work;
  }

  #step(input: SlotInput): void {
    for (const effect of this.#slot.step(input, this.#options.clock.now())) this.#perform(effect);
  }

  #perform(effect: SlotEffect): void {
    switch (effect.type) {
      case "tell":
        return this.#tell(effect.client, effect.message);
      case "report":
        this.#prepared.get(effect.event.job_id)?.folder.note(effect.event);
        return this.#tell(effect.client, effect.event);
      case "prepare":
        return this.#prepare(effect.jobId, effect.spec, effect.inputs);
      case "run":
        this.#work = this.#run(effect.jobId, effect.spec);
        return;
      case "discard":
        return this.#discard(effect.jobId);
      case "status":
        return this.#options.status(effect.status, effect.currentJob);
      case "wake": {
        if (this.#stopped) return;
        const delayMs = Math.max(0, effect.at - this.#options.clock.now());
        const timer = setTimeout(() => {
          this.#timers.delete(timer);
          this.#step({ type: "woke" });
        }, delayMs);
        this.#timers.add(timer);
        return;
      }
    }
    effect satisfies never;
  }

  #objection(spec: JobSpec, inputs: Manifest): Refused | undefined {
    if (this.#stopped) return { code: "closed", reason: "The worker is stopping" };
    if (!this.#options.runners.includes(spec.runner)) {
      const has = this.#options.runners.join(", ") || "none";
      return {
        code: "no_runner",
        reason: `The worker has no runner ${spec.runner}; it has ${has}`,
      };
    }
    if (!inputs.files.some((file) => file.path === spec.package)) {
      const reason = `The package ${spec.package} is not among the inputs`;
      return { code: "unsuitable", reason };
    }
    const bytes = inputs.files.reduce((sum, file) => sum + file.bytes, 0);
    if (bytes <= INPUT_BYTES_MAX) return undefined;
    const reason = `The inputs have ${bytes} bytes; the worker takes ${INPUT_BYTES_MAX}`;
    return { code: "too_large", reason };
  }

  #prepare(jobId: JobId, spec: JobSpec, inputs: Manifest): void {
    const folder = new JobFolder(join(this.#options.folder, "jobs"), jobId);
    this.#prepared.set(jobId, { folder, inputs, ready: folder.create(spec) });
  }

  #receive(client: PeerId, offer: Extract<TransferMessage, { type: "transfer_offer" }>): void {
    const visit = this.#visits.get(client);
    const prepared = this.#prepared.get(offer.job_id);
    if (visit === undefined) return;
    const { job_id: jobId, purpose } = offer;
    const leased = prepared !== undefined && this.#slot.jobId === jobId && purpose === "inputs";
    if (!leased || JSON.stringify(offer.manifest) !== JSON.stringify(prepared.inputs)) {
      const reason = "The worker expects the inputs of a job that it has leased, and no others";
      return this.#tell(client, { type: "transfer_failed", job_id: jobId, purpose, reason });
    }
    visit.receiver?.end(new Error("The client began anew"));
    const receiver = new FileReceiver(visit.link, {
      jobId,
      purpose,
      manifest: prepared.inputs,
      folder: prepared.folder.inputs,
      partsFolder: join(this.#options.folder, "parts"),
    });
    visit.receiver = receiver;
    Promise.all([prepared.ready, receiver.done]).then(
      () => this.#step({ type: "inputs_complete", jobId }),
      (error: unknown) => this.#warn("Inputs did not arrive", error, jobId),
    );
  }

  #fetch(client: PeerId, jobId: JobId): void {
    const visit = this.#visits.get(client);
    const finished = this.#finished.get(jobId);
    if (visit === undefined) return;
    if (finished?.client !== client) {
      const reason = "The worker has no results of such a job of this client";
      return this.#tell(client, {
        type: "transfer_failed",
        job_id: jobId,
        purpose: "results",
        reason,
      });
    }
    visit.sender?.end(new Error("The client asked anew"));
    const { folder, results } = finished;
    const sender = new FileSender(visit.link, {
      jobId,
      purpose: "results",
      manifest: results,
      pathOf: (index) => join(folder.output, results.files[index]?.path ?? ""),
    });
    visit.sender = sender;
    sender.done.catch((error: unknown) => this.#warn("Results did not go out", error, jobId));
  }

  async #run(jobId: JobId, spec: JobSpec): Promise<void> {
    const prepared = this.#prepared.get(jobId);
    if (prepared === undefined) throw new Error(`Expected ${jobId} to be prepared before it runs`);
    const client = this.#slot.client;
    const verdict = await this.#train(prepared.folder, spec).catch((error: unknown): Verdict => {
      const reason = error instanceof Error ? error.message : String(error);
      return { type: "failed", exitCode: null, reason: `The trainer cannot be run: ${reason}` };
    });
    if (verdict.type === "done" && client !== undefined) {
      this.#finished.set(jobId, { client, folder: prepared.folder, results: verdict.results });
      const [oldest] = this.#finished.keys();
      if (this.#finished.size > FINISHED_MAX && oldest !== undefined) this.#finished.delete(oldest);
    }
    this.#step({ type: "ended", verdict });
    this.#prepared.delete(jobId);
    await sweepJobFolders(join(this.#options.folder, "jobs"), this.#options.clock.wallMs());
  }

  async #train(folder: JobFolder, spec: JobSpec): Promise<Verdict> {
    let complaint = "";
    const command = runnerCommand(spec, folder.pathsFor(spec), this.#options.executables);
    const process = new JobProcess(command, {
      folder: folder.path,
      logPaths: ["output/training_log.csv", `output/${spec.run_name}/training_log.csv`],
      handlers: {
        printed: (stream, { text }) => {
          if (stream === "stderr" && text !== "") complaint = text;
          this.#step({ type: "printed", stream, text });
        },
        epoch: ({ epoch, trainLoss: train_loss, valLoss: val_loss }) =>
          this.#step({ type: "epoch_ended", epoch: { epoch, train_loss, val_loss } }),
        unreadable: (reason) => this.#options.log.write("warning", reason),
      },
    });
    this.#process = process;
    this.#options.log.write("info", "Training started", { pid: process.pid, runner: spec.runner });
    const { exitCode, signal } = await process.ended;
    this.#process = undefined;
    if (this.#stopped) return { type: "failed", exitCode, reason: "The worker was stopped" };
    const ended = signal === null ? `with exit code ${exitCode}` : `by ${signal}`;
    this.#options.log.write("info", `Training ended ${ended}`, { exit_code: exitCode });
    if (exitCode !== 0) {
      const last = complaint === "" ? "" : `; its last complaint: ${complaint.slice(0, 500)}`;
      return { type: "failed", exitCode, reason: `The trainer ended ${ended}${last}` };
    }
    const results = await describeFolder(folder.output);
    if (results.files.length > 0) return { type: "done", results };
    return { type: "failed", exitCode, reason: "The trainer ended well but wrote no file" };
  }

  #discard(jobId: JobId): void {
    const prepared = this.#prepared.get(jobId);
    this.#prepared.delete(jobId);
    for (const visit of this.#visits.values()) {
      visit.receiver?.end(new Error("The lease of the job ended"));
    }
    if (prepared === undefined) return;
    prepared.ready.then(() => prepared.folder.remove()).catch((error: unknown) =>
      this.#warn("A job's folder cannot be removed", error, jobId)
    );
  }

  #tell(client: PeerId, message: JobMessage | TransferMessage): void {
    const link = this.#visits.get(client)?.link;
    // A client that is away hears of it when it comes back: what matters is in the job's folder.
    if (link?.hello === undefined) return;
    link.sendMessage(JSON.stringify(message));
  }

  #warn(what: string, error: unknown, jobId: JobId): void {
    const reason = error instanceof Error ? error.message : String(error);
    this.#options.log.write("warning", `${what}: ${reason}`, { job_id: jobId });
  }
}
