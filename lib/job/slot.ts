/**
 * One slot of a worker, which runs one job at a time: free, leased to a client, or running. Decides
 * who gets it and what is said; knows nothing of processes, files or links.
 *
 * Invariants
 *  1. At most one job holds the slot. The worker alone decides which.
 *  2. The slot is free if and only if no lease and no process holds it. A free slot is available
 *     unless it is closed or something is in its way.
 *  3. What is said of a running job is numbered from 1 without gaps, and ends with one verdict.
 *  4. A lease ends `LEASE_MS` after the last sign of life of its client; a running job does not.
 *  5. While a lease is held, exactly one wake-up is on its way.
 *  6. Once closed, the slot is given to nobody; a running job goes on to its end. While something is
 *     in its way it is given to nobody either; what it was given for goes on.
 *  7. A job that is adopted from an earlier life of the worker goes on with the number it had.
 *  8. A lease belongs to one client; a running job to the key of the one that started it.
 */

import type { JobId, PeerId, RequestId } from "../base/id.ts";
import type { Instant } from "../base/time.ts";
import { haveOneKey } from "../protocol/identity.ts";
import type { JobEvent, JobMessage, JobRefusal } from "../protocol/job_message.ts";
import type { JobSpec } from "../protocol/job_spec.ts";
import type { Manifest } from "../protocol/manifest.ts";
import type { MissingFile } from "../protocol/mount.ts";
import type { CurrentJob, WorkerStatus } from "../protocol/worker.ts";
import { epochsMaxOf } from "./epoch_limit.ts";
import { expectedEnd, paceAfter } from "./pace.ts";
import type { SlotEffect } from "./slot_effect.ts";
import type { Obstacle, Request, SlotInput, Verdict } from "./slot_input.ts";
import type { Leased, Running, SlotState } from "./slot_state.ts";
import { hint, soleEpochsMax, verdictWords } from "./slot_words.ts";

/** Milliseconds without a sign of life after which a lease ends. Higher: ghosts hold the slot longer. */
export const LEASE_MS = 15_000;

/** Whether a job can be run here at all; a reason where not. */
export type Suitability = (spec: JobSpec, inputs: Manifest) => Refused | undefined;

/** Why a job is not taken. */
export interface Refused {
  readonly code: JobRefusal;
  readonly reason: string;
  /** After how many milliseconds it is worth asking again, where that can be told. */
  readonly retryAfterMs?: number;
  /** Videos that are not found, where that is why. */
  readonly missing?: MissingFile[];
}

/** A refusal as it is told. */
export function refusalMessage(
  question: { readonly request_id: RequestId; readonly job_id: JobId },
  { code, reason, retryAfterMs, missing }: Refused,
): Extract<JobMessage, { type: "job_refused" }> {
  return {
    type: "job_refused",
    ...question,
    code,
    reason,
    ...(retryAfterMs === undefined ? {} : { retry_after_ms: retryAfterMs }),
    ...(missing === undefined ? {} : { missing }),
  };
}

/** Which run of a job it is. Running one again is for those who can resume it. */
const ATTEMPT = 1;

/** One slot of a worker. */
export class JobSlot {
  readonly #suitability: Suitability;
  #state: SlotState = { name: "free" };
  #closed = false;
  /** Why the slot cannot be given away, by what is in its way. */
  readonly #obstacles = new Map<Obstacle, string>();
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

  /**
   * When the running job is expected to be over: `undefined` where none runs, or its pace is not known
   * yet. A training that stops early is over before.
   */
  get freeAt(): Instant | undefined {
    const state = this.#state;
    return state.name === "running" ? expectedEnd(state.pace, soleEpochsMax(state)) : undefined;
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
      case "adopted":
        return this.#adopt(input);
      case "epoch_ended":
        this.#learn(input.epoch.epoch + 1, now);
        return this.#report((stamp) => ({ type: "job_metric", ...stamp, epoch: input.epoch }));
      case "printed":
        return this.#log(input.stream, input.text);
      case "remarked":
        return this.#remark(input.text);
      case "ended":
        return this.#end(input.verdict, now);
      case "obstructed":
        return this.#obstruct(input.by, input.reason);
      case "cleared":
        return this.#clear(input.by);
      case "closed":
        return this.#close(input.notice);
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
    const [obstacle] = this.#obstacles.values();
    if (obstacle !== undefined) {
      return this.#refuse(request, { code: "closed", reason: obstacle });
    }
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
    state: Exclude<SlotState, { name: "free" }>,
    now: Instant,
  ): void {
    const { client, jobId, spec, inputs } = request;
    if (state.name !== "leased" || state.client !== client || state.jobId !== jobId) {
      return this.#refuse(request, { code: "busy", ...hint(state, now) });
    }
    if (JSON.stringify([spec, inputs]) !== JSON.stringify([state.spec, state.inputs])) {
      const reason = "The job is reserved with another specification or other files; release it";
      return this.#refuse(request, { code: "unsuitable", reason });
    }
    this.#state = { ...state, until: now + LEASE_MS };
    this.#grant(request);
  }

