/**
 * The end of a desk that takes no more jobs: first the running one, then its clients, who may want
 * their results, but not for ever. Knows neither jobs nor clients by name.
 */

import { MINUTE_MS } from "../base/time.ts";
import { pause } from "./pause.ts";

/**
 * For clients to fetch their results from a worker that leaves. Higher: one that hangs keeps the worker
 * for longer; lower: large results are cut off, and fetched from the worker's next life.
 */
const SERVE_MS = 15 * MINUTE_MS;

/** What the end of a desk depends on. */
export interface DeskDrainOptions {
  /** Whether a job runs. */
  readonly isBusy: () => boolean;
  /** Whether a client is here that is to be served. */
  readonly hasBusiness: () => boolean;
  /** For how long clients are served; {@linkcode SERVE_MS} where left out. */
  readonly serveMs: number | undefined;
  /** Aborted, nobody waits for the end any more. */
  readonly ended: AbortSignal;
}

/** The end of one desk. */
export class DeskDrain {
  readonly #options: DeskDrainOptions;
  readonly #drained = Promise.withResolvers<void>();
  #isBegun = false;
  /** Whether the job has ended since, and its clients are served for a last time. */
  #isServing = false;

  constructor(options: DeskDrainOptions) {
    this.#options = options;
  }

  /** Resolves when the running job has ended and its clients have left. */
  async begin(): Promise<void> {
    this.#isBegun = true;
    this.check();
    await this.#drained.promise;
  }

  /** To be called whenever a job has ended, or a client has left. */
  check(): void {
    const { isBusy, hasBusiness, serveMs = SERVE_MS, ended } = this.#options;
    if (!this.#isBegun || isBusy()) return;
    if (!hasBusiness()) return this.#drained.resolve();
    if (this.#isServing) return;
    this.#isServing = true;
    pause(serveMs, ended).then(this.#drained.resolve);
  }
}
