/**
 * Ten slots and fifty clients that race for them, in virtual time: messages are late, lost, doubled
 * and out of order, clients and workers die and come back, trainers are killed. Knows no processes,
 * files or links, and nothing of what may not happen: that is `job_referee.ts`.
 */

import { below, pick, SeededRandom } from "../../lib/base/random.ts";
import { JobSlot } from "../../lib/job/slot.ts";
import { JobClient } from "./job_client.ts";
import type { DeskFault, SlotFactory } from "./job_desk.ts";
import { JobReferee, type JobTally } from "./job_referee.ts";
import { JobWorker } from "./job_worker.ts";
import { Timeline } from "./timeline.ts";
import { Violation } from "./violation.ts";

const WORKERS = 10;
const CLIENTS = 50;
/** While things go wrong, and then until all must have come to rest. */
const TROUBLE_MS = 180_000;
const QUIET_MS = 120_000;
const LOSS = 0.05;
const DOUBLE = 0.02;
const DELAY_MS_MAX = 400;
/** Now and then a message is as late as a link that stalls. */
const STALL = 0.02;
const STALL_MS_MAX = 20_000;

/** Between two looks at every worker. */
const INSPECT_MS = 500;

/** What is asked of a race. */
export interface JobRaceOptions {
  readonly seed: number;
  readonly planted?: DeskFault;
  readonly createSlot?: SlotFactory;
}

/** What a race came to. */
export interface JobRace extends JobTally {
  readonly violation: string | undefined;
}

/** What the parts of a race share. */
export class JobWorld {
  readonly timeline = new Timeline();
  readonly random: SeededRandom;
  readonly referee = new JobReferee(() => this.timeline.now);
  readonly planted: DeskFault | undefined;
  readonly createSlot: SlotFactory;
  readonly workers: readonly JobWorker[];
  readonly #clients: readonly JobClient[];

  constructor({ seed, planted, createSlot }: JobRaceOptions) {
    this.random = new SeededRandom(seed);
    this.planted = planted;
    this.createSlot = createSlot ?? ((suitability) => new JobSlot(suitability));
    this.workers = Array.from({ length: WORKERS }, (_, n) => new JobWorker(n, this));
    this.#clients = Array.from({ length: CLIENTS }, (_, n) => new JobClient(n, this));
  }

  /** Whether things still go wrong. */
  get isTrouble(): boolean {
    return this.timeline.now < TROUBLE_MS;
  }

  /** Has `deliver` happen when a message arrives, if it does, and as often as it does. */
  send(deliver: () => void): void {
    if (this.isTrouble && this.random.next() < LOSS) return;
    const copies = this.isTrouble && this.random.next() < DOUBLE ? 2 : 1;
    for (let copy = 0; copy < copies; copy++) {
      const isStalled = this.isTrouble && this.random.next() < STALL;
      const delayMs = below(isStalled ? STALL_MS_MAX : DELAY_MS_MAX, this.random);
      this.timeline.after(delayMs, deliver);
    }
  }

  /** The client of that peer id. */
  clientOf(peerId: string): JobClient | undefined {
    return this.#clients.find((client) => client.peerId === peerId);
  }

  /** Lets the race run. */
  run(): JobRace {
    let violation: string | undefined;
    try {
      for (const client of this.#clients) client.begin();
      this.#trouble();
      this.#inspectAgain();
      this.timeline.run(TROUBLE_MS + QUIET_MS);
      violation = this.referee.unrest(this.#desks);
    } catch (error) {
      if (!(error instanceof Violation)) throw error;
      violation = error.message;
    }
    return { violation, ...this.referee.tally };
  }

  get #desks() {
    return this.workers.flatMap(({ desk }) => desk === undefined ? [] : [desk]);
  }

  #inspectAgain(): void {
    this.referee.inspect(this.#desks);
    this.timeline.after(INSPECT_MS, () => this.#inspectAgain());
  }

  /** Somebody dies every few seconds, and comes back. */
  #trouble(): void {
    this.timeline.after(500 + below(2_500, this.random), () => {
      if (!this.isTrouble) return;
      const what = this.random.next();
      if (what < 0.4) pick(this.workers, this.random)?.crash(what < 0.1);
      else if (what < 0.6) pick(this.workers, this.random)?.killTrainer();
      else pick(this.#clients, this.random)?.crash();
      this.#trouble();
    });
  }
}

/** One race. The same seed gives the same race. */
export function race(options: JobRaceOptions): JobRace {
  return new JobWorld(options).run();
}
