/**
 * The desk of one life of a simulated worker: the real slot, and what performs its effects on a simulated
 * disk and trainer, as `lib/runtime/job_desk.ts` does on real ones. Decides nothing of who gets the slot.
 */

import type { JobId, LinkId, PeerId } from "../../lib/base/id.ts";
import { below, type Random } from "../../lib/base/random.ts";
import type { Instant } from "../../lib/base/time.ts";
import {
  type JobSlot,
  refusalMessage,
  type Refused,
  type Suitability,
} from "../../lib/job/slot.ts";
import type { SlotEffect } from "../../lib/job/slot_effect.ts";
import type { JobEnding, SlotInput, Verdict } from "../../lib/job/slot_input.ts";
import { objectionTo } from "../../lib/job/suitability.ts";
import type { JobMessage } from "../../lib/protocol/job_message.ts";
import type { Manifest } from "../../lib/protocol/manifest.ts";
import type { TransferMessage } from "../../lib/protocol/transfer_message.ts";
import type { CurrentJob, WorkerStatus } from "../../lib/protocol/worker.ts";
import { JobBench } from "./job_bench.ts";
import { objectionToEnding, objectionToFollowing } from "./job_recall.ts";
import type { JobDisk, JobFolder } from "./job_disk.ts";
import type { JobWatcher, Shown, WatchedDesk } from "./job_watcher.ts";
import type { Timeline } from "./timeline.ts";

/** What a simulation needs of a slot; a planted fault gives another than production's. */
export type SimulatedSlot = Pick<JobSlot, "step" | "jobId" | "sequenceOf">;
/** Makes slots. */
export type SlotFactory = (suitability: Suitability) => SimulatedSlot;

/** Faults of a desk that a referee must find: what it is made of waits, and cannot be planted in a copy. */
export type DeskFault =
  /** Started again, it knows nothing of the trainer that still runs. */
  | "forgets_its_jobs"
  /** Started again, it gives verdicts that were given. */
  | "tells_verdicts_again"
  /** Started again, it tells what the trainer wrote from the beginning. */
  | "tells_words_again";

/** What a desk works with. */
export interface SimulatedDeskOptions {
  readonly name: string;
  readonly disk: JobDisk;
  readonly timeline: Timeline;
  readonly random: Random;
  readonly watcher: JobWatcher;
  readonly createSlot: SlotFactory;
  readonly planted: DeskFault | undefined;
  /** The worker's own clock. */
  readonly now: () => Instant;
  /** Does something later in this life, by the worker's own clock, when the process gets to it. */
  readonly later: (delayMs: number, action: () => void) => void;
  /** Says something to a client, if it is there. */
  readonly tell: (client: PeerId, message: JobMessage | TransferMessage) => void;
  /** Tells the room what this worker does. */
  readonly status: (status: WorkerStatus, currentJob: CurrentJob | null) => void;
  readonly shown: () => Shown;
  /** What the room state has of the worker; absent where there is no room. */
  readonly known?: () => Shown | undefined;
  readonly settledAt: () => Instant;
  /** Why a free slot is not for that client's job: it is another's turn. */
  readonly objectionTo: (client: PeerId, jobId: JobId) => string | undefined;
}

/** For the inputs of a job to arrive. */
const UPLOAD_MS_MAX = 8_000;

interface Held {
  readonly jobId: JobId;
  readonly inputs: Manifest;
  /** Nothing, where it cannot be made: then the inputs never come to be complete. */
  readonly folder: JobFolder | undefined;
}

/** The desk of one life of a worker. */
export class SimulatedDesk implements WatchedDesk {
  readonly #options: SimulatedDeskOptions;
  readonly #slot: SimulatedSlot;
  readonly #links = new Map<PeerId, LinkId>();
  /** Which client hears of which job. */
  readonly #audience = new Map<PeerId, JobId>();
  readonly #bench: JobBench;
  readonly #survivors: JobFolder[] = [];
  #held: Held | undefined;
  #receiver: { readonly client: PeerId } | undefined;
  #isClosed = false;
  #isOver = false;

