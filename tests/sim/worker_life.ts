/**
 * One life of a worker process: a real `MeshNode`, and what performs its effects in virtual time.
 * Decides nothing itself; it can be stopped, resumed and killed.
 */

import type { LinkId, PeerId } from "../../lib/base/id.ts";
import { fullJitterMs } from "../../lib/base/backoff.ts";
import type { Instant } from "../../lib/base/time.ts";
import type { Effect } from "../../lib/mesh/effect.ts";
import type { Input } from "../../lib/mesh/input.ts";
import { isClientMessage, isMeshMessage } from "../../lib/protocol/link_message.ts";
import type { FromServer } from "../../lib/protocol/signal_message.ts";
import type { CurrentJob, Metadata, WorkerStatus } from "../../lib/protocol/worker.ts";
import type { SimulatedDesk } from "./job_desk.ts";
import type { Shown } from "./job_watcher.ts";
import type { LinkUser, LinkWord } from "./link_layer.ts";
import type { Socket, SocketUser } from "./signal_server.ts";
import { createStandInSigner, standInKey } from "./stand_in_signer.ts";
import type { Person, SimulatedNode, Surroundings } from "./surroundings.ts";

/** Between attempts to reach the server. */
const RECONNECT = { baseMs: 1_000, capMs: 5_000, floorMs: 50 };

/** How slow a machine may be, in milliseconds, and nobody must take it for dead. */
const SLOW_MS = 1_000;

/** One life of one worker. */
export class WorkerLife implements LinkUser, SocketUser {
  readonly node: SimulatedNode;
  readonly peerId: PeerId;
  readonly incarnation: number;
  readonly metadata: Metadata;
  readonly role = "worker";
  /** Where it runs jobs; absent in a room without them. */
  readonly desk: SimulatedDesk | undefined;
  /** When it began, was resumed or died last: before that it cannot be held to anything. */
  unsettledAt: Instant;
  status: WorkerStatus = "available";
  currentJob: CurrentJob | null = null;
  readonly #around: Surroundings;
  /** Its monotonic clock starts anywhere: no two machines have the same. */
  #clockOffset: number;
  /** What it will come to when it goes on. */
  readonly #inbox: (() => void)[] = [];
  /** How long it takes to come to an input, in milliseconds: a busy machine. */
  #slowMs = 0;
  #busyUntil: Instant = 0;
  #delayed = 0;
  #timers = 0;
  #stops = 0;
  #state: "running" | "paused" | "dead" = "running";
  #socket: Socket | undefined;
  #attempts = 0;
  #isUp = false;

  constructor(person: Person, around: Surroundings) {
    this.peerId = person.peerId;
    this.incarnation = person.incarnation;
    this.metadata = person.metadata;
    this.#around = around;
    this.#clockOffset = Math.floor(around.random.next() * 1e9);
    this.unsettledAt = around.timeline.now;
    const signer = createStandInSigner(person.peerId);
    this.node = around.createNode({
      ...person,
      roomId: around.roomId,
      signer: {
        ...signer,
        sign: (bytes) => {
          around.changeWritten();
          return signer.sign(bytes);
        },
      },
      random: around.random,
    });
    this.desk = around.workshop?.open(this);
  }

  /** Its machine's name is its own. */
  get name(): string {
    return this.peerId;
  }

  get state(): "running" | "paused" | "dead" {
    return this.#state;
  }

  /** The time on its own clock. */
  get now(): Instant {
    return this.#around.timeline.now + this.#clockOffset;
  }

  /** What its entry must say that it does: a free slot may be held for somebody's turn. */
  get shownStatus(): WorkerStatus {
    return this.status === "available" && this.view.held !== undefined ? "reserved" : this.status;
  }

  /** What the room state has of it, as it stands here; absent before it is up. */
  get entry(): Shown | undefined {
    const entry = this.#isUp ? this.view.entries.get(this.peerId) : undefined;
    return entry === undefined
      ? undefined
      : { status: entry.status, currentJob: entry.current_job };
  }

  /** What its node knows. */
  get view(): ReturnType<SimulatedNode["view"]> {
    return this.node.view(this.now);
  }

  /** Whether it has come to everything that happened to it. */
  get caughtUp(): boolean {
    return this.#delayed === 0 && this.#inbox.length === 0;
  }

