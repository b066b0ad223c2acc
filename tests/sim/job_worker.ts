/**
 * A worker of the race: a slot, and what outlives it, which is the trainer under its keeper and the
 * job's folder. Performs what the slot wants; knows nothing of the other workers.
 */

import { isRequestId, type JobId, type PeerId, type RequestId } from "../../lib/base/id.ts";
import { below } from "../../lib/base/random.ts";
import { JobSlot } from "../../lib/job/slot.ts";
import type { SlotEffect } from "../../lib/job/slot_effect.ts";
import type { SlotInput, Verdict } from "../../lib/job/slot_input.ts";
import type { JobEvent } from "../../lib/protocol/job_message.ts";
import type { JobSpec } from "../../lib/protocol/job_spec.ts";
import type { JobWorld, PlantedJobFault } from "./job_world.ts";

/** A trainer, which its worker's death does not end. */
interface Trainer {
  readonly jobId: JobId;
  /** How it ended, as its keeper wrote it down; absent while it runs. */
  end?: Verdict;
  /** Whether its keeper was killed: nobody writes its end down. */
  isLost: boolean;
}

/** What is in a job's folder. */
interface Folder {
  readonly client: PeerId;
  readonly spec: JobSpec;
  readonly events: JobEvent[];
}

const EPOCH_MS_MAX = 3_000;
const EPOCHS_MAX = 6;
const RESTART_MS_MAX = 8_000;

/** The request of every question: the race tells answers apart by their kind. */
export const REQUEST: RequestId = requestOf("r1");

function requestOf(text: string): RequestId {
  if (!isRequestId(text)) throw new Error(`Expected a request id, got ${text}`);
  return text;
}

/** A worker. */
export class JobWorker {
  readonly name: string;
  readonly #world: JobWorld;
  readonly #planted: PlantedJobFault | undefined;
  readonly #folders = new Map<JobId, Folder>();
  #slot = new JobSlot(() => undefined);
  /** Which life it is; absent while it is down. */
  #life: number | undefined = 0;
  #lives = 0;
  #trainer: Trainer | undefined;
  #status = "available";

  constructor(number: number, world: JobWorld, planted: PlantedJobFault | undefined) {
    this.name = `gpu-${number}`;
    this.#world = world;
    this.#planted = planted;
  }

  /** What the room was told last, and what holds the slot. */
  get state(): { readonly status: string; readonly jobId: JobId | undefined } {
    return { status: this.#status, jobId: this.#slot.jobId };
  }

  /** Jobs of which something was said. */
  get folders(): ReadonlyMap<JobId, Folder> {
    return this.#folders;
  }

  /** Whether clients would ask it. */
  get seemsFree(): boolean {
    return this.#life !== undefined && this.#status === "available";
  }

  /** Something of a client arrives. */
  hear(input: SlotInput): void {
    if (this.#life !== undefined) this.#step(input);
  }

  /** A client asks what was said after that word. Nothing is answered for a job that is not known. */
  follow(jobId: JobId, afterSequence: number, tell: (event: JobEvent) => void): boolean {
    const folder = this.#folders.get(jobId);
    if (this.#life === undefined || folder === undefined || folder.events.length === 0) {
      return false;
    }
    for (const event of folder.events) if (event.sequence > afterSequence) tell(event);
    return true;
  }

  /** The process dies, without a word; its trainer goes on. */
  crash(): void {
    if (this.#life === undefined) return;
    this.#life = undefined;
    this.#world.timeline.after(
      100 + below(RESTART_MS_MAX, this.#world.random),
      () => this.#begin(),
    );
  }

  /** Somebody kills the trainer with its keeper. */
  killTrainer(): void {
    const trainer = this.#trainer;
    if (trainer === undefined || trainer.end !== undefined) return;
    trainer.isLost = true;
    this.#over(trainer, { type: "lost", reason: "Somebody killed it" });
  }

  #begin(): void {
    this.#life = ++this.#lives;
    this.#slot = new JobSlot(() => undefined);
    this.#status = "available";
    const isForgetful = this.#planted === "forgets_its_jobs";
    for (const [jobId, { client, spec, events }] of isForgetful ? [] : this.#folders) {
      const last = events.at(-1);
      if (last === undefined) {
        // It was leased and never ran.
        this.#folders.delete(jobId);
        continue;
      }
      if ("duration_ms" in last && this.#planted !== "tells_verdicts_again") continue;
      const trainer = this.#trainer?.jobId === jobId ? this.#trainer : undefined;
      this.#step({
        type: "adopted",
        client,
        jobId,
        spec,
        sequence: last.sequence,
        startedAt: this.#world.timeline.now,
      });
      const ended = trainer === undefined
        ? { type: "lost", reason: "It never began" } as const
        : trainer.end;
      if (ended !== undefined) this.#step({ type: "ended", verdict: ended });
    }
  }

  #step(input: SlotInput): void {
    const effects = this.#slot.step(input, this.#world.timeline.now);
    for (const effect of effects) this.#perform(effect);
    this.#world.referee.judge(this);
  }

