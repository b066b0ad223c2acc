/**
 * A client of the race: asks one worker after the other for its slot, and follows its job to the end; then
 * it does it again. Knows only what it was told.
 */

import { isJobId, isPeerId, type JobId, type PeerId } from "../../lib/base/id.ts";
import { below, pick } from "../../lib/base/random.ts";
import type { JobMessage } from "../../lib/protocol/job_message.ts";
import type { TransferMessage } from "../../lib/protocol/transfer_message.ts";
import { type ErrandNews, JobErrand } from "./job_errand.ts";
import type { JobWorker } from "./job_worker.ts";
import type { JobWorld } from "./job_world.ts";

const PAUSE_MS_MAX = 5_000;
const DOWN_MS_MAX = 20_000;

/** A client. */
export class JobClient {
  readonly peerId: PeerId;
  readonly #number: number;
  readonly #world: JobWorld;
  #jobs = 0;
  #errand: JobErrand | undefined;
  #worker: JobWorker | undefined;
  #isDown = false;

  constructor(number: number, world: JobWorld) {
    this.#number = number;
    this.#world = world;
    const peerId = `laptop${number}-${letters(number)}`;
    if (!isPeerId(peerId)) throw new Error(`Expected a peer id, got ${peerId}`);
    this.peerId = peerId;
  }

  /** Begins to want something, a little later. */
  begin(): void {
    const { random, timeline } = this.#world;
    const errand = this.#errand;
    timeline.after(below(PAUSE_MS_MAX, random), () => {
      if (this.#errand === errand && !this.#isDown) this.#goSomewhere();
    });
  }

  /** The process dies, and another one begins: it comes back to its job, or wants another. */
  crash(): void {
    if (this.#isDown) return;
    const { random, timeline } = this.#world;
    this.#isDown = true;
    this.#errand?.leave();
    timeline.after(below(DOWN_MS_MAX, random), () => {
      this.#isDown = false;
      if (this.#errand?.isBrought === true && random.next() < 0.5) return this.#errand.arrive();
      this.#errand?.giveUp();
      this.#errand = undefined;
      this.begin();
    });
  }

  /** Something of a worker arrives. */
  hear(worker: JobWorker, message: JobMessage | TransferMessage): void {
    if (this.#isDown || worker !== this.#worker) return;
    this.#errand?.hear(message);
    if (this.#world.random.next() >= 0.02) return;
    this.#errand?.end(this.#world.random.next() < 0.5 ? "cancel" : "stop");
  }

  #goSomewhere(): void {
    const { isTrouble, random, workers } = this.#world;
    if (!isTrouble) return;
    this.#worker = pick(workers.filter(({ seemsFree }) => seemsFree), random);
    // Nobody is free: looked for again a little later.
    if (this.#worker === undefined) return this.begin();
    this.#errand ??= this.#newErrand();
    this.#errand.arrive();
  }

  #newErrand(): JobErrand {
    const { referee, timeline } = this.#world;
    const errand: JobErrand = new JobErrand({
      client: this.peerId,
      jobId: this.#newJob(),
      isOrdered: false,
      watcher: referee,
      after: (delayMs, action) => timeline.after(delayMs, action),
      say: (message) => {
        const worker = this.#worker;
        this.#world.send(() => worker?.hear(this.peerId, message));
      },
      happened: (news) => {
        if (this.#errand === errand) this.#happened(errand, news);
      },
    });
    return errand;
  }

  /** A job that was given up may run all the same: the next one has another id. */
  #happened(errand: JobErrand, news: ErrandNews): void {
    switch (news) {
      case "begun":
        return;
      case "refused":
        return this.begin();
      case "unanswered":
        if (errand.isBrought) return errand.arrive();
        errand.giveUp();
        break;
      case "over":
        break;
    }
    this.#errand = undefined;
    this.begin();
  }

  #newJob(): JobId {
    const jobId = `job-${letters(this.#number)}${letters(this.#jobs++)}`;
    if (!isJobId(jobId)) throw new Error(`Expected a job id, got ${jobId}`);
    return jobId;
  }
}

/** Ten letters for a number. */
function letters(number: number): string {
  return [...String(number).padStart(10, "0")].map((digit) => "abcdefghij"[Number(digit)]).join("");
}
