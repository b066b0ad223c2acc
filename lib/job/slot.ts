/**
 * One slot of a worker, which runs one job at a time: free, leased to a client, or running. Decides
 * who gets it and what is said; knows nothing of processes, files or links.
 *
 * Invariants
 *  1. At most one job holds the slot. The worker alone decides which.
 *  2. The slot is free if and only if no lease and no process holds it.
 *  3. What is said of a running job is numbered from 1 without gaps, and ends with one verdict.
 *  4. A lease ends `LEASE_MS` after the last sign of life of its client; a running job does not.
 *  5. While a lease is held, exactly one wake-up is on its way.
 *  6. Once closed, the slot is given to nobody; a running job goes on to its end.
 *  7. A lease belongs to one client; a running job to the key of the one that started it.
 */

import type { JobId, PeerId } from "../base/id.ts";
import type { Instant } from "../base/time.ts";
import { haveOneKey } from "../protocol/identity.ts";
import type { JobEvent, JobRefusal } from "../protocol/job_message.ts";
import { epochsMaxOf, type JobSpec } from "../protocol/job_spec.ts";
import type { Manifest } from "../protocol/manifest.ts";
import type { MissingFile } from "../protocol/mount.ts";
import type { CurrentJob, WorkerStatus } from "../protocol/worker.ts";
import type { SlotEffect } from "./slot_effect.ts";
import type { JobEnding, Request, SlotInput, Verdict } from "./slot_input.ts";

/** Milliseconds without a sign of life after which a lease ends. Higher: ghosts hold the slot longer. */
export const LEASE_MS = 15_000;

/** Whether a job can be run here at all; a reason where not. */
export type Suitability = (spec: JobSpec, inputs: Manifest) => Refused | undefined;

/** Why a job is not taken. */
export interface Refused {
  readonly code: JobRefusal;
  readonly reason: string;
  /** Videos that are not found, where that is why. */
  readonly missing?: MissingFile[];
}

interface Held {
  readonly client: PeerId;
  readonly jobId: JobId;
  readonly spec: JobSpec;
}

interface Leased extends Held {
  readonly name: "leased";
  readonly inputs: Manifest;
  /** Whether every input is here. */
  readonly complete: boolean;
  readonly until: Instant;
}

interface Running extends Held {
  readonly name: "running";
  readonly startedAt: Instant;
  /** The number of the last word that was said of it. */
  readonly sequence: number;
  /** How its owner wanted it to end, where that was asked for. */
  readonly ending?: JobEnding;
}

type State = { readonly name: "free" } | Leased | Running;

/** Which run of a job it is. Running one again is for those who can resume it. */
const ATTEMPT = 1;

/** One slot of a worker. */
export class JobSlot {
  readonly #suitability: Suitability;
  #state: State = { name: "free" };
  #closed = false;
  #wakeUpUnderway = false;
  #effects: SlotEffect[] = [];

  constructor(suitability: Suitability) {
    this.#suitability = suitability;
  }

  /** The job that holds the slot. */
  get jobId(): JobId | undefined {
    return this.#state.name === "free" ? undefined : this.#state.jobId;
  }

  /**
   * The number of the last word that was said of the running job, where it is `jobId`. Absent where
   * that job does not run.
   */
  sequenceOf(jobId: JobId): number | undefined {
    const state = this.#state;
    return state.name === "running" && state.jobId === jobId ? state.sequence : undefined;
  }

  /** Takes in one thing that happened at `now`, and gives what is to be done about it, in order. */
  step(input: SlotInput, now: Instant): SlotEffect[] {
    this.#expire(now);
    this.#take(input, now);
    this.#wakeUp();
    return this.#effects.splice(0);
  }

