/**
 * A worker of the race: its machine's disk, and a desk for each of its lives. Hears clients without links.
 * Knows nothing of the other workers.
 */

import type { PeerId } from "../../lib/base/id.ts";
import { below } from "../../lib/base/random.ts";
import type { JobMessage } from "../../lib/protocol/job_message.ts";
import type { TransferMessage } from "../../lib/protocol/transfer_message.ts";
import { SimulatedDesk } from "./job_desk.ts";
import { JobDisk } from "./job_disk.ts";
import type { Shown } from "./job_watcher.ts";
import type { JobWorld } from "./job_world.ts";

const RESTART_MS_MAX = 8_000;
const FREE: Shown = { status: "available", currentJob: null };

/** A worker. */
export class JobWorker {
  readonly name: string;
  readonly #world: JobWorld;
  readonly #disk = new JobDisk();
  /** The desk of its present life; absent while it is down. */
  #desk: SimulatedDesk | undefined;
  #shown = FREE;

  constructor(number: number, world: JobWorld) {
    this.name = `gpu-${number}`;
    this.#world = world;
    this.begin();
  }

  /** The desk of its present life; absent while it is down. */
  get desk(): SimulatedDesk | undefined {
    return this.#desk;
  }

  /** Whether clients would ask it. */
  get seemsFree(): boolean {
    return this.#desk !== undefined && this.#shown.status === "available";
  }

  /** Something of a client arrives. */
  hear(client: PeerId, message: JobMessage | TransferMessage): void {
    this.#desk?.hear(client, message);
  }

  /** The process dies, without a word; its trainer goes on, unless its machine loses power. */
  crash(losesPower: boolean): void {
    if (this.#desk === undefined) return;
    this.#desk = undefined;
    if (losesPower) this.#disk.losePower();
    const { random, timeline } = this.#world;
    timeline.after(100 + below(RESTART_MS_MAX, random), () => this.begin());
  }

  /** Somebody kills the trainer with its keeper. */
  killTrainer(): void {
    this.#disk.running?.lose();
  }

  /** The process is started. */
  begin(): void {
    const { createSlot, planted, random, referee, timeline } = this.#world;
    this.#shown = FREE;
    const desk: SimulatedDesk = new SimulatedDesk({
      name: this.name,
      disk: this.#disk,
      timeline,
      random,
      watcher: referee,
      createSlot,
      planted,
      now: () => timeline.now,
      later: (delayMs, action) =>
        timeline.after(delayMs, () => {
          if (this.#desk === desk) action();
        }),
      tell: (client, message) => {
        this.#world.send(() => this.#world.clientOf(client)?.hear(this, message));
      },
      status: (status, currentJob) => {
        this.#shown = { status, currentJob };
      },
      shown: () => this.#shown,
      settledAt: () => 0,
      objectionTo: () => undefined,
    });
    this.#desk = desk;
    desk.takeUp();
  }
}
