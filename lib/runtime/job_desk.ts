/**
 * The worker's desk for clients: hears what they ask, keeps one slot, receives inputs, runs the job's
 * process and sends results. What is decided is decided by `JobSlot`; this performs it.
 */

import { join } from "node:path";
import type { JobId, PeerId } from "../base/id.ts";
import type { Log } from "../base/log.ts";
import type { Clock } from "../base/time.ts";
import type { Executables } from "../job/runner.ts";
import { JobSlot, type Refused } from "../job/slot.ts";
import type { SlotEffect } from "../job/slot_effect.ts";
import type { JobEnding, SlotInput } from "../job/slot_input.ts";
import { objectionTo } from "../job/suitability.ts";
import type { JobEvent, JobMessage } from "../protocol/job_message.ts";
import type { JobSpec } from "../protocol/job_spec.ts";
import type { Manifest } from "../protocol/manifest.ts";
import type { PathMap } from "../protocol/mount.ts";
import type { TransferMessage } from "../protocol/transfer_message.ts";
import type { CurrentJob, WorkerStatus } from "../protocol/worker.ts";
import type { PeerLink } from "../rtc/peer_link.ts";
import { FileReceiver } from "./file_receiver.ts";
import { FileSender } from "./file_sender.ts";
import { JobArchive } from "./job_archive.ts";
import { JobAudience } from "./job_audience.ts";
import { JobFolder } from "./job_folder.ts";
import { JobPreparation } from "./job_preparation.ts";
import { JobRecall } from "./job_recall.ts";
import { JobRun } from "./job_run.ts";
import { tellPeer } from "./link_speech.ts";
import { MountTable } from "./mount_table.ts";

/** What a desk works with. */
export interface JobDeskOptions {
  /** Where jobs and parts of files are kept. */
  readonly folder: string;
  readonly executables: Executables;
  readonly runners: readonly JobSpec["runner"][];
  /** The folders that jobs may read from; none where left out. */
  readonly mounts?: MountTable;
  /** Prefixes of paths in labels, and what stands there on this worker. */
  readonly maps?: readonly PathMap[];
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
  readonly client: PeerId;
  readonly folder: JobFolder;
  readonly inputs: Manifest;
  /** Resolves when the folder is there, and rejects where it cannot be made. */
  readonly ready: Promise<void>;
}

/** The desk of one worker. */
export class JobDesk {
  readonly #options: JobDeskOptions;
  readonly #slot: JobSlot;
  readonly #visits = new Map<PeerId, Visit>();
  readonly #prepared = new Map<JobId, Prepared>();
  readonly #archive: JobArchive;
  readonly #audience = new JobAudience();
  readonly #recall: JobRecall;
  readonly #preparation: JobPreparation;
  /** Who has asked for a job whose files are being looked for. Released meanwhile, it is not here. */
  readonly #inquirers = new Map<JobId, PeerId>();
  readonly #timers = new Set<ReturnType<typeof setTimeout>>();
  /** What goes on by itself, and must be over before the desk is. */
  readonly #chores = new Set<Promise<void>>();
  readonly #drained = Promise.withResolvers<void>();
  /** Resolves when no earlier transfer touches the folders any more. */
  #foldersFree: Promise<void> = Promise.resolve();
  #run: JobRun | undefined;
  #isDraining = false;
  #stopped = false;

