/**
 * What must hold of the queue of a simulated room at every step, whatever goes wrong.
 *
 *  1. Nobody takes from the queue who is cut off from the majority.
 *  2. Whom a worker takes is the first in the order of tickets that fits it, is there, and is served by
 *     nobody else, but for those that let their turn pass a moment ago.
 *  3. A slot is held for a bounded time.
 *  4. What is written down of the queue has a limit.
 */

import type { JobId, PeerId } from "../../lib/base/id.ts";
import type { Instant } from "../../lib/base/time.ts";
import type { Effect } from "../../lib/mesh/effect.ts";
import { HOLD_MS, PASS_MS } from "../../lib/mesh/turn.ts";
import { shortcomingOf } from "../../lib/protocol/fitness.ts";
import { haveOneKey } from "../../lib/protocol/identity.ts";
import type { Waiting } from "../../lib/protocol/queue_message.ts";
import type { CurrentJob } from "../../lib/protocol/worker.ts";
import { Violation } from "./violation.ts";
import type { WorkerLife } from "./worker_life.ts";
import type { World } from "./world.ts";

/** For a timer of a slow machine. */
const SLACK_MS = 2_000;
/** Requests that wait at once: each client has one, and those that it gave up may stay behind. */
const WAITING_MAX = 64;

interface Hold {
  readonly job: CurrentJob;
  readonly since: Instant;
}

/** Watches the queue of one world. */
export class QueueReferee {
  readonly #world: () => World;
  /**
   * By the worker's own clock, by which it counts: while its machine sleeps that clock stands still, and
   * the worker cannot know that elsewhere the time is over.
   */
  readonly #passed = new Map<WorkerLife, Map<JobId, Instant>>();
  readonly #holds = new Map<WorkerLife, Hold>();

  constructor(world: () => World) {
    this.#world = world;
  }

  /** Looks at one step. */
  stepped(life: WorkerLife, effects: readonly Effect[]): void {
    for (const effect of effects) {
      if (effect.type !== "log") continue;
      const { event, job_id } = effect.fields;
      if (event === "passed_over") this.#passedBy(life).set(jobIdIn(job_id, life), life.now);
      if (event === "held") this.#checkHold(life);
    }
  }

  /** A worker lets a client's job have its slot. */
  jobTaken(life: WorkerLife, job: CurrentJob): void {
    if (life.view.held !== undefined) {
      if (life.view.held.job_id === job.job_id) return;
      throw new Violation(`${life.name} is held for ${life.view.held.job_id}, takes ${job.job_id}`);
    }
    const first = this.#firstFor(life);
    if (first !== undefined && !isIt(first, job)) {
      throw new Violation(`${life.name} takes ${job.job_id} before ${first.job_id}`);
    }
  }

  /** Looks at all nodes at rest; to be called every now and then. */
  inspect(): void {
    for (const life of this.#world().lives) {
      const { held, waiting } = life.view;
      if (waiting.length > WAITING_MAX) {
        throw new Violation(`${life.name} lists ${waiting.length} requests`);
      }
      const before = this.#holds.get(life);
      if (held === undefined) this.#holds.delete(life);
      else if (before?.job !== held) this.#holds.set(life, { job: held, since: this.#now });
      else if (life.state === "running") {
        const since = Math.max(before.since, life.unsettledAt);
        if (this.#now - since > HOLD_MS + SLACK_MS) {
          throw new Violation(`${life.name} is held for ${held.job_id} for too long`);
        }
      }
    }
  }

  get #now(): Instant {
    return this.#world().timeline.now;
  }

  #checkHold(life: WorkerLife): void {
    const { held, partitioned } = life.view;
    if (held === undefined) return;
    if (partitioned) {
      throw new Violation(
        `${life.name} takes ${held.job_id} from the queue, although it is cut off`,
      );
    }
    const first = this.#firstFor(life);
    if (first === undefined || isIt(first, held)) return;
    throw new Violation(`${life.name} takes ${held.job_id} before ${first.job_id}`);
  }

  /** The request that the worker must take next, as far as it can know. */
  #firstFor(life: WorkerLife): Waiting | undefined {
    const { entries, liveness, waiting } = life.view;
    const passed = this.#passedBy(life);
    const living = (peerId: PeerId) => ["alive", "suspect"].includes(liveness.get(peerId) ?? "");
    const isServed = (request: Waiting) =>
      [...entries.values()].some(({ peer_id, status, current_job }) =>
        peer_id !== life.peerId && living(peer_id) && status !== "left" && current_job !== null &&
        isIt(request, current_job)
      );
    const { peerId: peer_id, metadata } = life;
    const self = { peer_id, metadata, status: "available" } as const;
    return waiting.filter((request) =>
      request.is_present && shortcomingOf(self, request.needs) === undefined &&
      life.now - (passed.get(request.job_id) ?? -Infinity) >= PASS_MS && !isServed(request)
    ).toSorted((one, other) =>
      one.ticket - other.ticket || (one.job_id < other.job_id ? -1 : 1)
    )[0];
  }

  #passedBy(life: WorkerLife): Map<JobId, Instant> {
    const passed = this.#passed.get(life) ?? new Map<JobId, Instant>();
    this.#passed.set(life, passed);
    return passed;
  }
}

function isIt({ job_id, client_id }: Waiting, job: CurrentJob): boolean {
  return job_id === job.job_id && haveOneKey(client_id, job.client_id);
}

function jobIdIn(field: unknown, life: WorkerLife): JobId {
  const found = life.view.waiting.find(({ job_id }) => job_id === field)?.job_id;
  if (found === undefined) {
    throw new Violation(`${life.name} passes over ${field}, which waits not`);
  }
  return found;
}
