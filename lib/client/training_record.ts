/** What a client has heard of one training, word by word. Knows nothing of links. */

import { z } from "zod";
import { Failure } from "../base/failure.ts";
import { isOver, type JobEvent } from "../protocol/job_message.ts";
import type { Manifest } from "../protocol/manifest.ts";

/** What was heard of a training so far, to go on from. */
export const heardSchema = z.object({
  /** The number of the last word. */
  sequence: z.int().min(0),
  /** Of the model that is trained last. */
  epochs: z.int().min(0),
  /** Training loss of its first epoch that has one. */
  first_loss: z.number().nullable(),
  /** Null before there is one, and where the last one is no number. */
  last_loss: z.number().nullable(),
  /** Whether a loss of the last epoch is no number. */
  is_diverged: z.literal(true).exactOptional(),
});
/** What was heard of a training so far, to go on from. */
export type Heard = z.infer<typeof heardSchema>;

/** How a job stands, as far as it was heard. */
export const jobStandingSchema = z.enum(["running", "done", "failed", "cancelled", "lost"]);
/** How a job stands, as far as it was heard. */
export type JobStanding = z.infer<typeof jobStandingSchema>;

/** Nothing yet. */
export const NOTHING_HEARD: Heard = { sequence: 0, epochs: 0, first_loss: null, last_loss: null };

/** What a training came to. */
export interface Training {
  readonly results: Manifest;
  /** Of the model that was trained last. */
  readonly epochs: number;
  /** Training loss of its first epoch that has one. */
  readonly firstLoss: number | undefined;
  /** NaN where the training has gone astray. */
  readonly lastLoss: number | undefined;
  /** Whether it was asked to stop; then the results are those so far. */
  readonly isStoppedEarly: boolean;
}

/** The record of one training. */
export class TrainingRecord {
  #heard: Heard;
  #standing: JobStanding = "running";

  constructor(heard: Heard = NOTHING_HEARD) {
    this.#heard = heard;
  }

  /** All that counts of what was heard. */
  get heard(): Heard {
    return this.#heard;
  }

  /** How the job stands after the last word. */
  get standing(): JobStanding {
    return this.#standing;
  }

  /**
   * Takes the next word in.
   *
   * @throws {Failure} Where a word is missing or comes twice.
   */
  take(event: JobEvent): void {
    const sequence = this.#heard.sequence + 1;
    if (event.sequence !== sequence) {
      const message = `Expected word ${sequence} of the job, got word ${event.sequence}`;
      throw new Failure("protocol", message);
    }
    this.#heard = { ...this.#heard, sequence };
    this.#standing = standingAfter(event);
    if (event.type !== "job_metric") return;
    if (!isOver(event.epoch)) return;
    const { epoch, train_loss, is_diverged } = event.epoch;
    // One that goes back is the first of another model: what counts then is that one.
    const before = epoch < this.#heard.epochs ? NOTHING_HEARD : this.#heard;
    this.#heard = {
      sequence,
      epochs: epoch + 1,
      first_loss: before.first_loss ?? train_loss,
      last_loss: train_loss,
      ...(is_diverged === undefined ? {} : { is_diverged }),
    };
  }

  /** The words up to `sequence` will not be told: nobody asked for them. */
  leaveOut(sequence: number): void {
    this.#heard = { ...this.#heard, sequence };
  }

  /** The training as a whole, which ended well. */
  endedWith({ results, stopped_early }: Extract<JobEvent, { type: "job_done" }>): Training {
    const { epochs, first_loss, last_loss, is_diverged } = this.#heard;
    return {
      results,
      epochs,
      firstLoss: first_loss ?? undefined,
      lastLoss: last_loss ?? (is_diverged === true ? NaN : undefined),
      isStoppedEarly: stopped_early,
    };
  }
}

function standingAfter({ type }: JobEvent): JobStanding {
  switch (type) {
    case "job_done":
      return "done";
    case "job_failed":
      return "failed";
    case "job_cancelled":
      return "cancelled";
    case "job_lost":
      return "lost";
    case "job_accepted":
    case "job_metric":
    case "job_log":
      return "running";
    default:
      return type satisfies never;
  }
}
