/**
 * A client whose jobs wait in the queue, as the real one behaves: it watches the room through a worker,
 * says with each watch that it waits, goes to whichever worker is held for it, and comes back to its
 * place after a death. Knows what it wants, not what must hold.
 */

import {
  isJobId,
  isLinkId,
  isPeerId,
  isRequestId,
  type JobId,
  type LinkId,
  type PeerId,
  type RoomId,
} from "../../lib/base/id.ts";
import { below, pick, type Random } from "../../lib/base/random.ts";
import type { Instant } from "../../lib/base/time.ts";
import { Replica } from "../../lib/client/replica.ts";
import { signalled } from "../../lib/mesh/courier.ts";
import type { Input } from "../../lib/mesh/input.ts";
import { signalOf } from "../../lib/protocol/link_signal.ts";
import type { Needs } from "../../lib/protocol/queue_message.ts";
import type { FromServer } from "../../lib/protocol/signal_message.ts";
import type { LinkLayer, LinkUser, LinkWord } from "./link_layer.ts";
import type { SignalServer, Socket, SocketUser } from "./signal_server.ts";
import { createStandInSigner } from "./stand_in_signer.ts";
import type { Timeline } from "./timeline.ts";
import type { WireCheck } from "./wire_check.ts";

/** Between two looks at what is to be done. */
const TICK_MS = 1_000;
/** A watch is said again every so many looks. */
const RENEW_TICKS = 5;
const DIAL_MS = 3_000;
/** For a worker to begin a job that it was asked to begin; then nobody knows whether it did. */
const ANSWER_TICKS = 15;

/** What a client lives with. */
export interface QueueingSurroundings {
  readonly timeline: Timeline;
  readonly server: SignalServer;
  readonly links: LinkLayer;
  readonly wire: WireCheck;
  readonly random: Random;
  readonly roomId: RoomId;
  readonly workers: readonly PeerId[];
}

interface Request {
  readonly jobId: JobId;
  readonly needs: Needs;
}

interface Call {
  readonly linkId: LinkId;
  readonly worker: PeerId;
  isOpen: boolean;
  /** Looks since it was dialled, or since the job was asked for. */
  ticks: number;
}

/** A client that waits. */
export class QueueingClient implements LinkUser, SocketUser {
  readonly name: string;
  readonly peerId: PeerId;
  readonly incarnation = 1;
  readonly metadata = { tags: [], properties: {} };
  readonly role = "client";
  state: "running" | "paused" | "dead" = "running";
  /** Whether it asks for another worker when it has been served. */
  wantsMore = true;
  readonly #around: QueueingSurroundings;
  #socket: Socket | undefined;
  #request: Request | undefined;
  #replica: Replica | undefined;
  #watch: Call | undefined;
  #visit: Call | undefined;
  #count = 0;
  #idleUntil: Instant = 0;

