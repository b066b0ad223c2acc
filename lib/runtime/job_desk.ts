/**
 * The worker's desk for clients: hears what they ask, keeps one slot, and has done what the slot
 * decides: folders, transfers, the run of the job, and what is said of it.
 */

import { join } from "node:path";
import type { JobId, PeerId } from "../base/id.ts";
import type { Log } from "../base/log.ts";
import type { Clock, Instant } from "../base/time.ts";
import type { Executables } from "../job/runner.ts";
import { JobSlot, refusalMessage, type Refused } from "../job/slot.ts";
import type { SlotEffect } from "../job/slot_effect.ts";
import type { JobEnding, SlotInput, Verdict } from "../job/slot_input.ts";
import { objectionTo } from "../job/suitability.ts";
import type { JobMessage } from "../protocol/job_message.ts";
import type { JobSpec } from "../protocol/job_spec.ts";
import type { Manifest } from "../protocol/manifest.ts";
import type { PathMap } from "../protocol/mount.ts";
import type { TransferMessage } from "../protocol/transfer_message.ts";
import type { CurrentJob, WorkerStatus } from "../protocol/worker.ts";
import type { PeerLink } from "../rtc/peer_link.ts";
import { Chores } from "./chores.ts";
import { DeskDrain } from "./desk_drain.ts";
import { CACHE_BYTES_MAX, FileCache } from "./file_cache.ts";
import { HeldJobs } from "./held_jobs.ts";
import { JobArchive } from "./job_archive.ts";
import { JobAudience } from "./job_audience.ts";
import { type DeskEnd, JobBench } from "./job_bench.ts";
import type { JobGpu } from "./job_gpu.ts";
import { JobInquiries, type JobInquiry } from "./job_inquiries.ts";
import { JobPreparation } from "./job_preparation.ts";
import { JobRecall } from "./job_recall.ts";
import { JobRemains } from "./job_remains.ts";
import { findLeftJobs, type Survivor } from "./job_survivors.ts";
import { JobVisits } from "./job_visits.ts";
import { MountTable } from "./mount_table.ts";

/** What a desk works with. */
export interface JobDeskOptions {
  /** Where jobs and parts of files are kept. */
  readonly folder: string;
  readonly executables: Executables;
  readonly runners: readonly JobSpec["runner"][];
  /** The version of sleap-nn, where it is known. */
  readonly sleapNnVersion?: string | undefined;
  /** The folders that jobs may read from; none where left out. */
  readonly mounts?: MountTable;
  /** Prefixes of paths in labels, and what stands there on this worker. */
  readonly maps?: readonly PathMap[];
  readonly clock: Clock;
  readonly log: Log;
  /** Bytes of inputs that are kept so that they need not be sent again; 20 GB where left out. */
  readonly cacheBytesMax?: number;
  /** Bytes that the inputs of one job may have; as many as the disk takes where left out. */
  readonly inputsBytesMax?: number | undefined;
  /** The GPU that jobs use, where there is one that may be asked. */
  readonly gpu?: JobGpu | undefined;
  /** Between two looks at what ended jobs have left; as `job_remains.ts` says where left out. */
  readonly remainsLookMs?: number | undefined;
  /** For clients to fetch their results from a worker that leaves; as `desk_drain.ts` says where left out. */
  readonly serveMs?: number | undefined;
  /** Why a free slot is not for that client's job: it is another's turn. Left out, there is no queue. */
  readonly objectionTo?: (client: PeerId, jobId: JobId) => string | undefined;
  /** Tells the room what this worker does. */
  readonly status: (status: WorkerStatus, currentJob: CurrentJob | null) => void;
  /** Is told when the running job is expected to be over, often and mostly with the same. */
  readonly expect?: (freeAt: Instant | undefined) => void;
}

/** The desk of one worker. */
export class JobDesk {
  readonly #options: JobDeskOptions;
  readonly #slot: JobSlot;
  readonly #visits: JobVisits;
  readonly #held: HeldJobs;
  readonly #archive: JobArchive;
  readonly #audience = new JobAudience();
  readonly #recall: JobRecall;
  readonly #cache: FileCache;
  readonly #preparation: JobPreparation;
  readonly #inquiries: JobInquiries;
  readonly #chores: Chores;
  readonly #bench: JobBench;
  readonly #remains: JobRemains;
  readonly #timers = new Set<ReturnType<typeof setTimeout>>();
  readonly #drain: DeskDrain;
  readonly #ended = new AbortController();
  /** Jobs of an earlier life that are still to be taken up. */
  #survivors: Survivor[] = [];

