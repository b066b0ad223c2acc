/** A worker's desk, clients that are linked to it in memory, and a trainer that is a shell script. */

import { join } from "node:path";
import { isJobId, isRequestId, type JobId, type RequestId } from "../../lib/base/id.ts";
import type { JobMessage } from "../../lib/protocol/job_message.ts";
import type { JobSpec } from "../../lib/protocol/job_spec.ts";
import { isClientMessage, type LinkMessage } from "../../lib/protocol/link_message.ts";
import type { Manifest } from "../../lib/protocol/manifest.ts";
import type { HelloSelf } from "../../lib/rtc/hello.ts";
import { systemClock } from "../../lib/runtime/clock.ts";
import { digestFile } from "../../lib/runtime/file_digest.ts";
import { FileReceiver } from "../../lib/runtime/file_receiver.ts";
import { FileSender } from "../../lib/runtime/file_sender.ts";
import { JobDesk } from "../../lib/runtime/job_desk.ts";
import type { JobGpu } from "../../lib/runtime/job_gpu.ts";
import { RunFolder } from "../../lib/runtime/run_folder.ts";
import { selfCommand } from "../../lib/runtime/self_command.ts";
import { SAMPLE_CONFIG } from "../job/sample_config.ts";
import { eventually } from "./condition.ts";
import { keeperEnded } from "./keeper_end.ts";
import { CLIENT, linkedPeers, type LinkEnd, WORKER } from "./linked_peers.ts";

/** The id of every question: answers are told apart by their kind and job. */
export const REQUEST: RequestId = requestOf("r1");

function requestOf(text: string): RequestId {
  if (!isRequestId(text)) throw new Error(`Expected a request id, got ${text}`);
  return text;
}

/** A job id, checked. */
export function jobOf(text: string): JobId {
  if (!isJobId(text)) throw new Error(`Expected a job id, got ${text}`);
  return text;
}

/** A training by the script. */
export const SPEC = {
  kind: "train",
  runner: "sleap-nn",
  package: "fly labels.pkg.slp",
  run_name: "fly",
  config_content: SAMPLE_CONFIG,
} as const satisfies JobSpec;

/** A client of the desk. */
export class DeskClient {
  readonly self: HelloSelf;
  readonly end: LinkEnd;
  #sender: FileSender | undefined;
  #receiver: FileReceiver | undefined;
  readonly #packagePath: string;

  constructor(self: HelloSelf, end: LinkEnd, packagePath: string) {
    this.self = self;
    this.end = end;
    this.#packagePath = packagePath;
    end.onMessage = (message) => {
      if (!isClientMessage(message) || !("purpose" in message)) return;
      this.#sender?.receive(message);
      this.#receiver?.receive(message);
    };
    end.onData = (index, offset, bytes) => this.#receiver?.data(index, offset, bytes);
    end.onClosed = () => {
      this.#sender?.end(new Error("The link closed"));
      this.#receiver?.end(new Error("The link closed"));
    };
  }

  /** The first message of `type` about `jobId` that has been or will be heard. */
  async next<Type extends LinkMessage["type"]>(
    type: Type,
    jobId?: JobId,
  ): Promise<Extract<LinkMessage, { type: Type }>> {
    const isWanted = (message: LinkMessage): message is Extract<LinkMessage, { type: Type }> =>
      message.type === type &&
      (jobId === undefined || "job_id" in message && message.job_id === jobId);
    const found = await eventually(
      `${type} after ${this.end.types.join(", ")}`,
      () => this.end.heard.find(isWanted),
    );
    this.end.heard.splice(this.end.heard.indexOf(found), 1);
    return found;
  }

  async manifest(): Promise<Manifest> {
    return { files: [{ path: SPEC.package, ...await digestFile(this.#packagePath) }] };
  }

  /** Asks for the slot. */
  async reserve(jobId: JobId, spec: JobSpec = SPEC): Promise<void> {
    const inputs = await this.manifest();
    this.end.say({ type: "job_reserve", request_id: REQUEST, job_id: jobId, spec, inputs });
  }

  /** Offers the package; `done` tells how that ends. */
  async upload(jobId: JobId): Promise<FileSender> {
    const manifest = await this.manifest();
    this.#sender = new FileSender(this.end.link, {
      jobId,
      purpose: "inputs",
      manifest,
      pathOf: () => this.#packagePath,
    });
    return this.#sender;
  }

  /** Asks for the start. */
  start(jobId: JobId): void {
    this.end.say({ type: "job_start", request_id: REQUEST, job_id: jobId });
  }

  /** Asks what was said of the job after that word, and to hear what comes. */
  follow(jobId: JobId, after_sequence: number): void {
    this.end.say({ type: "job_follow", request_id: REQUEST, job_id: jobId, after_sequence });
  }

  /** Asks for the end of the job. */
  endJob(type: "job_cancel" | "job_stop", jobId: JobId): void {
    this.end.say({ type, request_id: REQUEST, job_id: jobId });
  }

  /** Everything up to the running trainer. */
  async run(jobId: JobId, spec: JobSpec = SPEC): Promise<void> {
    await this.reserve(jobId, spec);
    await this.next("job_lease", jobId);
    await (await this.upload(jobId)).done;
    this.start(jobId);
    await this.next("job_accepted", jobId);
  }

  /** Fetches the results into `folder`. */
  async fetch(jobId: JobId, folder: string): Promise<void> {
    this.end.say({ type: "job_fetch", job_id: jobId });
    const { manifest } = await this.next("transfer_offer", jobId);
    this.#receiver = new FileReceiver(this.end.link, {
      jobId,
      purpose: "results",
      manifest,
      folder: join(folder, "files"),
      partsFolder: join(folder, "parts"),
    });
    await this.#receiver.done;
    await this.#receiver.closed;
  }
}