  constructor(options: SimulatedDeskOptions) {
    this.#options = options;
    this.#slot = options.createSlot((spec, inputs) =>
      objectionTo(spec, inputs, { runners: ["demo"] })
    );
    this.#bench = new JobBench({
      ...options,
      begins: ({ jobId }) => options.watcher.begins(this, jobId, options.disk.running?.jobId),
      happened: (input) => this.#step(input),
      concluded: (verdict) => this.#conclude(verdict),
    });
  }

  get name(): string {
    return this.#options.name;
  }

  get jobId(): JobId | undefined {
    return this.#slot.jobId;
  }

  get sequence(): number | undefined {
    return this.jobId === undefined ? undefined : this.#slot.sequenceOf(this.jobId);
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  get shown(): Shown {
    return this.#options.shown();
  }

  get known(): Shown | undefined {
    return this.#options.known?.();
  }

  get settledAt(): Instant {
    return this.#options.settledAt();
  }

  /** Takes up the jobs of earlier lives, those that are over first. To be called before clients come. */
  takeUp(): void {
    const { disk, planted } = this.#options;
    const isToldAgain = planted === "tells_verdicts_again";
    for (const folder of disk.folders) {
      if (folder.sequence === 0) disk.remove(folder.jobId);
      else if (folder.verdict === undefined || isToldAgain) this.#survivors.push(folder);
    }
    if (planted === "forgets_its_jobs") this.#survivors.length = 0;
    const isRunning = ({ trainer }: JobFolder) => trainer?.state === "runs" ? 1 : 0;
    this.#survivors.sort((one, other) => isRunning(one) - isRunning(other));
    this.#adoptNext();
  }

  /** A client's link is open. Gives the older one whose place it takes. */
  welcome(client: PeerId, linkId: LinkId): LinkId | undefined {
    const older = this.#links.get(client);
    this.#links.set(client, linkId);
    this.#dismiss(client);
    return older;
  }

  /** A client's link is over. Its job goes on. */
  leave(client: PeerId, linkId: LinkId): void {
    if (this.#links.get(client) !== linkId) return;
    this.#links.delete(client);
    this.#dismiss(client);
  }

  /** The link of a client that is here. */
  linkOf(client: PeerId): LinkId | undefined {
    return this.#links.get(client);
  }

  /** A client said something. */
  hear(client: PeerId, message: JobMessage | TransferMessage): void {
    if (this.#isOver) return;
    this.#step({ type: "alive", client });
    switch (message.type) {
      case "job_reserve":
        return this.#reserve(client, message);
      case "job_start":
        return this.#step({ type: "start", ...requestOf(client, message) });
      case "job_release":
        return this.#step({ type: "release", client, jobId: message.job_id });
      case "job_follow":
        return this.#follow(client, message);
      case "job_cancel":
        return this.#end(client, "cancel", message);
      case "job_stop":
        return this.#end(client, "stop", message);
      case "transfer_offer":
        return this.#receive(client, message);
      case "job_alive":
        return this.#options.tell(client, message);
      default:
        throw new Error(`Expected what a simulated client says, got ${message.type}`);
    }
  }

  /** Takes no more jobs, and leaves the one that runs to the worker's next life. */
  stop(): void {
    this.#isClosed = true;
    this.#step({ type: "closed" });
    this.#isOver = true;
    this.#bench.leave();
  }

  /** The machine loses power, after the worker was killed. */
  losePower(): void {
    this.#options.disk.losePower();
  }

  #step(input: SlotInput): void {
    if (this.#isOver) return;
    const { now, watcher } = this.#options;
    const effects = this.#slot.step(input, now());
    watcher.stepped(this, input, effects);
    for (const effect of effects) this.#perform(effect);
    watcher.settled(this);
  }

  #perform(effect: SlotEffect): void {
    const { disk, later, now, status, tell } = this.#options;
    switch (effect.type) {
      case "tell":
        return tell(effect.client, effect.message);
      case "admit":
        this.#audience.set(effect.client, effect.jobId);
        return;
      case "report": {
        const { event } = effect;
        this.#held?.folder?.note(event, this.#bench.told);
        for (const [client, jobId] of this.#audience) {
          if (jobId === event.job_id) tell(client, event);
        }
        return;
      }
      case "prepare": {
        const { client, inputs, jobId, spec } = effect;
        this.#held = { jobId, inputs, folder: disk.create(jobId, client, spec) };
        return;
      }
      case "run":
        return this.#run();
      case "end":
        return this.#bench.end(effect.how);
      case "discard":
        return this.#discard(effect.jobId);
      case "status":
        return status(effect.status, effect.currentJob);
      case "wake":
        return later(effect.at - now(), () => this.#step({ type: "woke" }));
    }
    effect satisfies never;
  }

  #reserve(client: PeerId, asked: Extract<JobMessage, { type: "job_reserve" }>): void {
    const { spec, inputs, job_id } = asked;
    const reason = this.#options.objectionTo(client, job_id);
    if (reason !== undefined) return this.#refuse(client, asked, { code: "busy", reason });
    this.#step({ type: "reserve", ...requestOf(client, asked), spec, inputs });
  }

  #receive(client: PeerId, offer: Extract<TransferMessage, { type: "transfer_offer" }>): void {
    const { later, random, tell } = this.#options;
    const { job_id, job_id: jobId, purpose, manifest } = offer;
    const held = this.#held?.jobId === jobId ? this.#held : undefined;
    const isLeased = held !== undefined && this.jobId === jobId;
    if (!isLeased || JSON.stringify(manifest) !== JSON.stringify(held.inputs)) {
      const reason = "The worker expects the inputs of a job that it has leased, and no others";
      return tell(client, { type: "transfer_failed", job_id, purpose, reason });
    }
    if (held.folder === undefined) return;
    const receiver = { client };
    this.#receiver = receiver;
    later(below(UPLOAD_MS_MAX, random), () => {
      if (this.#receiver !== receiver || this.#isOver) return;
      this.#receiver = undefined;
      this.#step({ type: "inputs_complete", jobId });
      tell(client, { type: "transfer_done", job_id, purpose });
    });
  }

  #run(): void {
    if (this.#held?.folder === undefined) throw new Error("Expected a folder to run the job in");
    this.#bench.begin(this.#held.folder);
  }

  #discard(jobId: JobId): void {
    const { disk, tell } = this.#options;
    if (this.#receiver !== undefined) {
      const reason = "The lease of the job ended";
      const failed = { type: "transfer_failed", job_id: jobId, purpose: "inputs", reason } as const;
      tell(this.#receiver.client, failed);
    }
    this.#receiver = undefined;
    // A folder that we could not make is not ours to remove.
    if (this.#held?.jobId === jobId && this.#held.folder !== undefined) disk.remove(jobId);
    this.#held = undefined;
  }

  /** Nobody is told anything between the end of what was said and what comes: both happen at once. */
  #follow(client: PeerId, asked: Extract<JobMessage, { type: "job_follow" }>): void {
    const { disk, tell } = this.#options;
    const { request_id, job_id, after_sequence } = asked;
    const folder = disk.find(job_id, client);
    const refused = objectionToFollowing(folder, after_sequence, this);
    if (refused !== undefined) return this.#refuse(client, asked, refused);
    tell(client, { type: "job_following", request_id, job_id, after_sequence });
    for (const event of folder?.events ?? []) {
      if (event.sequence > after_sequence) tell(client, event);
    }
    this.#audience.set(client, job_id);
  }

  #end(
    client: PeerId,
    how: JobEnding,
    asked: Extract<JobMessage, { type: "job_cancel" | "job_stop" }>,
  ): void {
    const { job_id } = asked;
    if (this.#slot.sequenceOf(job_id) !== undefined) {
      return this.#step({ type: "end", ...requestOf(client, asked), how });
    }
    const folder = this.#options.disk.find(job_id, client);
    this.#refuse(client, asked, objectionToEnding(folder, this));
  }

  #refuse(
    client: PeerId,
    question: Parameters<typeof refusalMessage>[0],
    refused: Refused,
  ): void {
    const { request_id, job_id } = question;
    this.#options.tell(client, refusalMessage({ request_id, job_id }, refused));
  }

  #dismiss(client: PeerId): void {
    this.#audience.delete(client);
    if (this.#receiver?.client === client) this.#receiver = undefined;
  }

  #conclude(verdict: Verdict): void {
    this.#step({ type: "ended", verdict });
    this.#held = undefined;
    this.#adoptNext();
  }

  #adoptNext(): void {
    const { now, planted } = this.#options;
    const folder = this.#survivors.shift();
    if (folder === undefined) return;
    const { client, jobId, sequence, spec, told } = folder;
    this.#held = { jobId, inputs: { files: [] }, folder };
    this.#step({ type: "adopted", client, jobId, spec, sequence, startedAt: now() });
    this.#bench.takeUp(folder, planted === "tells_words_again" ? 0 : told);
  }
}

function requestOf(
  client: PeerId,
  { request_id, job_id }: Extract<JobMessage, { request_id: unknown; job_id: unknown }>,
) {
  return { client, requestId: request_id, jobId: job_id };
}
