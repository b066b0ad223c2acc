/** The waits of one visit: whatever ends the visit ends each of them. Knows nothing of what is waited for. */

import { Failure } from "../base/failure.ts";
import { SECOND_MS } from "../base/time.ts";
import type { Timers } from "../rtc/timers.ts";

/** For a worker to answer a question. */
const ANSWER_MS = 10 * SECOND_MS;

/** The waits of one visit. */
export class VisitWait {
  /** Resolves, and does not reject, with why the visit ended: at times nobody waits for it. */
  readonly #ended = Promise.withResolvers<unknown>();
  readonly #timers: Timers;

  constructor(timers: Timers) {
    this.#timers = timers;
  }

  /** The visit is over; every wait ends with `reason`, also those to come. Only the first reason counts. */
  end(reason: unknown): void {
    this.#ended.resolve(reason);
  }

  /**
   * What `promise` resolves with.
   *
   * @throws The reason of the visit's end, where that comes first.
   */
  async for<T>(promise: Promise<T>): Promise<T> {
    const ended = this.#ended.promise.then((reason) => {
      throw reason;
    });
    return await Promise.race([promise, ended]);
  }

  /**
   * The same for an answer of the worker.
   *
   * @param what What the worker is expected to do, for the error.
   * @param limitMs For it to do so.
   * @throws {Failure} Where no answer comes in time.
   */
  async forAnswer<T>(promise: Promise<T>, what: string, limitMs = ANSWER_MS): Promise<T> {
    const late = Promise.withResolvers<never>();
    const message = `Expected the worker to ${what} within ${limitMs} ms, got nothing`;
    const clear = this.#timers.set(
      limitMs,
      () => late.reject(new Failure("worker_lost", message)),
    );
    try {
      return await this.for(Promise.race([promise, late.promise]));
    } finally {
      clear();
    }
  }
}

/** Waits for `promise`, but no longer than `limitMs`. */
export async function noLonger(limitMs: number, promise: Promise<void>): Promise<void> {
  const late = Promise.withResolvers<void>();
  const timer = setTimeout(late.resolve, limitMs);
  try {
    await Promise.race([promise, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

/** Waits for `delayMs`. @throws The signal's reason, where it is aborted. */
export function pause(delayMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const timer = setTimeout(() => {
      signal.removeEventListener("abort", abort);
      resolve();
    }, delayMs);
    const abort = () => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    signal.addEventListener("abort", abort, { once: true });
  });
}
