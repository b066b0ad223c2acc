/**
 * What must hold of jobs at every step, whatever goes wrong. Sees everything, changes nothing.
 *
 *  1. At most one trainer runs in a slot, and one client holds it.
 *  2. A job is begun at most once for each of its attempts, at one worker.
 *  3. What is said of a job is numbered from 1 without gaps, tells each word of the trainer once, and
 *     ends with one verdict. Who follows it hears just that.
 *  4. A worker shows itself available if and only if neither lease nor job holds its slot, and names the
 *     job that does.
 *  5. A lease ends without a sign of life of its client.
 *  6. No slot asks to be woken all the time.
 *  7. At rest, every slot is free, and every job that was begun has its verdict.
 */

import { isDeepStrictEqual } from "node:util";
import type { JobId, PeerId } from "../../lib/base/id.ts";
import type { Instant } from "../../lib/base/time.ts";
import { LEASE_MS } from "../../lib/job/slot.ts";
import type { SlotEffect } from "../../lib/job/slot_effect.ts";
import type { SlotInput } from "../../lib/job/slot_input.ts";
import type { JobEvent, JobRefusal } from "../../lib/protocol/job_message.ts";
import { isVerdict } from "./job_disk.ts";
import type { JobWatcher, WatchedDesk } from "./job_watcher.ts";
import { Violation } from "./violation.ts";

/** For a timer of a slow machine. */
const SLACK_MS = 2_000;

/** Times that a slot may be woken in a second: it asks once, and once more where its client was heard. */
const WAKES_MAX = 10;

/** What holds a slot. */
interface Holder {
  readonly client: PeerId;
  readonly jobId: JobId;
  isRunning: boolean;
  /** When its client gave the last sign of life, in virtual time. */
  aliveAt: Instant;
}

interface Told {
  readonly worker: string;
  readonly events: JobEvent[];
  /** Epochs that were told. */
  epochs: number;
}

/** What jobs came to. */
export interface JobTally {
  /** Jobs of which a worker said that they run, and of them those that were lost. */
  readonly begun: number;
  readonly lost: number;
  /** Jobs that clients have heard the end of. */
  readonly heardOut: number;
  /** Jobs that were ended because their owners wanted it. */
  readonly ended: number;
  /** Jobs that a later life of their worker has taken up. */
  readonly takenUp: number;
  /** Leases that came to no job. */
  readonly discarded: number;
}

/** Watches the jobs of one simulation. */
export class JobReferee implements JobWatcher {
  readonly #now: () => Instant;
  /** By job and attempt: which worker has begun it. */
  readonly #begunAt = new Map<string, string>();
  readonly #told = new Map<JobId, Told>();
  readonly #holders = new Map<WatchedDesk, Holder>();
  readonly #wakes = new Map<WatchedDesk, { second: number; count: number }>();
  /** Whether the step that is being taken tells the room something. */
  #isNews = false;
  readonly #tally = { lost: 0, heardOut: 0, ended: 0, takenUp: 0, discarded: 0 };

  constructor(now: () => Instant) {
    this.#now = now;
  }

