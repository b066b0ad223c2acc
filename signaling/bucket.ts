/** How much of something somebody may still do. Knows no clock and not what is counted. */

import { type Instant, SECOND_MS } from "../lib/base/time.ts";

/** How a bucket fills. */
export interface BucketLimits {
  /** What may be taken at once. Higher: larger bursts pass. */
  readonly capacity: number;
  /** What flows back each second. Higher: more in the long run. */
  readonly perSecond: number;
}

/**
 * A token bucket, full at first.
 *
 * The algorithm is that of Turner, "New directions in communications", 1986, read as a meter.
 */
export class Bucket {
  readonly #limits: BucketLimits;
  #level: number;
  #filledAt: Instant;

  constructor(limits: BucketLimits, now: Instant) {
    this.#limits = limits;
    this.#level = limits.capacity;
    this.#filledAt = now;
  }

  /** Takes `amount` if it is there, and says whether it was. */
  take(amount: number, now: Instant): boolean {
    this.#fill(now);
    if (this.#level < amount) return false;
    this.#level -= amount;
    return true;
  }

  /** Gives `amount` back, as if it had not been taken. */
  give(amount: number): void {
    this.#level = Math.min(this.#limits.capacity, this.#level + amount);
  }

  /** Milliseconds from `now` until `amount` can be taken; 0 where it can be already. */
  waitMs(amount: number, now: Instant): number {
    this.#fill(now);
    return Math.max(0, Math.ceil((amount - this.#level) / this.#limits.perSecond * SECOND_MS));
  }

  #fill(now: Instant): void {
    const passedMs = Math.max(0, now - this.#filledAt);
    const flowed = passedMs / SECOND_MS * this.#limits.perSecond;
    this.#level = Math.min(this.#limits.capacity, this.#level + flowed);
    this.#filledAt = now;
  }
}

/** A bucket for each name. Holds at most `namesMax`; the one used longest ago is forgotten first. */
export class Buckets {
  readonly #limits: BucketLimits;
  readonly #namesMax: number;
  readonly #buckets = new Map<string, Bucket>();

  constructor(limits: BucketLimits, namesMax = 10_000) {
    this.#limits = limits;
    this.#namesMax = namesMax;
  }

  /** Takes one from the bucket of `name` if it is there, and says whether it was. */
  take(name: string, now: Instant): boolean {
    return this.#of(name, now).take(1, now);
  }

  /** Gives one back to the bucket of `name`, unless that is forgotten. */
  give(name: string): void {
    this.#buckets.get(name)?.give(1);
  }

  /** Milliseconds until one can be taken from the bucket of `name`; takes nothing. */
  waitMs(name: string, now: Instant): number {
    return this.#buckets.get(name)?.waitMs(1, now) ?? 0;
  }

  #of(name: string, now: Instant): Bucket {
    const bucket = this.#buckets.get(name) ?? new Bucket(this.#limits, now);
    this.#buckets.delete(name);
    this.#buckets.set(name, bucket);
    for (const oldest of this.#buckets.keys()) {
      if (this.#buckets.size <= this.#namesMax) break;
      this.#buckets.delete(oldest);
    }
    return bucket;
  }
}
