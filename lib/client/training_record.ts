/** What a client has heard of one training, word by word. Knows nothing of links. */

import { Failure } from "../base/failure.ts";
import type { JobEvent } from "../protocol/job_message.ts";
import type { Manifest } from "../protocol/manifest.ts";

/** What a training came to. */
export interface Training {
  readonly results: Manifest;
  readonly epochs: number;
  /** Training loss of the first epoch that has one. */
  readonly firstLoss: number | undefined;
  readonly lastLoss: number | undefined;
}

/** The record of one training. */
export class TrainingRecord {
  #sequence = 0;
  #epochs = 0;
  #firstLoss: number | undefined;
  #lastLoss: number | undefined;

  /**
   * Takes the next word in.
   *
   * @throws {Failure} Where a word is missing or comes twice.
   */
  take(event: JobEvent): void {
    if (event.sequence !== ++this.#sequence) {
      const message = `Expected word ${this.#sequence} of the job, got word ${event.sequence}`;
      throw new Failure("protocol", message);
    }
    if (event.type !== "job_metric" || event.epoch.train_loss === null) return;
    this.#firstLoss ??= event.epoch.train_loss;
    this.#lastLoss = event.epoch.train_loss;
    this.#epochs = Math.max(this.#epochs, event.epoch.epoch + 1);
  }

  /** The training as a whole, which ended with `results`. */
  endedWith(results: Manifest): Training {
    return {
      results,
      epochs: this.#epochs,
      firstLoss: this.#firstLoss,
      lastLoss: this.#lastLoss,
    };
  }
}