/** What a lab's desk may have besides a trainer. */
export interface DeskLabOptions {
  /** The trainer in place of the script. */
  readonly executable?: string | undefined;
  readonly gpu?: JobGpu | undefined;
  readonly serveMs?: number;
  /** Hears what clients and the worker say to each other. */
  readonly overhear?: (by: HelloSelf, message: LinkMessage) => void;
  readonly cacheBytesMax?: number;
}

/** A desk, and what it says to its room and its log. */
export class DeskLab {
  readonly folder: string;
  readonly statuses: string[] = [];
  readonly warnings: string[] = [];
  readonly #clients: DeskClient[] = [];
  readonly #options: DeskLabOptions;
  /** Jobs that were left to a next life. */
  readonly #leftJobs = new Set<JobId>();
  #desk: JobDesk;

  private constructor(folder: string, options: DeskLabOptions) {
    this.folder = folder;
    this.#options = options;
    this.#desk = this.#newDesk();
  }

  /** The desk as it is in this life of the worker. */
  get desk(): JobDesk {
    return this.#desk;
  }

  /** A desk whose trainer is the shell script `script`, or what is at `options.executable`. */
  static async open(
    folder: string,
    script: string,
    options: DeskLabOptions = {},
  ): Promise<DeskLab> {
    const trainer = join(folder, "sleap-nn");
    await Deno.writeTextFile(trainer, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
    await Deno.writeTextFile(join(folder, "package"), "not really frames ".repeat(10_000));
    await Deno.mkdir(join(folder, "worker"));
    return new DeskLab(folder, { executable: trainer, ...options });
  }

  /** The worker leaves and leaves its job; after `meanwhile`, another life of it takes that up. */
  async nextLife(meanwhile: () => Promise<void> = () => Promise.resolve()): Promise<void> {
    const jobs = join(this.folder, "worker", "jobs");
    for (const { name } of Deno.readDirSync(jobs)) if (isJobId(name)) this.#leftJobs.add(name);
    await this.#desk.stop("leave_job");
    await meanwhile();
    this.#desk = this.#newDesk();
    await this.#desk.takeUp();
  }

  /** Kills the trainer of a job and its keeper. */
  async kill(jobId: JobId): Promise<void> {
    const run = new RunFolder(join(this.jobFolder(jobId), "run"));
    const keeper = (await run.keeper())?.pid ?? 0;
    Deno.kill(keeper, "SIGKILL");
    Deno.kill(-((await run.trainer())?.pid ?? 0), "SIGKILL");
    // The lock is free when it is gone.
    using _lock = await run.lock();
  }

  #newDesk(): JobDesk {
    const { executable = "", gpu, serveMs, cacheBytesMax } = this.#options;
    return new JobDesk({
      folder: join(this.folder, "worker"),
      executables: { sleapNn: executable, self: selfCommand() },
      runners: ["sleap-nn"],
      clock: systemClock,
      gpu,
      serveMs,
      ...(cacheBytesMax === undefined ? {} : { cacheBytesMax }),
      remainsLookMs: 20,
      log: {
        write: (level, message) => {
          if (level === "warning") this.warnings.push(message);
        },
      },
      status: (status) => this.statuses.push(status),
    });
  }

  /** The folder of a job. */
  jobFolder(jobId: JobId): string {
    return join(this.folder, "worker", "jobs", jobId);
  }

  /** What was written down of a job. */
  events(jobId: JobId): JobMessage["type"][] {
    const text = Deno.readTextFileSync(join(this.jobFolder(jobId), "events.jsonl"));
    return text.trimEnd().split("\n").map((line) => JSON.parse(line).type);
  }

  /** A client that comes to the desk. */
  async client(self: HelloSelf = CLIENT): Promise<DeskClient> {
    const { client, worker } = await linkedPeers(self);
    const desk = this.#desk;
    const id = self.peerId;
    const { overhear = () => {} } = this.#options;
    worker.onMessage = (message) => {
      overhear(self, message);
      if (isClientMessage(message)) desk.hear(id, message);
    };
    worker.onData = (index, offset, bytes) => desk.data(id, index, offset, bytes);
    worker.onClosed = () => desk.leave(id, worker.link);
    desk.welcome(id, worker.link);
    const made = new DeskClient(self, client, join(this.folder, "package"));
    const hear = client.onMessage;
    client.onMessage = (message) => {
      overhear(WORKER, message);
      hear(message);
    };
    this.#clients.push(made);
    return made;
  }

  /** Ends everything. */
  async close(): Promise<void> {
    await this.desk.stop();
    for (const jobId of this.#leftJobs) await keeperEnded(join(this.jobFolder(jobId), "run"));
    for (const { end } of this.#clients) end.link.close("The test is over");
  }
}