  constructor(options: JobDeskOptions) {
    this.#options = options;
    this.#archive = new JobArchive(this.#jobsFolder, this.#partsFolder);
    this.#recall = new JobRecall(this.#archive, this.#audience, () => {
      const { jobId } = this.#slot;
      const sequence = jobId === undefined ? undefined : this.#slot.sequenceOf(jobId);
      return { jobId, sequence };
    });
    this.#preparation = new JobPreparation(options.folder, {
      mounts: options.mounts ?? MountTable.none,
      maps: options.maps ?? [],
    });
    this.#slot = new JobSlot((spec, inputs) => this.#objectionTo(spec, inputs));
  }

  /** A client's link is open. */
  welcome(client: PeerId, link: PeerLink): void {
    const older = this.#visits.get(client);
    this.#visits.set(client, { link });
    if (older === undefined) return;
    this.#audience.dismiss(older.link);
    endVisit(older, "A newer link of the same client is open");
    older.link.close("A newer link of the same client is open");
  }

  /** A client's link is over. Its job goes on; its transfers can be taken up again. */
  leave(client: PeerId, link: PeerLink): void {
    const visit = this.#visits.get(client);
    if (visit?.link !== link) return;
    this.#visits.delete(client);
    this.#audience.dismiss(link);
    endVisit(visit, "The link to the client closed");
    this.#checkDrained();
  }

  /** A client said something. */
  hear(client: PeerId, message: JobMessage | TransferMessage): void {
    this.#step({ type: "alive", client });
    switch (message.type) {
      case "job_reserve":
      case "job_inquire":
        return this.#inquire(client, message);
      case "job_start": {
        const { request_id: requestId, job_id: jobId } = message;
        return this.#step({ type: "start", client, requestId, jobId });
      }
      case "job_release":
        if (this.#inquirers.get(message.job_id) === client) this.#inquirers.delete(message.job_id);
        return this.#step({ type: "release", client, jobId: message.job_id });
      case "job_fetch":
        return this.#fetch(client, message.job_id);
      case "job_follow":
        return this.#follow(client, message);
      case "job_cancel":
        return this.#end(client, "cancel", message);
      case "job_stop":
        return this.#end(client, "stop", message);
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
        visit?.receiver?.receive(message);
        return visit?.sender?.receive(message);
      }
      case "job_lease":
      case "job_suitable":
      case "job_refused":
      case "job_following":
      case "job_accepted":
      case "job_metric":
      case "job_log":
      case "job_done":
      case "job_failed":
      case "job_cancelled":
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

  /** Takes no more jobs. Resolves when the running one has ended and its clients have left. */
  async drain(): Promise<void> {
    this.#isDraining = true;
    this.#step({ type: "closed" });
    this.#checkDrained();
    await this.#drained.promise;
  }

  /** Ends the running job, if there is one, and frees what the desk holds. */
  async stop(): Promise<void> {
    this.#step({ type: "closed" });
    this.#stopped = true;
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
    await this.#run?.stop();
    for (const visit of this.#visits.values()) endVisit(visit, "The worker stops");
    this.#audience.dismissLate();
    while (this.#chores.size > 0) await Promise.all(this.#chores);
    await this.#foldersFree;
  }

  #step(input: SlotInput): void {
    for (const effect of this.#slot.step(input, this.#options.clock.now())) this.#perform(effect);
  }

  #perform(effect: SlotEffect): void {
    switch (effect.type) {
      case "tell":
        return this.#tell(effect.client, effect.message);
      case "admit": {
        const link = this.#visits.get(effect.client)?.link;
        if (link !== undefined) this.#audience.admit(link, effect.jobId);
        return;
      }
      case "report":
        this.#note(effect.event);
        return this.#audience.say(effect.event);
      case "prepare":
        return this.#prepare(effect.client, effect.jobId, effect.spec, effect.inputs);
      case "end":
        this.#options.log.write("info", `Training is ended: ${effect.how}`, {
          job_id: effect.jobId,
        });
        return this.#run?.end(effect.how);
      case "run":
        return this.#start(effect.jobId, effect.spec);
      case "discard":
        return this.#discard(effect.jobId);
      case "status":
        return this.#options.status(effect.status, effect.currentJob);
      case "wake": {
        if (this.#stopped) return;
        // Rounded up: a timer of 2.5 ms may fire after 2, and before its time there is nothing to do.
        const delayMs = Math.ceil(Math.max(0, effect.at - this.#options.clock.now()));
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

  #objectionTo(spec: JobSpec, inputs: Manifest): Refused | undefined {
    return objectionTo(spec, inputs, this.#options.runners) ??
      this.#preparation.objectionOfDisk(inputs);
  }

  /** Looks for the job's files before the slot is asked, which cannot wait; or only says what it finds. */
  #inquire(
    client: PeerId,
    question: Extract<JobMessage, { type: "job_reserve" | "job_inquire" }>,
  ): void {
    const { request_id, request_id: requestId, job_id, job_id: jobId, spec, inputs } = question;
    const isReserving = question.type === "job_reserve";
    const reserve = () => this.#step({ type: "reserve", client, requestId, jobId, spec, inputs });
    // A slot that is not free says so at once.
    const isSearched = (spec.videos ?? []).length > 0 && this.#slot.jobId === undefined;
    if (isReserving && !isSearched) return reserve();
    if (isReserving) this.#inquirers.set(jobId, client);
    this.#chore("A job's files cannot be looked for", jobId, async () => {
      const objection = this.#objectionTo(spec, inputs) ??
        await this.#preparation.objectionOfPaths(client, spec, inputs).catch((error: unknown) => {
          this.#warn("A job's videos cannot be looked for", error, jobId);
          return {
            code: "unsuitable",
            reason: "The worker cannot look for the videos now",
          } as const;
        });
      if (objection !== undefined) {
        return this.#tell(client, { type: "job_refused", request_id, job_id, ...objection });
      }
      if (!isReserving) return this.#tell(client, { type: "job_suitable", request_id, job_id });
      const isWanted = this.#inquirers.get(jobId) === client && this.#visits.has(client);
      this.#inquirers.delete(jobId);
      if (isWanted) reserve();
    });
  }

  #prepare(client: PeerId, jobId: JobId, spec: JobSpec, inputs: Manifest): void {
    const folder = new JobFolder(this.#jobsFolder, jobId);
    const ready = folder.create(spec, client);
    this.#prepared.set(jobId, { client, folder, inputs, ready });
    this.#chore("A job's folder cannot be made", jobId, () => ready);
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
    const foldersFree = this.#foldersFree;
    const receiver = new FileReceiver(visit.link, {
      jobId,
      purpose,
      manifest: prepared.inputs,
      folder: prepared.folder.inputs,
      partsFolder: this.#partsFolder,
      ready: Promise.all([prepared.ready, foldersFree]),
    });
    visit.receiver = receiver;
    this.#foldersFree = Promise.all([foldersFree, receiver.closed]).then(() => {});
    this.#chore("Inputs did not arrive", jobId, async () => {
      await receiver.done;
      this.#step({ type: "inputs_complete", jobId });
    });
  }

  /** Sends the results of a job that ended well, to whoever is of the key that asked for it. */
  #fetch(client: PeerId, jobId: JobId): void {
    const visit = this.#visits.get(client);
    if (visit === undefined) return;
    this.#chore("Results did not go out", jobId, async () => {
      const folder = await this.#archive.find(jobId, client);
      const verdict = await folder?.verdict();
      if (folder === undefined || verdict?.type !== "job_done" || this.#stopped) {
        const reason = this.#stopped
          ? "The worker is stopping"
          : "The worker has no results of such a job of this client";
        const failed = { type: "transfer_failed", purpose: "results", reason } as const;
        return this.#tell(client, { ...failed, job_id: jobId });
      }
      if (this.#visits.get(client) !== visit) return;
      visit.sender?.end(new Error("The client asked anew"));
      const { results } = verdict;
      visit.sender = new FileSender(visit.link, {
        jobId,
        purpose: "results",
        manifest: results,
        pathOf: (index) => join(folder.output, results.files[index]?.path ?? ""),
      });
      await visit.sender.done;
    });
  }

  #follow(client: PeerId, question: Extract<JobMessage, { type: "job_follow" }>): void {
    const link = this.#visits.get(client)?.link;
    if (link === undefined) return;
    this.#chore("What was said of a job cannot be said again", question.job_id, () => {
      return this.#recall.follow(client, link, question);
    });
  }

  /** Ends the running job in that way; of another it says why not. */
  #end(
    client: PeerId,
    how: JobEnding,
    question: Extract<JobMessage, { type: "job_cancel" | "job_stop" }>,
  ): void {
    const { request_id: requestId, job_id: jobId } = question;
    const link = this.#visits.get(client)?.link;
    if (this.#slot.sequenceOf(jobId) !== undefined) {
      return this.#step({ type: "end", client, requestId, jobId, how });
    }
    if (link === undefined) return;
    this.#chore("A job cannot be looked up", jobId, () => {
      return this.#recall.refuseEnd(client, link, question);
    });
  }

  #start(jobId: JobId, spec: JobSpec): void {
    const prepared = this.#prepared.get(jobId);
    if (prepared === undefined) {
      throw new Error(`Expected ${jobId} to be prepared before it runs`);
    }
    const { folder, client } = prepared;
    const { clock, log, executables } = this.#options;
    const { runner } = spec;
    const run = new JobRun(folder, spec, {
      executables,
      clock,
      prepare: async () =>
        folder.pathsFor(spec, await this.#preparation.labelsFor(client, spec, folder)),
      handlers: {
        started: (pid) => log.write("info", "Training started", { job_id: jobId, pid, runner }),
        printed: (stream, text) => this.#step({ type: "printed", stream, text }),
        epoch: (epoch) => this.#step({ type: "epoch_ended", epoch }),
        warned: (warning) => log.write("warning", warning, { job_id: jobId }),
      },
    });
    this.#run = run;
    this.#chore("Old jobs cannot be removed", jobId, async () => {
      const verdict = await run.verdict;
      this.#run = undefined;
      const reason = verdict.type === "failed" ? { reason: verdict.reason } : {};
      log.write("info", `Training ended: ${verdict.type}`, { job_id: jobId, ...reason });
      this.#step({ type: "ended", verdict });
      this.#prepared.delete(jobId);
      this.#checkDrained();
      await this.#archive.sweep(clock.wallMs());
    });
  }

  #discard(jobId: JobId): void {
    const prepared = this.#prepared.get(jobId);
    this.#prepared.delete(jobId);
    for (const visit of this.#visits.values()) visit.receiver?.giveUp("The lease of the job ended");
    if (prepared === undefined) return;
    this.#chore("A job's folder cannot be removed", jobId, async () => {
      // A folder that we could not make is not ours to remove: it may be that of another job.
      const isOurs = await prepared.ready.then(() => true, () => false);
      await this.#foldersFree;
      if (isOurs) await prepared.folder.remove();
    });
  }

  /** What cannot be written down is still said: the run must not end for it. */
  #note(event: JobEvent): void {
    try {
      this.#prepared.get(event.job_id)?.folder.note(event);
    } catch (error) {
      this.#warn("What is said of a job cannot be written down", error, event.job_id);
    }
  }

  #tell(client: PeerId, message: JobMessage | TransferMessage): void {
    const link = this.#visits.get(client)?.link;
    // A client that is away hears of it when it comes back: what matters is in the job's folder.
    if (link !== undefined) tellPeer(link, message);
  }

  #checkDrained(): void {
    if (!this.#isDraining || this.#run !== undefined) return;
    // Who only watches the room does not hold the worker; who hears of a job may want its results.
    const isWaitedFor = ({ link, sender }: Visit) =>
      sender !== undefined || this.#audience.hears(link);
    if (![...this.#visits.values()].some(isWaitedFor)) this.#drained.resolve();
  }

  get #jobsFolder(): string {
    return join(this.#options.folder, "jobs");
  }

  get #partsFolder(): string {
    return join(this.#options.folder, "parts");
  }

  /** Does something that nobody waits for but the end of the desk. */
  #chore(complaint: string, jobId: JobId, work: () => Promise<void>): void {
    const chore = work()
      .catch((error: unknown) => this.#warn(complaint, error, jobId))
      .finally(() => this.#chores.delete(chore));
    this.#chores.add(chore);
  }

  #warn(what: string, error: unknown, jobId: JobId): void {
    const reason = error instanceof Error ? error.message : String(error);
    this.#options.log.write("warning", `${what}: ${reason}`, { job_id: jobId });
  }
}

function endVisit({ receiver, sender }: Visit, reason: string): void {
  receiver?.end(new Error(reason));
  sender?.end(new Error(reason));
}
