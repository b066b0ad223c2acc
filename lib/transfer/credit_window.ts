/** How much a sender may have on its way before the receiver has written it. Pure arithmetic. */

/** Bytes on their way. Higher: faster on long paths, more memory; lower: slower on long paths. */
export const WINDOW_BYTES = 8 * 1024 * 1024;
/** Bytes after which a receiver tells the sender. Higher: a slow link looks dead; lower: more messages. */
export const CREDIT_EVERY_BYTES = 256 * 1024;

/** The window of one transfer. */
export class CreditWindow {
  readonly #windowBytes: number;
  #sentBytes = 0;
  #receivedBytes = 0;

  constructor(windowBytes = WINDOW_BYTES) {
    this.#windowBytes = windowBytes;
  }

  /** Bytes that may be sent now. */
  get openBytes(): number {
    return Math.max(0, this.#windowBytes - (this.#sentBytes - this.#receivedBytes));
  }

  /** Bytes that the receiver says it has written. */
  get receivedBytes(): number {
    return this.#receivedBytes;
  }

  /** Notes bytes that were sent. */
  sent(bytes: number): void {
    this.#sentBytes += bytes;
  }

  /** Notes what the receiver says in all. It never takes back, and never has more than was sent. */
  received(bytes: number): void {
    this.#receivedBytes = Math.max(this.#receivedBytes, Math.min(bytes, this.#sentBytes));
  }
}