  /** Wakes that it asked for and that have not come yet. */
  get timers(): number {
    return this.#timers;
  }

  /** The process is up. */
  start(): void {
    // Before the room sees it: nobody may be given a slot that a job of an earlier life holds.
    this.desk?.takeUp();
    this.#isUp = true;
    if (this.status !== "available") this.work(this.status, this.currentJob);
    this.take({ type: "started" });
    this.#connect();
  }

  /** Takes in what happens to it; while it is paused, that waits. */
  take(input: Input): void {
    this.#enqueue(() => this.#step(input));
  }

  #enqueue(turn: () => void): void {
    if (this.#state === "dead") return;
    if (this.#state === "paused") return void this.#inbox.push(turn);
    const { timeline } = this.#around;
    // What came while it was slow goes first.
    this.#busyUntil = Math.max(this.#busyUntil, timeline.now + this.#slowMs);
    if (this.#busyUntil <= timeline.now) return turn();
    this.#delayed++;
    timeline.at(this.#busyUntil, () => {
      this.#delayed--;
      if (this.#state === "running") turn();
      else if (this.#state === "paused") this.#inbox.push(turn);
    });
  }

  hearOn(linkId: LinkId, peerId: PeerId, message: LinkWord): void {
    switch (message.type) {
      case "query_workers": {
        const asker = { by: "link", peerId, linkId } as const;
        const { request_id: requestId, filters } = message;
        return this.take({ type: "asked", asker, requestId, filters });
      }
      case "watch":
        return this.take({ type: "watched", linkId, peerId, heads: message.heads });
      case "queue_join": {
        const { job_id: jobId, needs } = message;
        const wallMs = this.#around.timeline.now;
        return this.take({ type: "queue_joined", linkId, peerId, jobId, needs, wallMs });
      }
      case "queue_leave":
        return this.take({ type: "queue_left", linkId, peerId, jobId: message.job_id });
      default:
        if (isClientMessage(message)) {
          return this.#enqueue(() => this.desk?.hear(peerId, message));
        }
        if (isMeshMessage(message)) this.take({ type: "peer_said", linkId, peerId, message });
    }
  }

  /** Does something later, by its own clock, when the process gets to it. */
  later(delayMs: number, action: () => void): void {
    this.#at(this.now + delayMs, () => this.#enqueue(action));
  }

  /** Whatever comes to it waits for `delayMs` from now on; 0 for a machine at rest. */
  slow(delayMs: number): void {
    this.#slowMs = delayMs;
    // One that is a little slow is to be borne with; a very slow one may be taken for dead.
    this.unsettledAt = delayMs > SLOW_MS ? Infinity : this.#around.timeline.now;
  }

  /**
   * Its work changes. Its node hears that in the same turn, however slow the machine is: slot and node are
   * one process, and a client that asks for the slot must not find the two of different minds.
   */
  work(status: WorkerStatus, currentJob: CurrentJob | null): void {
    if (this.#state === "dead") return;
    this.status = status;
    this.currentJob = currentJob;
    if (this.#state === "paused") throw new Error("Expected a process that is not stopped");
    if (this.#isUp) this.#step({ type: "status_changed", status, currentJob });
  }

  /** SIGSTOP. What stops it twice must let it go twice. */
  pause(): void {
    if (this.#state === "dead") return;
    this.#stops++;
    this.#state = "paused";
  }

  /** SIGCONT: everything that waited happens now. */
  resume(): void {
    if (this.#state !== "paused" || --this.#stops > 0) return;
    this.#state = "running";
    this.unsettledAt = this.#around.timeline.now;
    // One of them may end this life, and the dead step no more.
    for (const turn of this.#inbox.splice(0)) this.#enqueue(turn);
  }

  /** The machine wakes from a sleep of `durationMs`, in which its monotonic clock stood still. */
  wake(durationMs: number): void {
    if (this.#state === "paused") this.#clockOffset -= durationMs;
    this.resume();
  }

  /** SIGTERM: it says goodbye, and ends a moment later. */
  stop(): void {
    if (this.#state !== "running") return;
    this.desk?.stop();
    this.status = "left";
    this.currentJob = null;
    this.take({ type: "stopping" });
    this.#around.timeline.after(100, () => this.kill());
  }

  /** SIGKILL; `silently` is a power cut, of which not even the server's socket tells. */
  kill(silently = false): void {
    if (this.#state === "dead") return;
    this.#state = "dead";
    this.unsettledAt = this.#around.timeline.now;
    this.#inbox.length = 0;
    this.#around.links.vanish(this);
    if (silently) this.desk?.losePower();
    if (!silently) this.#socket?.close();
    this.#socket = undefined;
    this.node.dispose();
  }

  hear(message: FromServer): void {
    this.take({ type: "server_said", message });
  }

  lose(): void {
    this.#socket = undefined;
    this.take({ type: "server_lost" });
    this.#reconnectLater();
  }

  #connect(): void {
    if (this.#state === "dead" || this.#socket !== undefined) return;
    const { server, roomId } = this.#around;
    this.#socket = this.#state === "paused" ? undefined : server.connect(this, {
      type: "register",
      room_id: roomId,
      token: "not looked at",
      peer_id: this.peerId,
      role: "worker",
      incarnation: this.incarnation,
      protocol: 1,
      public_key: standInKey(this.peerId),
      signature: "not looked at",
      metadata: this.node.presence,
    });
    if (this.#socket === undefined) this.#reconnectLater();
    else this.#attempts = 0;
  }

  #reconnectLater(): void {
    const { timeline, random } = this.#around;
    const delayMs = fullJitterMs(this.#attempts++, RECONNECT, random);
    timeline.after(delayMs, () => this.#connect());
  }

  /** Does something at a time by its own clock. */
  #at(dueAt: Instant, action: () => void): void {
    this.#around.timeline.at(dueAt - this.#clockOffset, () => {
      // The clock may have stood still since.
      if (this.now < dueAt) return this.#at(dueAt, action);
      action();
    });
  }

  #step(input: Input): void {
    // Here, not when it arrives: a process that was stopped answers when it goes on.
    if (input.type === "server_said" && input.message.type === "ping") {
      this.#socket?.send({ type: "pong" });
    }
    this.#tellDesk(input);
    const effects = this.node.step(input, this.now);
    this.#around.watcher.stepped(this, input, effects);
    for (const effect of effects) this.#perform(effect);
  }

  /** Clients come to the desk, and leave it. */
  #tellDesk(input: Input): void {
    if (this.desk === undefined) return;
    if (input.type === "link_closed") this.desk.leave(input.peerId, input.linkId);
    if (input.type !== "link_opened" || input.role !== "client") return;
    const older = this.desk.welcome(input.peerId, input.linkId);
    const reason = "A newer link of the same client is open";
    if (older !== undefined) this.#around.links.drop(this, older, reason);
  }

  #perform(effect: Effect): void {
    const { links, wire } = this.#around;
    switch (effect.type) {
      case "send":
        return links.send(this, effect.linkId, wire.mesh(effect.message));
      case "tell_observer": {
        // A test may say that somebody watches whom it did not link.
        const isLinked = links.endsOf(this).some(({ linkId }) => linkId === effect.linkId);
        if (isLinked) links.send(this, effect.linkId, wire.client(effect.message));
        return;
      }
      case "tell_server":
        return this.#socket?.send(effect.message);
      case "dial":
        return links.begin(this, effect.linkId, effect.peerId, true, effect.limitMs);
      case "answer":
        return links.begin(this, effect.linkId, effect.peerId, false, effect.limitMs);
      case "deliver":
        return links.deliver(this, effect.linkId, effect.signal);
      case "drop":
        return links.drop(this, effect.linkId, effect.reason);
      case "reply": {
        const { requestId: request_id, list, asker } = effect;
        const answer = { type: "worker_list", request_id, list } as const;
        if (asker.by === "link") return links.send(this, asker.linkId, wire.client(answer));
        return this.#socket?.send({ ...answer, to_peer_id: asker.peerId });
      }
      case "wake": {
        this.#timers++;
        return this.#at(effect.at, () => {
          this.#timers--;
          this.take({ type: "woke", dueAt: effect.at });
        });
      }
      case "stand_down":
        return this.kill();
      case "log":
        return;
    }
    effect satisfies never;
  }
}