  #adopt(job: Extract<SlotInput, { type: "adopted" }>): void {
    if (this.#state.name !== "free") {
      throw new Error(`Expected a free slot for ${job.jobId}, got one that a job holds`);
    }
    const { client, jobId, spec, sequence, startedAt } = job;
    const epochsMax = epochsMaxOf(spec);
    this.#state = { name: "running", client, jobId, spec, startedAt, epochsMax, sequence };
    this.#tellRunning(this.#state);
  }

  #learn(epochs: number, now: Instant): void {
    if (this.#state.name !== "running") return;
    this.#state = { ...this.#state, pace: paceAfter(this.#state.pace, epochs, now) };
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
    const epochsMax = epochsMaxOf(spec);
    this.#state = { name: "running", client, jobId, spec, startedAt: now, epochsMax, sequence: 0 };
    const epochs_max = epochsMax ?? null;
    this.#tellRunning(this.#state);
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
    const open = this.#obstacles.size === 0 ? "available" : "maintenance";
    this.#tellRoom(this.#closed ? "draining" : open, null);
  }

  /** The room hears of the first obstacle, and a running job of maintenance that waits for its end. */
  #obstruct(by: Obstacle, reason: string): void {
    const isNew = !this.#obstacles.has(by);
    this.#obstacles.set(by, reason);
    if (!isNew || this.#closed) return;
    if (this.#state.name === "free" && this.#obstacles.size === 1) this.#free();
    if (by !== "maintenance" || this.#state.name !== "running") return;
    this.#tellRunning(this.#state);
    this.#remark(`${reason}; this job comes to its end first`);
  }

  #clear(by: Obstacle): void {
    if (!this.#obstacles.delete(by) || this.#closed) return;
    if (this.#state.name === "free" && this.#obstacles.size === 0) this.#free();
    if (by === "maintenance" && this.#state.name === "running") this.#tellRunning(this.#state);
  }

  #close(notice?: string): void {
    if (this.#closed) return;
    this.#closed = true;
    switch (this.#state.name) {
      case "free":
        return this.#tellRoom("draining", null);
      case "leased":
        return this.#discard();
      case "running":
        this.#tellRunning(this.#state);
        if (notice !== undefined) this.#remark(notice);
        return;
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
    const message = refusalMessage({ request_id, job_id }, refused);
    this.#effects.push({ type: "tell", client, message });
  }

  #report(say: (stamp: { job_id: JobId; attempt: number; sequence: number }) => JobEvent): void {
    if (this.#state.name !== "running") return;
    const sequence = this.#state.sequence + 1;
    this.#state = { ...this.#state, sequence };
    const { jobId: job_id } = this.#state;
    this.#effects.push({ type: "report", event: say({ job_id, attempt: ATTEMPT, sequence }) });
  }

  #log(stream: "stdout" | "stderr", text: string): void {
    this.#report((stamp) => ({ type: "job_log", ...stamp, stream, text }));
  }

  /** In brackets, since it stands among the trainer's own lines. */
  #remark(remark: string): void {
    const said = { stream: "stderr", text: `[${remark}]`, by_worker: true } as const;
    this.#report((stamp) => ({ type: "job_log", ...stamp, ...said }));
  }

  #tellRunning({ jobId: job_id, client: client_id }: Running): void {
    const isLast = this.#closed || this.#obstacles.has("maintenance");
    this.#tellRoom(isLast ? "draining" : "busy", { job_id, client_id });
  }

  #tellRoom(status: WorkerStatus, currentJob: CurrentJob | null): void {
    this.#effects.push({ type: "status", status, currentJob });
  }
}
