/**
 * The jobs' side of a simulated lab: a disk for each machine, and a desk for each life of its worker, wired
 * to that life as the runtime does it. Decides nothing.
 */

import type { PeerId } from "../../lib/base/id.ts";
import { pick, type Random } from "../../lib/base/random.ts";
import { JobSlot } from "../../lib/job/slot.ts";
import { type DeskFault, SimulatedDesk, type SlotFactory } from "./job_desk.ts";
import { JobDisk } from "./job_disk.ts";
import type { JobWatcher } from "./job_watcher.ts";
import type { LinkLayer } from "./link_layer.ts";
import type { Timeline } from "./timeline.ts";
import type { WireCheck } from "./wire_check.ts";
import type { WorkerLife } from "./worker_life.ts";

/** What jobs are run with. */
export interface WorkshopOptions {
  readonly timeline: Timeline;
  readonly links: LinkLayer;
  readonly wire: WireCheck;
  /** Of its own: rooms without jobs are as if there were none. */
  readonly random: Random;
  readonly watcher: JobWatcher;
  readonly createSlot?: SlotFactory | undefined;
  readonly planted?: DeskFault | undefined;
}

/** The workshop of one lab. */
export class Workshop {
  readonly #options: WorkshopOptions;
  readonly #disks = new Map<PeerId, JobDisk>();

  constructor(options: WorkshopOptions) {
    this.#options = options;
  }

  /** A desk for a life that begins. */
  open(life: WorkerLife): SimulatedDesk {
    const { createSlot, links, planted, wire, ...parts } = this.#options;
    const desk: SimulatedDesk = new SimulatedDesk({
      ...parts,
      name: life.name,
      disk: this.#diskOf(life.peerId),
      createSlot: createSlot ?? ((suitability) => new JobSlot(suitability)),
      planted,
      now: () => life.now,
      later: (delayMs, action) => life.later(delayMs, action),
      tell: (client, message) => {
        const linkId = desk.linkOf(client);
        if (linkId !== undefined) links.send(life, linkId, wire.client(message));
      },
      status: (status, currentJob) => life.work(status, currentJob),
      shown: () => life,
      known: () => life.entry,
      settledAt: () => life.state === "running" ? life.unsettledAt : Infinity,
      objectionTo: (client, jobId) => life.node.objectionTo(client, jobId),
    });
    return desk;
  }

  /** Somebody kills a trainer with its keeper. */
  killTrainer(): void {
    const running = [...this.#disks.values()].flatMap(({ running }) => running ?? []);
    pick(running, this.#options.random)?.lose();
  }

  #diskOf(machine: PeerId): JobDisk {
    const disk = this.#disks.get(machine) ?? new JobDisk();
    this.#disks.set(machine, disk);
    return disk;
  }
}
