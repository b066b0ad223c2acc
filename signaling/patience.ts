/** How long a connection may go without a whole request. Knows connections, and nothing of what they say. */

import type { Duplex } from "node:stream";

/**
 * Ends connections that ask for nothing in time, however slowly they go about it: Deno's `node:http`
 * (2.9.6) takes `headersTimeout` and does nothing with it.
 */
export class Patience {
  readonly #waitMs: number;
  readonly #watched = new WeakSet<Duplex>();
  readonly #timers = new Map<Duplex, ReturnType<typeof setTimeout>>();

  constructor(waitMs: number) {
    this.#waitMs = waitMs;
  }

  /** A connection is new, or has had its answer: the next request is due. */
  wait(connection: Duplex): void {
    if (connection.destroyed) return;
    if (!this.#watched.has(connection)) connection.once("close", () => this.rest(connection));
    this.#watched.add(connection);
    clearTimeout(this.#timers.get(connection));
    this.#timers.set(connection, setTimeout(() => connection.destroy(), this.#waitMs));
  }

  /** A request is here, or the connection is gone: nothing is due. */
  rest(connection: Duplex): void {
    clearTimeout(this.#timers.get(connection));
    this.#timers.delete(connection);
  }
}
