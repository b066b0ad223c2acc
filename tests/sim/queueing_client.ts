/**
 * A client with one job after the other, as the real one behaves: it watches the room through a worker and
 * waits in its queue, goes to whichever worker is held for it (or, where it does not care for the queue,
 * to one that seems free), brings its job there, follows it, lets go of it and comes back, and ends it now
 * and then. Knows what it wants, not what must hold.
 */

import { isJobId, isPeerId, type JobId, type PeerId, type RoomId } from "../../lib/base/id.ts";
import { below, pick, type Random } from "../../lib/base/random.ts";
import type { Instant } from "../../lib/base/time.ts";
import { Replica } from "../../lib/client/replica.ts";
import { isClientMessage } from "../../lib/protocol/link_message.ts";
import type { Needs } from "../../lib/protocol/queue_message.ts";
import { ClientLine, type ClientLineOptions } from "./client_line.ts";
import { type ErrandNews, JobErrand } from "./job_errand.ts";
import type { JobWatcher } from "./job_watcher.ts";
import type { LinkLayer, LinkWord } from "./link_layer.ts";
import type { SignalServer } from "./signal_server.ts";
import { createStandInSigner } from "./stand_in_signer.ts";
import type { Timeline } from "./timeline.ts";
import type { WireCheck } from "./wire_check.ts";

/** Between two looks at what is to be done. */
const TICK_MS = 1_000;
/** A watch is said again every so many looks. */
const RENEW_TICKS = 5;
/** For a worker that has the job to be there again. */
const REATTACH_MS = 30_000;
/** For which a client lets go of its job at most, and comes back. */
const AWAY_MS_MAX = 15_000;
/** For another terminal to say that the job is to end. */
const TERMINAL_TICKS = 5;

/** What a client lives with. */
export interface QueueingSurroundings {
  readonly timeline: Timeline;
  readonly server: SignalServer;
  readonly links: LinkLayer;
  readonly wire: WireCheck;
  readonly random: Random;
  readonly roomId: RoomId;
  readonly workers: readonly PeerId[];
  readonly watcher: JobWatcher;
}

interface Request {
  readonly jobId: JobId;
  readonly needs: Needs;
  /** Whether it waits for its turn; else it asks whoever seems free. */
  readonly waits: boolean;
  readonly errand: JobErrand;
  /** The worker that it was last on the way to. */
  worker?: PeerId;
}

/** A client that has jobs. */
export class QueueingClient {
  readonly name: string;
  /** Whether it wants another job run when it is done with one. */
  wantsMore = true;
  readonly #around: QueueingSurroundings;
  /** Watches the room and waits; another process than the one that brings the job. */
  readonly #place: ClientLine;
  readonly #visit: ClientLine;
  #request: Request | undefined;
  #replica: Replica | undefined;
  #count = 0;
  #ticks = 0;
  #idleUntil: Instant = 0;
  #lostAt: Instant | undefined;
  /** While the place is another terminal, which ends the job. */
  #terminalTicks = 0;
  #isDead = false;