  /** What the jobs came to. */
  get tally(): JobTally {
    return { begun: this.#told.size, ...this.#tally };
  }

  stepped(desk: WatchedDesk, input: SlotInput, effects: readonly SlotEffect[]): void {
    const holder = this.#holders.get(desk);
    if (input.type === "alive" && holder?.client === input.client) holder.aliveAt = this.#now();
    if (input.type === "woke") this.#checkPace(desk);
    if (input.type === "adopted") {
      this.#tally.takenUp++;
      this.#holds(desk, { ...input, isRunning: true });
    }
    for (const effect of effects) {
      if (effect.type === "prepare") this.#holds(desk, { ...effect, isRunning: false });
      else if (effect.type === "discard") {
        this.#tally.discarded++;
        this.#holders.delete(desk);
      } else if (effect.type === "report") this.#said(desk, effect.event);
    }
    if (!effects.some(({ type }) => type === "status")) return;
    this.#isNews = true;
  }

  settled(desk: WatchedDesk): void {
    const { isClosed, jobId, name, sequence, shown: { currentJob, status } } = desk;
    const does = jobId === undefined
      ? "its slot is free"
      : `its slot ${sequence === undefined ? "is leased to" : "runs"} ${jobId}`;
    const held = sequence === undefined ? "reserved" : "busy";
    const wanted = isClosed ? "draining" : jobId === undefined ? "available" : held;
    const isTold = status === wanted || (isClosed && status === "left");
    if (!isTold || (status !== "left" && currentJob?.job_id !== jobId)) {
      const shown = `${status} with ${currentJob?.job_id ?? "no job"}`;
      throw new Violation(`${name} shows itself ${shown}, although ${does}`);
    }
    if (this.#isNews) this.#checkRoom(desk);
    this.#isNews = false;
  }

  begins({ name }: WatchedDesk, jobId: JobId, beside: JobId | undefined): void {
    if (beside !== undefined) {
      throw new Violation(`${name} begins ${jobId} beside the trainer of ${beside}, which runs`);
    }
  }

  heard(client: PeerId, event: JobEvent): void {
    const said = this.#told.get(event.job_id)?.events[event.sequence - 1];
    if (!isDeepStrictEqual(said, event)) {
      throw new Violation(`${client} hears ${event.type} of ${event.job_id}, which nobody said`);
    }
    if (isVerdict(event)) this.#tally.heardOut++;
  }

  misheard(client: PeerId, event: JobEvent, heard: number): void {
    throw new Violation(
      `${client} hears word ${event.sequence} of ${event.job_id} (${event.type}) after word ${heard}`,
    );
  }

  denied(client: PeerId, jobId: JobId, code: JobRefusal): void {
    throw new Violation(`${client} is told ${code} of ${jobId}, of which it had heard before`);
  }

  /** Looks at the leases of `desks`; to be called every now and then. */
  inspect(desks: readonly WatchedDesk[]): void {
    for (const desk of desks) {
      const holder = this.#holders.get(desk);
      if (holder === undefined || holder.isRunning) continue;
      const silentMs = this.#now() - Math.max(holder.aliveAt, desk.settledAt);
      if (silentMs <= LEASE_MS + SLACK_MS) continue;
      const { client, jobId } = holder;
      throw new Violation(`${desk.name} is still leased to ${jobId}, but ${client} is silent`);
    }
  }

  /** Why the jobs of `desks`, which are all that live, are not at rest; `undefined` where they are. */
  unrest(desks: readonly WatchedDesk[]): string | undefined {
    const held = desks.find(({ jobId }) => jobId !== undefined);
    if (held !== undefined) return `${held.name} has ${held.jobId}`;
    for (const [jobId, { events, worker }] of this.#told) {
      const last = events.at(-1);
      if (last !== undefined && isVerdict(last)) continue;
      if (!desks.some(({ name }) => name === worker)) continue;
      return `${jobId} is without a verdict at ${worker}, after ${last?.type ?? "nothing"}`;
    }
    return undefined;
  }

  /** The room state says at once what the slot does, or that it is held for somebody's turn. */
  #checkRoom({ name, known, shown }: WatchedDesk): void {
    if (known === undefined) return;
    const isHeld = shown.status === "available" && known.status === "reserved";
    if (isHeld || known.status === shown.status) return;
    throw new Violation(`${name} is ${shown.status}, and ${known.status} in the room state`);
  }

  #checkPace(desk: WatchedDesk): void {
    const second = Math.floor(this.#now() / 1_000);
    const before = this.#wakes.get(desk);
    const count = before?.second === second ? before.count + 1 : 1;
    this.#wakes.set(desk, { second, count });
    if (count > WAKES_MAX) throw new Violation(`${desk.name} is woken all the time`);
  }

  #holds(desk: WatchedDesk, { client, jobId, isRunning }: Omit<Holder, "aliveAt">): void {
    const holder = this.#holders.get(desk);
    if (holder !== undefined) {
      throw new Violation(`${desk.name} is given to ${jobId} while ${holder.jobId} holds it`);
    }
    this.#holders.set(desk, { client, jobId, isRunning, aliveAt: this.#now() });
  }

  /** A worker said something of a job. */
  #said(desk: WatchedDesk, event: JobEvent): void {
    const worker = desk.name;
    const told = this.#told.get(event.job_id) ?? { worker, events: [], epochs: 0 };
    this.#told.set(event.job_id, told);
    const last = told.events.at(-1);
    const word = `${worker} says ${event.type} of ${event.job_id}`;
    if (event.type === "job_accepted") this.#begun(event, desk);
    if (last !== undefined && isVerdict(last)) throw new Violation(`${word} after ${last.type}`);
    const wanted = told.events.length + 1;
    if (event.sequence !== wanted) {
      throw new Violation(`${word} as word ${event.sequence}, not ${wanted}`);
    }
    if (event.type === "job_metric" && event.epoch.epoch !== told.epochs++) {
      throw new Violation(`${word} for epoch ${event.epoch.epoch}, not ${told.epochs - 1}`);
    }
    told.events.push(event);
    if (event.type === "job_lost") this.#tally.lost++;
    const isStopped = event.type === "job_done" && event.stopped_early;
    if (isStopped || event.type === "job_cancelled") this.#tally.ended++;
    if (isVerdict(event)) this.#holders.delete(desk);
  }

  #begun({ job_id, attempt }: JobEvent, desk: WatchedDesk): void {
    const worker = desk.name;
    const holder = this.#holders.get(desk);
    if (holder?.jobId !== job_id) {
      throw new Violation(`${worker} begins ${job_id} without a lease`);
    }
    holder.isRunning = true;
    const run = `${job_id}, attempt ${attempt}`;
    const before = this.#begunAt.get(run);
    if (before !== undefined) {
      throw new Violation(`${worker} begins ${run}, which ${before} has begun`);
    }
    this.#begunAt.set(run, worker);
  }
}