  #take(input: SlotInput, now: Instant): void {
    switch (input.type) {
      case "reserve":
        return this.#reserve(input, now);
      case "start":
        return this.#start(input, now);
      case "release":
        if (this.#leasedTo(input.client, input.jobId) === undefined) return;
        return this.#discard();
      case "end":
        return this.#endRun(input);
      case "inputs_complete":
        if (this.#state.name !== "leased" || this.#state.jobId !== input.jobId) return;
        this.#state = { ...this.#state, complete: true };
        return;
      case "alive":
        if (this.#state.name !== "leased" || this.#state.client !== input.client) return;
        this.#state = { ...this.#state, until: now + LEASE_MS };
        return;
      case "epoch_ended":
        return this.#report((stamp) => ({ type: "job_metric", ...stamp, epoch: input.epoch }));
      case "printed": {
        const { stream, text } = input;
        return this.#report((stamp) => ({ type: "job_log", ...stamp, stream, text }));
      }
      case "ended":
        return this.#end(input.verdict, now);
      case "closed":
        return this.#close();
      case "woke":
        this.#wakeUpUnderway = false;
        return;
    }
    input satisfies never;
  }

  #reserve(request: Extract<SlotInput, { type: "reserve" }>, now: Instant): void {
    const { client, jobId, spec, inputs } = request;
    if (this.#closed) {
      return this.#refuse(request, { code: "closed", reason: "The worker takes no more jobs" });
    }
    if (this.#state.name !== "free") return this.#reserveAgain(request, this.#state, now);
    const refused = this.#suitability(spec, inputs);
    if (refused !== undefined) return this.#refuse(request, refused);
    const complete = inputs.files.length === 0;
    this.#state = { name: "leased", client, jobId, spec, inputs, complete, until: now + LEASE_MS };
    this.#effects.push({ type: "prepare", client, jobId, spec, inputs });
    this.#grant(request);
    this.#tellRoom("reserved", { job_id: jobId, client_id: client });
  }

  /** Asked again for the very same job, the first answer was lost; all else is refused. */
  #reserveAgain(
    request: Extract<SlotInput, { type: "reserve" }>,
    state: Exclude<State, { name: "free" }>,
    now: Instant,
  ): void {
    const { client, jobId, spec, inputs } = request;
    if (state.name !== "leased" || state.client !== client || state.jobId !== jobId) {
      const doing = state.name === "leased" ? "is reserved for" : "runs";
      return this.#refuse(request, { code: "busy", reason: `The worker ${doing} another job` });
    }
    if (JSON.stringify([spec, inputs]) !== JSON.stringify([state.spec, state.inputs])) {
      const reason = "The job is reserved with another specification or other files; release it";
      return this.#refuse(request, { code: "unsuitable", reason });
    }
    this.#state = { ...state, until: now + LEASE_MS };
    this.#grant(request);
  }

  #start(request: Request, now: Instant): void {
    const state = this.#state;
    const lease = this.#leasedTo(request.client, request.jobId);
    if (state.name === "running" && state.client === request.client) {
      return this.#refuse(request, { code: "busy", reason: "The worker runs a job already" });
    }
    if (lease === undefined) {
      const reason = "The worker holds no lease for this job; reserve it again";
      return this.#refuse(request, { code: "unknown_job", reason });
    }
    if (!lease.complete) {
      const reason = "Not every input of the job is here; transfer them first";
      return this.#refuse(request, { code: "unsuitable", reason });
    }
    const { client, jobId, spec } = lease;
    this.#state = { name: "running", client, jobId, spec, startedAt: now, sequence: 0 };
    const epochs_max = epochsMaxOf(spec) ?? null;
    this.#tellRoom("busy", { job_id: jobId, client_id: client });
    this.#effects.push({ type: "admit", client, jobId });
    this.#report((stamp) => ({ type: "job_accepted", ...stamp, epochs_max }));
    this.#effects.push({ type: "run", jobId, spec });
  }