  constructor(index: number, around: QueueingSurroundings) {
    this.name = `queuer${index}`;
    this.peerId = peerIdOf(this.name);
    this.#around = around;
    around.timeline.after(10_000 * around.random.next(), () => this.#tick());
  }

  /** What it waits for. */
  get request(): Request | undefined {
    return this.#request;
  }

  /** The process is killed, or its machine loses power. What it waited for is remembered. */
  kill(): void {
    if (this.state === "dead") return;
    this.state = "dead";
    this.#around.links.vanish(this);
    this.#socket?.close();
    this.#socket = undefined;
    // Whether a job that it was about to begin runs, it will never know.
    if (this.#visit?.isOpen === true) this.#request = undefined;
    this.#visit = undefined;
    this.#endWatch();
  }

  /** It is started again, with the job that it waited for. */
  revive(): void {
    if (this.state === "dead") this.state = "running";
  }

  /** For so long it lets its turn pass, though it is there: it cannot reach whoever is held for it. */
  idle(durationMs: number): void {
    this.#idleUntil = this.#around.timeline.now + durationMs;
  }

  /** Its person has had enough. */
  withdraw(): void {
    const job_id = this.#request?.jobId;
    if (this.state !== "running" || job_id === undefined || this.#visit?.isOpen === true) return;
    this.#leaveQueue(job_id);
  }

  hear(message: FromServer): void {
    if (message.type === "ping") return this.#socket?.send({ type: "pong" });
    if (message.type !== "mesh_answer" && message.type !== "ice_candidate") return;
    this.#around.links.deliver(this, message.link_id, signalOf(message));
  }

  lose(): void {
    this.#socket = undefined;
  }

  take(input: Input): void {
    if (this.state === "dead" || !("linkId" in input)) return;
    const call = [this.#watch, this.#visit].find((one) => one?.linkId === input.linkId);
    if (call === undefined) return;
    if (input.type === "link_signal") {
      this.#socket?.send(signalled(call.worker, input.linkId, input.signal));
    } else if (input.type === "link_opened") {
      call.isOpen = true;
      call.ticks = 0;
      if (call === this.#watch) this.#renew();
      else this.#begin(call);
    } else if (input.type === "link_closed") {
      if (call === this.#watch) return this.#endWatch();
      this.#visit = undefined;
      if (call.isOpen) this.#letGo();
    }
  }

  hearOn(linkId: LinkId, _from: PeerId, message: LinkWord): void {
    if (this.state === "dead") return;
    if (linkId === this.#watch?.linkId) return this.#observe(message);
    if (linkId !== this.#visit?.linkId) return;
    if (message.type === "job_refused") this.#endVisit();
    else if (message.type === "job_accepted") this.#letGo();
  }

  #observe(message: LinkWord): void {
    const replica = this.#replica;
    if (message.type === "state_broadcast") {
      replica?.take(message.changes);
      if (message.more === true) this.#renew();
    } else if (message.type === "watch_report") {
      replica?.hear(message, this.#around.timeline.now);
      if (replica?.isLevel === false) this.#renew();
    } else if (message.type === "queue_refused") {
      if (message.job_id === this.#request?.jobId) this.#letGo();
      return;
    } else if (message.type === "watch_refused") {
      const { links } = this.#around;
      if (this.#watch !== undefined) links.drop(this, this.#watch.linkId, "Refused");
      return;
    }
    this.#look();
  }

  /** Goes where it is its turn. */
  #look(): void {
    const { timeline } = this.#around;
    const jobId = this.#request?.jobId;
    if (jobId === undefined || this.#visit !== undefined || this.#isIdle) return;
    const held = this.#replica?.list({}, timeline.now).workers.find((worker) =>
      worker.alive && worker.status === "reserved" && worker.current_job?.job_id === jobId
    );
    if (held !== undefined) this.#visitAt(held.peer_id);
  }

  get #isIdle(): boolean {
    return this.#around.timeline.now < this.#idleUntil;
  }

  #visitAt(worker: PeerId): void {
    if (this.#socket === undefined) return;
    this.#visit = this.#call(worker);
    this.#around.links.begin(this, this.#visit.linkId, worker, true, DIAL_MS);
  }

  #begin({ linkId }: Call): void {
    const { links, wire } = this.#around;
    const request_id = `start-${++this.#count}`;
    const job_id = this.#request?.jobId;
    if (!isRequestId(request_id) || job_id === undefined) return;
    links.send(this, linkId, wire.client({ type: "job_start", request_id, job_id }));
  }

  #tick(): void {
    const { timeline, random } = this.#around;
    timeline.after(TICK_MS, () => this.#tick());
    if (this.state !== "running") return;
    this.#connect();
    if (this.#request === undefined && this.wantsMore && random.next() < 0.3) {
      this.#request = this.#draw();
    }
    for (const call of [this.#watch, this.#visit]) if (call !== undefined) call.ticks++;
    if (this.#visit?.isOpen === true && this.#visit.ticks > ANSWER_TICKS) this.#letGo();
    if (this.#request === undefined) return;
    if (this.#watch === undefined) this.#dial();
    else if (this.#watch.isOpen && this.#watch.ticks % RENEW_TICKS === 0) this.#renew();
    this.#look();
    // Somebody who does not care for the queue asks any worker for its slot.
    const pushes = this.#visit === undefined && random.next() < 0.05;
    const anywhere = pick(this.#around.workers, random);
    if (pushes && !this.#isIdle && anywhere !== undefined) this.#visitAt(anywhere);
  }

  #dial(): void {
    const { links, random, roomId, timeline, workers } = this.#around;
    const worker = pick(workers, random);
    if (worker === undefined || this.#socket === undefined) return;
    const { incarnation, peerId } = this;
    const author = { roomId, peerId, incarnation, signer: createStandInSigner(peerId) };
    this.#replica = new Replica(author, timeline.now);
    this.#watch = this.#call(worker);
    links.begin(this, this.#watch.linkId, worker, true, DIAL_MS);
  }

  #renew(): void {
    const { links, wire } = this.#around;
    const call = this.#watch;
    const replica = this.#replica;
    if (call?.isOpen !== true || replica === undefined) return;
    links.send(this, call.linkId, wire.client({ type: "watch", heads: replica.heads }));
    if (this.#request === undefined) return;
    const { jobId: job_id, needs } = this.#request;
    links.send(this, call.linkId, wire.client({ type: "queue_join", job_id, needs }));
  }

  /** The job is begun, refused for good, or nobody knows: it waits no more. */
  #letGo(): void {
    const jobId = this.#request?.jobId;
    if (jobId !== undefined) this.#leaveQueue(jobId);
  }

  #leaveQueue(job_id: JobId): void {
    const { links, wire } = this.#around;
    if (this.#watch?.isOpen === true) {
      links.send(this, this.#watch.linkId, wire.client({ type: "queue_leave", job_id }));
    }
    this.#request = undefined;
    this.#endVisit();
    if (this.#watch !== undefined) links.drop(this, this.#watch.linkId, "The client is done");
  }

  #endVisit(): void {
    const visit = this.#visit;
    this.#visit = undefined;
    if (visit !== undefined) this.#around.links.drop(this, visit.linkId, "The client is done");
  }

  #endWatch(): void {
    this.#watch = undefined;
    this.#replica?.dispose();
    this.#replica = undefined;
  }

  #draw(): Request {
    const { random, workers } = this.#around;
    const jobId = `job-${this.name}x${++this.#count}`;
    if (!isJobId(jobId)) throw new Error(`Expected a job id, got ${jobId}`);
    const worker = random.next() < 0.1 ? pick(workers, random) ?? null : null;
    const min_gpu_memory_mb = [0, 0, 8_000, 24_000][below(4, random)] ?? 0;
    return { jobId, needs: { runner: "demo", min_gpu_memory_mb, worker } };
  }

  #call(worker: PeerId): Call {
    const linkId = `${this.name}.${++this.#count}`;
    if (!isLinkId(linkId)) throw new Error(`Expected a link id, got ${linkId}`);
    return { linkId, worker, isOpen: false, ticks: 0 };
  }

  #connect(): void {
    const { roomId, server } = this.#around;
    this.#socket ??= server.connect(this, {
      type: "register",
      room_id: roomId,
      token: "not looked at",
      peer_id: this.peerId,
      role: this.role,
      incarnation: this.incarnation,
      protocol: 1,
      public_key: "not looked at",
      signature: "not looked at",
      metadata: this.metadata,
    });
  }

  /** Frees its replica. */
  dispose(): void {
    this.#endWatch();
  }
}

function peerIdOf(name: string): PeerId {
  if (!isPeerId(name)) throw new Error(`Expected a peer id, got ${name}`);
  return name;
}
