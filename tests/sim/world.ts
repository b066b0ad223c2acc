/**
 * A simulated lab: machines with workers, a server, a client and a network, in virtual time. Knows how
 * to break each of them and to mend it again; not when, nor what must hold.
 */

import { isPeerId, isRoomId, type PeerId, type RoomId } from "../../lib/base/id.ts";
import type { Instant } from "../../lib/base/time.ts";
import { below, type Random, SeededRandom } from "../../lib/base/random.ts";
import { MeshNode } from "../../lib/mesh/node.ts";
import type { Metadata } from "../../lib/protocol/worker.ts";
import { AskingClient, type ClientWatcher } from "./asking_client.ts";
import { CLIENT } from "./caller.ts";
import type { DeskFault, SlotFactory } from "./job_desk.ts";
import { type JobWatcher, NOBODY } from "./job_watcher.ts";
import { LinkLayer } from "./link_layer.ts";
import { Network, type Trouble } from "./network.ts";
import { QueueingClient } from "./queueing_client.ts";
import { SERVER, SignalServer } from "./signal_server.ts";
import type { NodeFactory, Surroundings, Watcher } from "./surroundings.ts";
import { Timeline } from "./timeline.ts";
import { WireCheck } from "./wire_check.ts";
import { WorkerLife } from "./worker_life.ts";
import { Workshop } from "./workshop.ts";

/** A machine that runs at most one worker at a time. */
export interface Machine {
  readonly peerId: PeerId;
  readonly metadata: Metadata;
  /** The lowest and highest number that a life of its worker had. */
  lowest: number;
  highest: number;
  /** The present or last life of its worker. */
  life: WorkerLife | undefined;
}

/** The number of a worker's first life: production counts from a clock, so not from 1. */
const FIRST_LIFE = 1_000;

/** What a world is made of. */
export interface WorldOptions {
  readonly seed: number;
  /** GPU memory in MB, one a machine; they are called w0, w1, … */
  readonly gpuMemoryMb: readonly number[];
  /** One way between two machines, in milliseconds. */
  readonly latencyMs?: number;
  readonly watcher?: Watcher;
  readonly createNode?: NodeFactory;
  readonly clientWatcher?: ClientWatcher;
  /** Clients whose jobs wait in the queue; none where left out. */
  readonly queuers?: number;
  /** Watches the jobs of those clients. */
  readonly jobWatcher?: JobWatcher;
  readonly createSlot?: SlotFactory | undefined;
  readonly deskFault?: DeskFault | undefined;
}

/** A simulated lab. */
export class World {
  readonly roomId = simulatedRoom();
  readonly timeline = new Timeline();
  readonly wire = new WireCheck();
  readonly network: Network;
  readonly links: LinkLayer;
  readonly server: SignalServer;
  readonly client: AskingClient;
  readonly queuers: readonly QueueingClient[];
  /** Where jobs are run; absent in a room without clients that have some. */
  readonly workshop: Workshop | undefined;
  readonly machines: readonly Machine[];
  readonly #surroundings: Surroundings;
  readonly #mends = new Set<() => void>();
  /** When something last began or ceased to be wrong. */
  #wrongAt: Instant = 0;
  #mended = false;
  #changes = 0;

