/**
 * A log that strangers cannot fill a disk with: of each sentence so many notices pass, and of the rest
 * it is told how many there were. Knows no sentence and no place where notices go.
 */

import type { Log, LogFields, LogLevel } from "../lib/base/log.ts";
import type { Clock } from "../lib/base/time.ts";
import { type BucketLimits, Buckets } from "./bucket.ts";

/** Passes notices on, of each sentence only so many. */
export class LogBrake implements Log {
  readonly #inner: Log;
  readonly #clock: Pick<Clock, "now">;
  readonly #passing: Buckets;
  /** By sentence, how many were held back since the last one that passed. */
  readonly #withheld = new Map<string, number>();

  /** Sentences are the server's own, and few: what strangers say is in the fields. */
  constructor(inner: Log, clock: Pick<Clock, "now">, limits: BucketLimits) {
    this.#inner = inner;
    this.#clock = clock;
    this.#passing = new Buckets(limits);
  }

  write(level: LogLevel, message: string, fields: LogFields = {}): void {
    const withheld = this.#withheld.get(message) ?? 0;
    if (!this.#passing.take(message, this.#clock.now())) {
      this.#withheld.set(message, withheld + 1);
      return;
    }
    this.#withheld.delete(message);
    this.#inner.write(level, message, withheld === 0 ? fields : { ...fields, withheld });
  }
}