  constructor(options: JobDeskOptions) {
    const { folder, log, cacheBytesMax = CACHE_BYTES_MAX } = options;
    const { mounts = MountTable.none, maps = [] } = options;
    this.#options = options;
    this.#chores = new Chores(log);
    const partsFolder = join(folder, "parts");
    this.#held = new HeldJobs(this.#jobsFolder, partsFolder, this.#chores);
    this.#cache = new FileCache(join(folder, "cache"), cacheBytesMax);
    const cache = this.#cache;
    const preparation = new JobPreparation(folder, {
      mounts,
      maps,
      sleapNn: options.executables.sleapNn,
      spareableBytes: () => cache.bytes,
      inputsBytesMax: options.inputsBytesMax,
    });
    this.#preparation = preparation;
    const happened = (input: SlotInput) => this.#step(input);
    this.#remains = new JobRemains(options, this.#chores, happened);
    const remains = this.#remains;
    this.#bench = new JobBench({ ...options, preparation, remains }, this.#chores, {
      happened,
      concluded: (jobId, verdict) => this.#conclude(jobId, verdict),
    });
    this.#visits = new JobVisits({ partsFolder, cache, mounts, chores: this.#chores, log });
    this.#drain = new DeskDrain({
      isBusy: () => this.#bench.isBusy,
      // Who only watches the room does not hold the worker; who hears of a job may want its results.
      hasBusiness: () => this.#visits.hasBusiness((link) => this.#audience.hears(link)),
      serveMs: options.serveMs,
      ended: this.#ended.signal,
    });
    this.#archive = new JobArchive(this.#jobsFolder, partsFolder);
    this.#recall = new JobRecall(this.#archive, this.#audience, (jobId) => ({
      isHere: this.#slot.jobId === jobId,
      sequence: this.#slot.sequenceOf(jobId),
      unwritten: this.#held.unwritten(jobId),
      remains: remains.reasonOf(jobId),
    }));
    const objectionTo = (spec: JobSpec, inputs: Manifest) => this.#objectionTo(spec, inputs);
    this.#slot = new JobSlot(objectionTo);
    this.#inquiries = new JobInquiries({ preparation, chores: this.#chores, objectionTo }, {
      isFree: () => this.#slot.jobId === undefined,
      linkOf: (client) => this.#visits.linkOf(client),
      tell: (client, message) => this.#visits.tell(client, message),
      reserve: (client, inquiry) => this.#reserve(client, inquiry),
    });
  }

  /**
   * Takes up the jobs that an earlier life of the worker began: one whose trainer runs goes on, one
   * that ended meanwhile gets its verdict. To be called before any client comes.
   *
   * @throws {Error} Where the folder of jobs cannot be read.
   */
  async takeUp(): Promise<void> {
    await this.#cache.load();
    const { survivors, unreadable } = await findLeftJobs(this.#archive, this.#options.log);
    for (const job of unreadable) await this.#remains.beware(job);
    for (const folder of await this.#archive.all()) await this.#remains.takeUp(folder);
    this.#survivors.push(...survivors);
    this.#adoptNext();
  }

  /** Processes that jobs of this worker own, by their ids. */
  get pids(): readonly number[] {
    return this.#bench.pids;
  }

  /** A client's link is open. */
  welcome(client: PeerId, link: PeerLink): void {
    const older = this.#visits.welcome(client, link);
    if (older === undefined) return;
    this.#audience.dismiss(older);
    older.close("A newer link of the same client is open");
  }

  /** A client's link is over. Its job goes on; its transfers can be taken up again. */
  leave(client: PeerId, link: PeerLink): void {
    if (!this.#visits.leave(client, link)) return;
    this.#audience.dismiss(link);
    this.#drain.check();
  }

  /** A client said something. */
  hear(client: PeerId, message: JobMessage | TransferMessage): void {
    this.#step({ type: "alive", client });
    switch (message.type) {
      case "job_reserve":
      case "job_inquire":
        return this.#inquiries.ask(client, message);
      case "job_start": {
        const { request_id: requestId, job_id: jobId } = message;
        return this.#step({ type: "start", client, requestId, jobId });
      }
      case "job_release":
        this.#inquiries.forget(client, message.job_id);
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
        return this.#visits.tell(client, message);
      case "transfer_offer":
        return this.#receive(client, message);
      case "transfer_want":
      case "transfer_block":
      case "transfer_credit":
      case "transfer_done":
      case "transfer_failed":
        return this.#visits.hear(client, message);
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
      case "job_lost":
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
    this.#visits.data(client, index, offset, bytes);
  }

  /**
   * Takes no more jobs. Resolves when the running one has ended and its clients have left.
   *
   * @param notice What becomes of the running job, in a sentence for those who follow it.
   */
  async drain(notice: string): Promise<void> {
    this.#step({ type: "closed", notice });
    await this.#drain.begin();
  }

  /**
   * Takes no jobs for now, and again when there is no `reason` any more. The running one goes on.
   *
   * @param reason For whoever is refused meanwhile, in a sentence.
   */
  maintain(reason: string | undefined): void {
    const by = "maintenance";
    this.#step(reason === undefined ? { type: "cleared", by } : { type: "obstructed", by, reason });
  }

  /** Ends the running job, or leaves it to the worker's next life, and frees what the desk holds. */
  async stop(how: DeskEnd = "end_job"): Promise<void> {
    this.#step({ type: "closed" });
    this.#ended.abort();
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
    this.#remains.stop();
    this.#held.stop();
    await this.#bench.stop(how);
    this.#visits.end("The worker stops");
    this.#audience.dismissLate();
    await this.#chores.done();
    await this.#visits.foldersFree;
  }

  #step(input: SlotInput): void {
    for (const effect of this.#slot.step(input, this.#options.clock.now())) this.#perform(effect);
    this.#options.expect?.(this.#slot.freeAt);
  }

  #perform(effect: SlotEffect): void {
    switch (effect.type) {
      case "tell":
        return this.#visits.tell(effect.client, effect.message);
      case "admit": {
        const link = this.#visits.linkOf(effect.client);
        if (link !== undefined) this.#audience.admit(link, effect.jobId);
        return;
      }
      case "report":
        this.#held.note(effect.event);
        return this.#audience.say(effect.event);
      case "prepare":
        return this.#held.prepare(effect, this.#visits.foldersFree);
      case "end":
        this.#options.log.write("info", `Training is ended: ${effect.how}`, {
          job_id: effect.jobId,
        });
        return this.#bench.end(effect.how);
      case "run":
        return this.#bench.begin(effect.jobId, effect.spec, this.#held.get(effect.jobId));
      case "discard":
        return this.#discard(effect.jobId);
      case "status":
        return this.#options.status(effect.status, effect.currentJob);
      case "wake":
        return this.#later(effect.at - this.#options.clock.now(), () => {
          this.#step({ type: "woke" });
        });
    }
    effect satisfies never;
  }

  /** What can be said at once against a job. A GPU that has failed comes first: nothing else helps. */
  #objectionTo(spec: JobSpec, inputs: Manifest): Refused | undefined {
    const { gpu } = this.#options;
    const reason = gpu?.objection;
    if (reason !== undefined) return { code: "closed", reason };
    return objectionTo(spec, inputs, this.#options) ?? this.#preparation.objectionOfDisk(inputs);
  }

  /** Asks the slot, unless it is another's turn in the room's queue. */
  #reserve(client: PeerId, inquiry: JobInquiry): void {
    const { request_id, request_id: requestId, job_id, job_id: jobId, spec, inputs } = inquiry;
    const reason = this.#options.objectionTo?.(client, jobId);
    if (reason !== undefined) {
      const refusal = refusalMessage({ request_id, job_id }, { code: "busy", reason });
      return this.#visits.tell(client, refusal);
    }
    this.#step({ type: "reserve", client, requestId, jobId, spec, inputs });
  }

  #later(delayMs: number, action: () => void): void {
    if (this.#ended.signal.aborted) return;
    // Rounded up: a timer of 2.5 ms may fire after 2, and before its time there is nothing to do.
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      action();
    }, Math.ceil(Math.max(0, delayMs)));
    this.#timers.add(timer);
  }

  #receive(client: PeerId, offer: Extract<TransferMessage, { type: "transfer_offer" }>): void {
    const held = this.#held.find(offer.job_id);
    const { job_id: jobId, purpose, manifest } = offer;
    const leased = held !== undefined && this.#slot.jobId === jobId && purpose === "inputs";
    if (!leased || JSON.stringify(manifest) !== JSON.stringify(held.inputs)) {
      const reason = "The worker expects the inputs of a job that it has leased, and no others";
      return this.#visits.tell(client, { type: "transfer_failed", job_id: jobId, purpose, reason });
    }
    const { inputs, folder, ready } = held;
    const isFresh = offer.is_fresh === true;
    this.#chores.begin("Inputs did not arrive", jobId, async () => {
      await this.#visits.receive(client, {
        jobId,
        manifest: inputs,
        folder: folder.inputs,
        isFresh,
        ready,
      });
      this.#step({ type: "inputs_complete", jobId });
    });
  }

  #discard(jobId: JobId): void {
    this.#visits.refuseInputs("The lease of the job ended");
    const gone = this.#held.discard(jobId, this.#visits.foldersFree);
    this.#visits.occupyFolders(gone);
    this.#chores.begin("A job's folder cannot be removed", jobId, () => gone);
  }

  /** Sends the results of a job that ended well, to whoever is of the key that asked for it. */
  #fetch(client: PeerId, jobId: JobId): void {
    const link = this.#visits.linkOf(client);
    if (link === undefined) return;
    this.#chores.begin("Results did not go out", jobId, async () => {
      const results = await this.#recall.results(client, link, jobId, this.#ended.signal);
      if (results !== undefined) await this.#visits.send(client, link, { jobId, ...results });
    });
  }

  #follow(client: PeerId, question: Extract<JobMessage, { type: "job_follow" }>): void {
    const link = this.#visits.linkOf(client);
    if (link === undefined) return;
    this.#chores.begin("What was said of a job cannot be said again", question.job_id, () => {
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
    const link = this.#visits.linkOf(client);
    if (this.#slot.sequenceOf(jobId) !== undefined) {
      return this.#step({ type: "end", client, requestId, jobId, how });
    }
    if (link === undefined) return;
    this.#chores.begin("A job cannot be looked up", jobId, () => {
      return this.#recall.refuseEnd(client, link, question);
    });
  }

  /** Takes up the next job of an earlier life. Called only while the slot is free. */
  #adoptNext(): void {
    const survivor = this.#ended.signal.aborted ? undefined : this.#survivors.shift();
    if (survivor === undefined) return;
    const { jobId, client, spec, sequence, startedAtMs } = survivor;
    const { clock, log } = this.#options;
    const ageMs = startedAtMs === undefined ? 0 : Math.max(0, clock.wallMs() - startedAtMs);
    log.write("info", "A job of an earlier life is taken up", { job_id: jobId, sequence });
    const held = this.#held.takeUp(survivor);
    const startedAt = clock.now() - ageMs;
    this.#step({ type: "adopted", client, jobId, spec, sequence, startedAt });
    if (startedAtMs !== undefined) return this.#bench.takeUp(jobId, spec, held);
    this.#conclude(jobId, { type: "lost", reason: "The worker ended before the trainer began" });
  }

  /** Gives the verdict of the running job, and takes up what is still to be taken up. */
  #conclude(jobId: JobId, verdict: Verdict): void {
    const { log, clock } = this.#options;
    const reason = "reason" in verdict && verdict.reason !== undefined
      ? { reason: verdict.reason }
      : {};
    log.write("info", `Training ended: ${verdict.type}`, { job_id: jobId, ...reason });
    this.#step({ type: "ended", verdict });
    const { folder } = this.#held.get(jobId);
    this.#held.release(jobId);
    this.#chores.begin("Inputs of a job cannot be removed", jobId, async () => {
      await this.#visits.cached;
      await folder.removeInputs();
    });
    this.#adoptNext();
    this.#drain.check();
    this.#chores.begin("Old jobs cannot be removed", jobId, () => {
      return this.#archive.sweep(clock.wallMs());
    });
  }

  get #jobsFolder(): string {
    return join(this.#options.folder, "jobs");
  }
}
