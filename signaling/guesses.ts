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

/** Wrong credentials, on sockets and over HTTP together. */
export class Guesses {
  readonly #byRoom: Buckets;
  readonly #byAddress: Buckets;

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
   * What `judge` finds of the credentials that `address` shows. Until it finds something they count as
   * wrong, since of many at once all would be free otherwise; where it fails, nobody has guessed.
   */
  async judged<T>(
    address: string,
    roomId: RoomId,
    now: Instant,
    judge: () => Promise<T | undefined>,
  ): Promise<T | undefined> {
    const name = `${address} ${roomId}`;
    const isTaken = this.#byRoom.take(name, now);
    const isTakenOfAddress = this.#byAddress.take(address, now);
    let isWrong = false;
    try {
      const found = await judge();
      isWrong = found === undefined;
      return found;
    } finally {
      if (!isWrong && isTaken) this.#byRoom.give(name);
      if (!isWrong && isTakenOfAddress) this.#byAddress.give(address);
    }
  }
}