  constructor(options: WorldOptions) {
    const random: Random = new SeededRandom(options.seed);
    const { roomId } = this;
    this.network = new Network(this.timeline, random, options.latencyMs ?? 1);
    this.links = new LinkLayer(this.timeline, this.network, random);
    this.server = new SignalServer(this.timeline, this.network, roomId, this.wire);
    this.client = new AskingClient({
      timeline: this.timeline,
      server: this.server,
      links: this.links,
      wire: this.wire,
      random,
      roomId,
      watcher: options.clientWatcher ?? { answerDue: () => {}, linkAnswerDue: () => {} },
    });
    this.machines = options.gpuMemoryMb.map((memoryMb, index) => ({
      peerId: workerId(index),
      metadata: { tags: ["gpu"], properties: { gpu_memory_mb: memoryMb } },
      lowest: FIRST_LIFE,
      highest: FIRST_LIFE - 1,
      life: undefined,
    }));
    const { timeline, links, wire } = this;
    const { createSlot, deskFault: planted, jobWatcher: watcher = NOBODY, queuers = 0 } = options;
    // Of their own chance, so that rooms without jobs stay as they are.
    const jobs = {
      timeline,
      links,
      wire,
      random: new SeededRandom(options.seed ^ 0x10b5),
      watcher,
    };
    this.workshop = queuers === 0 ? undefined : new Workshop({ ...jobs, createSlot, planted });
    this.queuers = Array.from(
      { length: queuers },
      (_, index) =>
        new QueueingClient(index, {
          ...jobs,
          server: this.server,
          roomId,
          workers: this.machines.map(({ peerId }) => peerId),
        }),
    );
    this.#surroundings = {
      timeline: this.timeline,
      links: this.links,
      server: this.server,
      wire: this.wire,
      random,
      changeWritten: () => this.#changes++,
      watcher: options.watcher ?? { stepped: () => {} },
      createNode: options.createNode ?? ((nodeOptions) => new MeshNode(nodeOptions)),
      roomId,
      workshop: this.workshop,
    };
  }

  /** The names of everything that the network joins. */
  get endpoints(): string[] {
    const queuers = this.queuers.map(({ name }) => name);
    return [...this.machines.map((machine) => machine.peerId), SERVER, CLIENT, ...queuers];
  }

  /** Changes to the room state that workers have written so far. */
  get changesWritten(): number {
    return this.#changes;
  }

  /** Since when nothing is wrong, but that some may be dead; Infinity while something is. */
  get wellSince(): Instant {
    return this.#mends.size > 0 ? Infinity : this.#wrongAt;
  }

  /** Notes that something went wrong in one moment. */
  noteWrong(): void {
    this.#wrongAt = this.timeline.now;
  }

  /** The lives that run or are paused. */
  get lives(): WorkerLife[] {
    return this.machines.flatMap(({ life }) =>
      life === undefined || life.state === "dead" ? [] : [life]
    );
  }

  /** The life of the worker called `name`. */
  worker(name: string): WorkerLife {
    const life = this.machines.find((machine) => machine.peerId === name)?.life;
    if (life === undefined) throw new Error(`Expected a worker that was started, got ${name}`);
    return life;
  }

  /**
   * Starts the worker of a machine, in a new life where it lived before. A clock that was set back
   * gives it a lower number than any before, but never the same.
   */
  start(machine: Machine, clockSetBack = false): void {
    if (machine.life !== undefined && machine.life.state !== "dead") return;
    const incarnation = clockSetBack ? --machine.lowest : ++machine.highest;
    const { peerId, metadata } = machine;
    machine.life = new WorkerLife({ peerId, metadata, incarnation }, this.#surroundings);
    machine.life.start();
  }

  /** Starts the worker of a machine after a while, unless the trouble is over by then. */
  startLater(machine: Machine, delayMs: number, clockSetBack = false): void {
    this.timeline.after(delayMs, () => {
      if (!this.#mended) this.start(machine, clockSetBack);
    });
  }

  /** Starts all workers that do not run. */
  startAll(): void {
    for (const machine of this.machines) this.start(machine);
  }

  /** Lets something be wrong with the network for a time. */
  trouble(trouble: Trouble, durationMs: number): void {
    this.#mendLater(this.network.begin(trouble, this.endpoints), durationMs);
  }

  /** Takes the way to the server away for a time, for everybody. It forgets nothing. */
  serverUnreachable(durationMs: number): void {
    this.trouble({ blocks: (from, to) => from === SERVER || to === SERVER }, durationMs);
  }

  /** Takes the server away for a time. It comes back without any memory. */
  serverDown(durationMs: number): void {
    this.server.stop();
    this.#mendLater(() => this.server.start(), durationMs);
  }

  /** Stops a process for a time. */
  pause(life: WorkerLife, durationMs: number): void {
    life.pause();
    this.#mendLater(() => life.resume(), durationMs);
  }

  /** Lets a machine sleep for a time: its process stops, its clock too, and nothing reaches it. */
  sleep(life: WorkerLife, durationMs: number): void {
    if (life.state !== "running") return;
    const { timeline } = this;
    const fellAsleepAt = timeline.now;
    const { name } = life;
    const away = { blocks: (from: string, to: string) => from === name || to === name };
    const plugIn = this.network.begin(away, this.endpoints);
    life.pause();
    this.#mendLater(() => {
      plugIn();
      life.wake(timeline.now - fellAsleepAt);
    }, durationMs);
  }

  /** Makes a machine slow for a time: its process comes to everything `delayMs` late. */
  slow(life: WorkerLife, delayMs: number, durationMs: number): void {
    life.slow(delayMs);
    this.#mendLater(() => life.slow(0), durationMs);
  }

  /** Changes the weather of links for a time. */
  weather(weather: Partial<LinkLayer["weather"]>, durationMs: number): void {
    const before = { ...this.links.weather };
    Object.assign(this.links.weather, weather);
    const mend = () => {
      for (
        const key of ["handshakeMs", "failurePercent", "lateCloseMs", "doubleClosePercent"] as const
      ) {
        if (key in weather) this.links.weather[key] = before[key];
      }
    };
    this.#mendLater(mend, durationMs);
  }

  /** Ends everything that is wrong, but leaves the dead dead. */
  mend(): void {
    this.#mended = true;
    for (const mend of [...this.#mends]) mend();
    Object.assign(this.links.weather, {
      handshakeMs: 40,
      failurePercent: 0,
      lateCloseMs: 0,
      doubleClosePercent: 0,
    });
  }

  /** Frees what the lives hold. */
  dispose(): void {
    for (const life of this.lives) life.kill();
    for (const queuer of this.queuers) queuer.dispose();
  }

  #mendLater(mend: () => void, durationMs: number): void {
    const once = () => {
      if (!this.#mends.delete(once)) return;
      mend();
      this.noteWrong();
    };
    this.#mends.add(once);
    this.timeline.after(durationMs, once);
  }
}

/** Draws how much GPU memory each of `count` machines has: equal ones are common in a lab. */
export function drawGpuMemory(count: number, random: Random): number[] {
  return Array.from(
    { length: count },
    () => [0, 8_000, 24_000, 24_000, 80_000][below(5, random)] ?? 0,
  );
}

function simulatedRoom(): RoomId {
  const id = "simulated00";
  if (!isRoomId(id)) throw new Error(`Expected a room id, got ${id}`);
  return id;
}

function workerId(index: number): PeerId {
  const id = `w${index}`;
  if (!isPeerId(id)) throw new Error(`Expected a peer id, got ${id}`);
  return id;
}
