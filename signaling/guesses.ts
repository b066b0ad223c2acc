/** How many wrong credentials somebody has shown, and how long they must wait for it. Knows no clock. */

import type { RoomId } from "../lib/base/id.ts";
import type { Instant } from "../lib/base/time.ts";
import { type BucketLimits, Buckets } from "./bucket.ts";

/** How many guesses are free. */
export interface GuessLimits {
  /** Of one address for one room, so that one stale worker locks out no neighbour. */
  readonly guesses: BucketLimits;
  /** Of one address for all rooms. Lower: a lab whose rooms have all expired locks itself out. */
  readonly guessesOfAddress: BucketLimits;
}

/** What came of credentials that were shown: milliseconds to wait, or what was found. */
export interface Judgement<T> {
  /** 0 where they were looked at. */
  readonly waitMs: number;
  /** `undefined` where they were wrong, or not looked at. */
  readonly found?: T | undefined;
}

/** Wrong credentials, on sockets and over HTTP together. */
export class Guesses {
  readonly #byRoom: Buckets;
  readonly #byAddress: Buckets;
  /** By address, what is being judged. */
  readonly #open = new Map<string, Set<Promise<void>>>();

  constructor({ guesses, guessesOfAddress }: GuessLimits) {
    this.#byRoom = new Buckets(guesses);
    this.#byAddress = new Buckets(guessesOfAddress);
  }

  /** Milliseconds until `address` may try again for `roomId`; 0 where it may already. */
  waitMs(address: string, roomId: RoomId, now: Instant): number {
    return Math.max(
      this.#byRoom.waitMs(`${address} ${roomId}`, now),
      this.#byAddress.waitMs(address, now),
    );
  }

  /**
   * What `judge` finds of the credentials that `address` shows, or how long it must wait before it may
   * show any. Until it finds something they count as wrong, since of many at once all would be free
   * otherwise; where it fails, nobody has guessed. Who would have to wait only because others of its
   * address are being judged waits for those: a lab that comes back at once has not guessed.
   */
  async judged<T>(
    address: string,
    roomId: RoomId,
    now: () => Instant,
    judge: () => Promise<T | undefined>,
  ): Promise<Judgement<T>> {
    for (;;) {
      const waitMs = this.waitMs(address, roomId, now());
      if (waitMs === 0) break;
      const [open] = this.#open.get(address) ?? [];
      if (open === undefined) return { waitMs };
      await open;
    }
    const name = `${address} ${roomId}`;
    const isTaken = this.#byRoom.take(name, now());
    const isTakenOfAddress = this.#byAddress.take(address, now());
    const { promise, resolve } = Promise.withResolvers<void>();
    const open = this.#open.get(address) ?? new Set();
    this.#open.set(address, open.add(promise));
    let isWrong = false;
    try {
      const found = await judge();
      isWrong = found === undefined;
      return { waitMs: 0, found };
    } finally {
      if (!isWrong && isTaken) this.#byRoom.give(name);
      if (!isWrong && isTakenOfAddress) this.#byAddress.give(address);
      open.delete(promise);
      if (open.size === 0) this.#open.delete(address);
      resolve();
    }
  }
}