  constructor(index: number, around: QueueingSurroundings) {
    this.name = `queuer${index}`;
    this.#around = around;
    const { server, links, wire, roomId, random, timeline } = around;
    const common = { name: this.name, server, links, wire, roomId };
    this.#place = this.#line("place", index, {
      ...common,
      opened: () => this.#atPlace(),
      heard: (message) => this.#observe(message),
      closed: () => this.#forgetRoom(),
    });
    this.#visit = this.#line("visit", index, {
      ...common,
      opened: () => this.#request?.errand.arrive(),
      heard: (message) => {
        if (isClientMessage(message)) this.#request?.errand.hear(message);
      },
      closed: () => this.#request?.errand.leave(),
    });
    timeline.after(6_000 * random.next(), () => this.#tick());
  }

  /** What it waits for, or follows. */
  get request(): Request | undefined {
    return this.#request;
  }

  /** The process is killed, or its machine loses power. What it waited for is remembered. */
  kill(): void {
    if (this.#isDead) return;
    this.#isDead = true;
    this.#request?.errand.leave();
    this.#visit.kill();
    this.#place.kill();
    this.#forgetRoom();
  }

  /** It is started again, with the job that it had. */
  revive(): void {
    this.#isDead = false;
    this.#visit.revive();
    this.#place.revive();
  }

  /** For so long it lets its turn pass, though it is there: it cannot reach whoever is held for it. */
  idle(durationMs: number): void {
    this.#idleUntil = this.#around.timeline.now + durationMs;
  }

  /** Its person has had enough of waiting. */
  withdraw(): void {
    if (this.#isDead || this.#request === undefined || this.#request.errand.isBrought) return;
    this.#giveUp(this.#request);
  }

  /** Frees its replica. */
  dispose(): void {
    this.#forgetRoom();
  }

  #tick(): void {
    const { timeline, random } = this.#around;
    timeline.after(TICK_MS, () => this.#tick());
    if (this.#isDead) return;
    this.#ticks++;
    this.#place.connect();
    this.#visit.connect();
    if (this.#request === undefined && this.wantsMore && random.next() < 0.5) {
      this.#request = this.#draw();
    }
    if (this.#request === undefined) return;
    if (this.#request.errand.isBrought) return this.#stay(this.#request);
    this.#watchRoom();
    this.#look(this.#request);
  }

  /** Stays with the job, lets go of it, comes back, or has it end. */
  #stay(request: Request): void {
    const { random, timeline: { now } } = this.#around;
    const { errand, jobId, worker } = request;
    if (this.#terminalTicks === 0) this.#leaveQueue(jobId);
    else if (--this.#terminalTicks === 0) this.#place.hangUp();
    if (worker === undefined) return;
    if (this.#visit.isOpen) {
      this.#lostAt = undefined;
      const what = random.next();
      if (what < 0.03) {
        this.#leaveWorker(errand);
        this.#idleUntil = now + AWAY_MS_MAX * random.next();
      } else if (what < 0.06) errand.end(random.next() < 0.5 ? "cancel" : "stop");
      else if (what < 0.08 && this.#terminalTicks === 0) {
        this.#terminalTicks = TERMINAL_TICKS;
        this.#place.call(worker);
      }
    } else if (now >= this.#idleUntil) {
      this.#lostAt ??= now;
      if (now - this.#lostAt > REATTACH_MS) return this.#giveUp(request);
      this.#visit.call(worker);
    }
  }

  /** Goes where it is its turn, or where nobody seems to be. */
  #look(request: Request): void {
    const { random, timeline, workers } = this.#around;
    const { errand, jobId, waits } = request;
    if (errand.isBrought || this.#visit.worker !== undefined) return;
    if (timeline.now < this.#idleUntil) return;
    const list = this.#replica?.list({}, timeline.now).workers ?? [];
    const living = list.filter(({ alive, status }) => alive && status !== "left");
    const held = living.find(({ current_job }) => current_job?.job_id === jobId);
    const free = waits ? [] : living.filter(({ status }) => status === "available");
    // Somebody who does not care for the queue asks any worker for its slot.
    const anywhere = random.next() < 0.02 ? pick(workers, random) : undefined;
    const worker = held?.peer_id ?? pick(free, random)?.peer_id ?? anywhere;
    if (worker === undefined) return;
    request.worker = worker;
    this.#visit.call(worker);
  }

  #happened(request: Request, news: ErrandNews): void {
    if (request !== this.#request) return;
    switch (news) {
      case "begun":
        return this.#leaveQueue(request.jobId);
      case "refused":
      case "unanswered":
        return this.#leaveWorker(request.errand);
      case "over":
        return this.#giveUp(request);
    }
    news satisfies never;
  }

  /** It wants nothing more of the job, whether that runs or not. */
  #giveUp({ errand, jobId }: Request): void {
    errand.giveUp();
    this.#leaveQueue(jobId);
    this.#visit.hangUp();
    this.#request = undefined;
    this.#lostAt = undefined;
    this.#terminalTicks = 0;
  }

  #leaveWorker(errand: JobErrand): void {
    this.#visit.hangUp();
    errand.leave();
  }

  #leaveQueue(job_id: JobId): void {
    if (this.#replica !== undefined) this.#place.say({ type: "queue_leave", job_id });
    this.#place.hangUp();
    this.#forgetRoom();
  }

  #watchRoom(): void {
    const { random, roomId, timeline, workers } = this.#around;
    if (this.#place.isOpen && this.#ticks % RENEW_TICKS === 0) this.#renew();
    const worker = pick(workers, random);
    if (this.#place.worker !== undefined || worker === undefined) return;
    const { incarnation, peerId } = this.#place;
    const author = { roomId, peerId, incarnation, signer: createStandInSigner(peerId) };
    this.#forgetRoom();
    this.#replica = new Replica(author, timeline.now);
    this.#place.call(worker);
  }

  #atPlace(): void {
    const request = this.#request;
    if (request === undefined) return;
    if (this.#terminalTicks === 0) return this.#renew();
    this.#place.say(request.errand.cancellation());
  }

  #observe(message: LinkWord): void {
    const replica = this.#replica;
    const request = this.#request;
    switch (message.type) {
      case "state_broadcast":
        replica?.take(message.changes);
        if (message.more === true) this.#renew();
        break;
      case "watch_report":
        replica?.hear(message, this.#around.timeline.now);
        if (replica?.isLevel === false) this.#renew();
        break;
      case "queue_refused":
        // That a job waits no more is also said of one that begins.
        if (request?.jobId === message.job_id && !request.errand.isBrought) this.#giveUp(request);
        return;
      case "watch_refused":
        this.#place.hangUp();
        return this.#forgetRoom();
    }
    if (request !== undefined) this.#look(request);
  }

  #renew(): void {
    const replica = this.#replica;
    if (replica === undefined) return;
    this.#place.say({ type: "watch", heads: replica.heads });
    if (this.#request?.waits !== true || this.#request.errand.isBrought) return;
    const { jobId: job_id, needs } = this.#request;
    this.#place.say({ type: "queue_join", job_id, needs });
  }

  #forgetRoom(): void {
    this.#replica?.dispose();
    this.#replica = undefined;
  }

  #draw(): Request {
    const { random, timeline, watcher, workers } = this.#around;
    const jobId = `job-${this.name}x${++this.#count}`;
    if (!isJobId(jobId)) throw new Error(`Expected a job id, got ${jobId}`);
    const worker = random.next() < 0.1 ? pick(workers, random) ?? null : null;
    const min_gpu_memory_mb = [0, 0, 8_000, 24_000][below(4, random)] ?? 0;
    const waits = random.next() < 0.75;
    const errand = new JobErrand({
      client: this.#visit.peerId,
      jobId,
      isOrdered: true,
      watcher,
      after: (delayMs, action) => timeline.after(delayMs, action),
      say: (message) => this.#visit.say(message),
      happened: (news) => this.#happened(request, news),
    });
    const needs = { runner: "demo", min_gpu_memory_mb, worker };
    const request: Request = { jobId, needs, waits, errand };
    return request;
  }

  /** Two processes of one installation have one key, and different names. */
  #line(
    role: "place" | "visit",
    index: number,
    options: Omit<ClientLineOptions, "peerId">,
  ): ClientLine {
    const key = "abcdefghijklmnop"[index]?.repeat(10);
    const peerId = `${role}${index}-${key}`;
    if (key === undefined || !isPeerId(peerId)) {
      throw new Error(`Expected a peer id, got ${peerId}`);
    }
    return new ClientLine({ ...options, peerId });
  }
}