  /** A job that is being stopped can still be cancelled, and not the other way round. */
  #endRun(request: Extract<SlotInput, { type: "end" }>): void {
    const { client, jobId, requestId: request_id, how } = request;
    const state = this.#state;
    if (state.name !== "running" || state.jobId !== jobId || !haveOneKey(state.client, client)) {
      const reason = "The worker runs no such job of this client";
      return this.#refuse(request, { code: "unknown_job", reason });
    }
    const { sequence: after_sequence, ending } = state;
    const message = { type: "job_following", request_id, job_id: jobId, after_sequence } as const;
    this.#effects.push({ type: "tell", client, message }, { type: "admit", client, jobId });
    if (ending === how || ending === "cancel") return;
    this.#state = { ...state, ending: how };
    this.#effects.push({ type: "end", jobId, how });
  }

  #end(verdict: Verdict, now: Instant): void {
    if (this.#state.name !== "running") return;
    const duration_ms = Math.max(0, now - this.#state.startedAt);
    this.#report((stamp) => ({ ...verdictWords(verdict), ...stamp, duration_ms }));
    this.#free();
  }

  #expire(now: Instant): void {
    if (this.#state.name === "leased" && now >= this.#state.until) this.#discard();
  }

  #discard(): void {
    if (this.#state.name !== "leased") return;
    this.#effects.push({ type: "discard", jobId: this.#state.jobId });
    this.#free();
  }

  #free(): void {
    this.#state = { name: "free" };
    this.#tellRoom(this.#closed ? "draining" : "available", null);
  }

  #close(): void {
    if (this.#closed) return;
    this.#closed = true;
    switch (this.#state.name) {
      case "free":
        return this.#tellRoom("draining", null);
      case "leased":
        return this.#discard();
      case "running": {
        const { jobId: job_id, client: client_id } = this.#state;
        return this.#tellRoom("draining", { job_id, client_id });
      }
      default:
        this.#state satisfies never;
    }
  }

  /** Signs of life move the end of a lease, not the wake-up: that comes, and finds the new end. */
  #wakeUp(): void {
    if (this.#state.name !== "leased" || this.#wakeUpUnderway) return;
    this.#wakeUpUnderway = true;
    this.#effects.push({ type: "wake", at: this.#state.until });
  }

  #leasedTo(client: PeerId, jobId: JobId): Leased | undefined {
    const state = this.#state;
    if (state.name !== "leased" || state.client !== client) return undefined;
    return state.jobId === jobId ? state : undefined;
  }

  #grant({ client, requestId: request_id, jobId: job_id }: Request): void {
    const message = { type: "job_lease", request_id, job_id, lease_ms: LEASE_MS } as const;
    this.#effects.push({ type: "tell", client, message });
  }

  #refuse({ client, requestId: request_id, jobId: job_id }: Request, refused: Refused): void {
    const message = { type: "job_refused", request_id, job_id, ...refused } as const;
    this.#effects.push({ type: "tell", client, message });
  }

  #report(say: (stamp: { job_id: JobId; attempt: number; sequence: number }) => JobEvent): void {
    if (this.#state.name !== "running") return;
    const sequence = this.#state.sequence + 1;
    this.#state = { ...this.#state, sequence };
    const { jobId: job_id } = this.#state;
    this.#effects.push({ type: "report", event: say({ job_id, attempt: ATTEMPT, sequence }) });
  }

  #tellRoom(status: WorkerStatus, currentJob: CurrentJob | null): void {
    this.#effects.push({ type: "status", status, currentJob });
  }
}

/** The verdict as it is said, without the words that every event carries. */
function verdictWords(verdict: Verdict) {
  switch (verdict.type) {
    case "done": {
      const { results, isStoppedEarly: stopped_early } = verdict;
      return { type: "job_done", results, stopped_early } as const;
    }
    case "cancelled":
      return { type: "job_cancelled" } as const;
    case "failed": {
      const { exitCode: exit_code, reason } = verdict;
      return { type: "job_failed", exit_code, reason } as const;
    }
    default:
      return verdict satisfies never;
  }
}
