/**
 * The life of a link, the same on every backend: opening, open, closed; what its owner is told, one
 * event at a time; who waits for it to drain. Knows nothing of WebRTC.
 */

import type { LinkSignal } from "../protocol/link_signal.ts";
import type { LinkHandlers } from "./link.ts";

/** What a {@linkcode LinkLife} needs of the backend's link. */
export interface LinkBody {
  readonly frameBytesMax: number;
  /** Bytes that were taken but have not left yet. */
  bufferedBytes(): number;
  /** Frees everything that the link holds. Called once. */
  free(): void;
}

interface DrainWaiter {
  readonly bytes: number;
  readonly resolve: () => void;
}

/** What `error` says, for a reason in words. */
export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/**
 * Keeps the promises of `LinkHandlers`:
 *
 * 1. Handlers never overlap, even where one of them closes the link.
 * 2. `opened` is called at most once and before any frame, `closed` exactly once and last.
 * 3. A handler that throws costs its own link and no other: WebRTC libraries do not survive it.
 */
export class LinkLife {
  readonly #handlers: LinkHandlers;
  readonly #body: LinkBody;
  #phase: "opening" | "open" | "closed" = "opening";
  #events: (() => void)[] = [];
  #delivering = false;
  #waiters: DrainWaiter[] = [];
  #bytesSent = 0;
  #bytesReceived = 0;

  constructor(handlers: LinkHandlers, body: LinkBody) {
    this.#handlers = handlers;
    this.#body = body;
  }

  get phase(): "opening" | "open" | "closed" {
    return this.#phase;
  }

  get bytesSent(): number {
    return this.#bytesSent;
  }

  get bytesReceived(): number {
    return this.#bytesReceived;
  }

  /** The other end must be given `signal`. */
  signal(signal: LinkSignal): void {
    this.#post(() => this.#handlers.signal(signal));
  }

  /** The channel is open. Saying it twice does nothing. */
  opened(): void {
    if (this.#phase !== "opening") return;
    this.#phase = "open";
    this.#post(() => this.#handlers.opened());
  }

  /** A frame arrived. It opens the link where the backend has not said so yet (invariant 2). */
  received(frame: Uint8Array): void {
    this.opened();
    this.#bytesReceived += frame.length;
    // A library may give a view of a packet, or of a buffer that it shares with others.
    const own = frame.length === frame.buffer.byteLength ? frame : new Uint8Array(frame);
    this.#post(() => this.#handlers.received(own));
  }

  /**
   * Counts a frame that is about to be sent.
   *
   * @throws {Error} Where the link is not open, or the frame is empty or too large.
   */
  sending(frame: Uint8Array): void {
    if (this.#phase !== "open") {
      throw new Error(`Expected an open link to send on, got one that is ${this.#phase}`);
    }
    const bytesMax = this.#body.frameBytesMax;
    if (frame.length === 0 || frame.length > bytesMax) {
      throw new RangeError(`Expected a frame of 1 to ${bytesMax} bytes, got ${frame.length}`);
    }
    this.#bytesSent += frame.length;
  }

  /** Resolves as soon as at most `bytes` are buffered, or the link is over. */
  drainedTo(bytes: number): Promise<void> {
    if (this.#phase === "closed" || this.#body.bufferedBytes() <= bytes) return Promise.resolve();
    return new Promise((resolve) => this.#waiters.push({ bytes, resolve }));
  }

  /** The level, in bytes, below which the next waiter goes on; `undefined` where nobody waits. */
  get drainLevel(): number | undefined {
    if (this.#waiters.length === 0) return undefined;
    return Math.max(...this.#waiters.map((waiter) => waiter.bytes));
  }

  /** The buffer shrank: lets go on whoever waited for that. */
  drained(): void {
    const buffered = this.#phase === "closed" ? 0 : this.#body.bufferedBytes();
    const done = this.#waiters.filter((waiter) => buffered <= waiter.bytes);
    this.#waiters = this.#waiters.filter((waiter) => buffered > waiter.bytes);
    for (const waiter of done) waiter.resolve();
  }

  /** No packet gets through: the link is over. */
  lost(): void {
    const wasOpen = this.#phase === "open";
    this.end(wasOpen ? "The other end fell silent" : "Found no way to the other end");
  }

  /** The link is over. What was not delivered yet is dropped; doing it twice does nothing. */
  end(reason: string): void {
    if (this.#phase === "closed") return;
    this.#phase = "closed";
    this.#events = [() => this.#handlers.closed(reason)];
    this.#body.free();
    this.drained();
    // Not at once: whoever closes a link is not called back from within its own call.
    queueMicrotask(() => this.#deliver());
  }

  #post(event: () => void): void {
    if (this.#phase === "closed") return;
    this.#events.push(event);
    this.#deliver();
  }

  #deliver(): void {
    if (this.#delivering) return;
    this.#delivering = true;
    for (let event = this.#events.shift(); event !== undefined; event = this.#events.shift()) {
      try {
        event();
      } catch (error) {
        // `closed` itself failed: nobody is left to tell, so the process hears of it.
        if (this.#phase === "closed") reportError(error);
        else this.end(`Link handler failed: ${reasonOf(error)}`);
      }
    }
    this.#delivering = false;
  }
}