  #perform(effect: SlotEffect): void {
    const { referee, timeline } = this.#world;
    switch (effect.type) {
      case "tell": {
        const { client, message } = effect;
        return this.#world.send(() => this.#world.clientOf(client)?.hear(this, message));
      }
      case "report":
        return this.#report(effect.event);
      case "prepare":
        this.#folders.set(effect.jobId, { client: effect.client, spec: effect.spec, events: [] });
        return;
      case "discard":
        this.#folders.delete(effect.jobId);
        return;
      case "run":
        referee.started(
          effect.jobId,
          this.name,
          this.#trainer?.end === undefined && this.#trainer !== undefined,
        );
        return this.#train({ jobId: effect.jobId, isLost: false });
      case "end": {
        const trainer = this.#trainer;
        if (trainer === undefined) return;
        const verdict: Verdict = effect.how === "cancel"
          ? { type: "cancelled" }
          : { type: "done", results: { files: [] }, isStoppedEarly: true };
        timeline.after(below(10_000, this.#world.random), () => this.#over(trainer, verdict));
        return;
      }
      case "status":
        this.#status = effect.status;
        return;
      case "wake": {
        const life = this.#life;
        if (this.#planted === "never_wakes") return;
        return timeline.at(effect.at, () => {
          if (this.#life === life && life !== undefined) this.#step({ type: "woke" });
        });
      }
      case "admit":
        return;
    }
    effect satisfies never;
  }

  #report(event: JobEvent): void {
    const folder = this.#folders.get(event.job_id);
    folder?.events.push(event);
    this.#world.referee.said(event, this.name);
    const client = folder?.client;
    if (client === undefined) return;
    this.#world.send(() => this.#world.clientOf(client)?.hear(this, event));
  }

  #train(trainer: Trainer): void {
    this.#trainer = trainer;
    const { random, timeline } = this.#world;
    let at = 0;
    for (let epoch = 0; epoch < 1 + below(EPOCHS_MAX, random); epoch++) {
      at += 100 + below(EPOCH_MS_MAX, random);
      timeline.after(at, () => {
        if (this.#life === undefined || trainer.end !== undefined || this.#trainer !== trainer) {
          return;
        }
        if (this.#slot.sequenceOf(trainer.jobId) === undefined) return;
        this.#step({ type: "epoch_ended", epoch: { epoch, train_loss: 1, val_loss: null } });
      });
    }
    const isGood = random.next() < 0.8;
    timeline.after(at + 100, () =>
      this.#over(
        trainer,
        isGood
          ? { type: "done", results: { files: [] }, isStoppedEarly: false }
          : { type: "failed", exitCode: 1, reason: "It failed" },
      ));
  }

  /** The trainer ends; its worker hears it, or finds it written down when it is there again. */
  #over(trainer: Trainer, verdict: Verdict): void {
    if (trainer.end !== undefined) return;
    trainer.end = verdict;
    if (this.#life === undefined || this.#slot.sequenceOf(trainer.jobId) === undefined) return;
    this.#step({ type: "ended", verdict });
  }
}
