/** Keeps the record of one job up to date while it is heard of. Knows when to write, not where. */

import type { Log } from "../base/log.ts";
import { type Instant, SECOND_MS } from "../base/time.ts";
import type { JobRecord, JobRecords } from "./job_records.ts";
import type { TrainingRecord } from "./training_record.ts";

/** Between two writes while words come in. Higher: more is told twice after a crash. */
const WRITE_EVERY_MS = SECOND_MS;

/** The diary of one job. What cannot be written is told once and ends nothing. */
export class JobDiary {
  readonly #records: JobRecords;
  readonly #training: TrainingRecord;
  readonly #log: Log;
  readonly #record: JobRecord;
  #writtenAt: Instant = -Infinity;
  #isBroken = false;

  /** `options.record` is what was remembered so far, or is to be remembered first. */
  constructor(
    records: JobRecords,
    training: TrainingRecord,
    options: { readonly record: JobRecord; readonly log: Log },
  ) {
    this.#records = records;
    this.#training = training;
    this.#record = options.record;
    this.#log = options.log;
  }

  /** Something more was heard of the job. */
  heard(now: Instant): void {
    // The first word at once: from then on there is a job to come back to.
    if (this.#isUnheard || now - this.#writtenAt < WRITE_EVERY_MS) return;
    this.#writtenAt = now;
    this.#write();
  }

  /** Nothing more will be heard by this command. */
  close(): void {
    this.#write();
  }

  /** A job that has not said a word may never run. */
  get #isUnheard(): boolean {
    return this.#training.heard.sequence === 0;
  }

  #write(): void {
    const { heard, standing } = this.#training;
    if (this.#isBroken || this.#isUnheard) return;
    try {
      this.#records.save({ ...this.#record, heard, standing });
    } catch (error) {
      this.#isBroken = true;
      const reason = error instanceof Error ? error.message : String(error);
      this.#log.write("warning", `The job cannot be remembered: ${reason}`, {
        job_id: this.#record.job_id,
      });
    }
  }
}
