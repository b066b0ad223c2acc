/**
 * A store that answers in time or refuses: deadlines, a bound on open questions, and a pause after
 * failures. Knows nothing of what is stored, or where.
 */

import type { RoomId } from "../../lib/base/id.ts";
import { type Clock, type Instant, MINUTE_MS, SECOND_MS } from "../../lib/base/time.ts";
import { inTime } from "../deadline.ts";
import { type Store, type StoredRoom, StoreUnavailable } from "./store.ts";

/** How a store is guarded. */
export interface GuardLimits {
  /** For one answer. Higher: a slow store is borne; lower: whoever asks is told sooner. */
  readonly answerMs: number;
  /** For a sweep, which nobody waits for. */
  readonly sweepMs: number;
  /** Questions at once. Higher: a slow store makes us hold more; lower: a crowd is refused. */
  readonly openMax: number;
  /** Failures in a row after which the store is left alone. */
  readonly failuresMax: number;
  /** How long it is left alone, before one question goes through again. */
  readonly pauseMs: number;
}

/** The usual guard of a store that is elsewhere. */
export const GUARD_LIMITS: GuardLimits = {
  answerMs: 2_500,
  sweepMs: 5 * MINUTE_MS,
  openMax: 500,
  failuresMax: 3,
  pauseMs: 2 * SECOND_MS,
};

/** How it goes ("circuit breaker" of Nygard, "Release It!", 2007). */
type State =
  | { readonly kind: "answering"; readonly failures: number }
  | { readonly kind: "pausing"; readonly until: Instant }
  /** One question is on its way to see whether it is over. */
  | { readonly kind: "probing" };

/** Guards a store. Rejects with {@linkcode StoreUnavailable} at once while it is left alone. */
export class GuardedStore implements Store {
  readonly #inner: Store;
  readonly #clock: Pick<Clock, "now">;
  readonly #limits: GuardLimits;
  #state: State = { kind: "answering", failures: 0 };
  #open = 0;

  constructor(inner: Store, clock: Pick<Clock, "now">, limits: GuardLimits = GUARD_LIMITS) {
    this.#inner = inner;
    this.#clock = clock;
    this.#limits = limits;
  }

  createRoom(room: StoredRoom, nowSeconds: number): Promise<boolean> {
    return this.#ask(() => this.#inner.createRoom(room, nowSeconds));
  }

  findRoom(roomId: RoomId, nowSeconds: number): Promise<StoredRoom | undefined> {
    return this.#ask(() => this.#inner.findRoom(roomId, nowSeconds));
  }

  extendRoom(
    roomId: RoomId,
    expiresAt: number,
    nowSeconds: number,
  ): Promise<StoredRoom | undefined> {
    return this.#ask(() => this.#inner.extendRoom(roomId, expiresAt, nowSeconds));
  }

  deleteRoom(roomId: RoomId): Promise<boolean> {
    return this.#ask(() => this.#inner.deleteRoom(roomId));
  }

  countRooms(nowSeconds: number): Promise<number> {
    return this.#ask(() => this.#inner.countRooms(nowSeconds));
  }

  sweepExpired(nowSeconds: number): Promise<number> {
    return this.#ask(() => this.#inner.sweepExpired(nowSeconds), this.#limits.sweepMs);
  }

  ping(): Promise<void> {
    return this.#ask(() => this.#inner.ping());
  }

  close(): Promise<void> {
    return this.#inner.close();
  }

  async #ask<T>(question: () => Promise<T>, answerMs = this.#limits.answerMs): Promise<T> {
    const isProbe = this.#enter();
    this.#open++;
    try {
      const answer = await inTime(question, answerMs, () => {
        return new StoreUnavailable(
          `Expected the store to answer within ${answerMs} ms, got nothing`,
          { retryAfterMs: this.#limits.pauseMs },
        );
      });
      this.#hear(isProbe);
      return answer;
    } catch (error) {
      // An error of another kind is an answer too: the store is there.
      if (error instanceof StoreUnavailable) this.#miss(isProbe);
      else this.#hear(isProbe);
      throw error;
    } finally {
      this.#open--;
    }
  }

  /** Lets a question through, and says whether it is the one that tries whether the store is back. */
  #enter(): boolean {
    const { openMax, pauseMs } = this.#limits;
    const waitMs = this.#state.kind === "pausing" ? this.#state.until - this.#clock.now() : 0;
    if (this.#state.kind === "probing" || waitMs > 0) {
      const retryAfterMs = waitMs > 0 ? waitMs : pauseMs;
      throw new StoreUnavailable("Expected the store to answer, got failures before; it rests", {
        retryAfterMs,
      });
    }
    if (this.#open >= openMax) {
      throw new StoreUnavailable(
        `Expected at most ${openMax} open questions to the store, got more; try again`,
        { retryAfterMs: pauseMs },
      );
    }
    const isProbe = this.#state.kind === "pausing";
    if (isProbe) this.#state = { kind: "probing" };
    return isProbe;
  }

  #hear(isProbe: boolean): void {
    if (isProbe || this.#state.kind === "answering") {
      this.#state = { kind: "answering", failures: 0 };
    }
  }

  #miss(isProbe: boolean): void {
    const { failuresMax, pauseMs } = this.#limits;
    const failures = this.#state.kind === "answering" ? this.#state.failures + 1 : 0;
    if (isProbe || failures >= failuresMax) {
      this.#state = { kind: "pausing", until: this.#clock.now() + pauseMs };
    } else if (this.#state.kind === "answering") this.#state = { kind: "answering", failures };
  }
}
