/**
 * Watches a room for as long as it is wanted: at the admin where there is one, and at the next worker
 * when that one is lost. What is asked meanwhile is answered from the last replica, which says that it
 * is stale. Knows nothing of how it is shown.
 */

import { setTimeout as pause } from "node:timers/promises";
import { fullJitterMs } from "../base/backoff.ts";
import { Failure } from "../base/failure.ts";
import type { PeerId } from "../base/id.ts";
import type { Log } from "../base/log.ts";
import { SECOND_MS } from "../base/time.ts";
import type { Filters, WorkerList } from "../protocol/query.ts";
import type { BackendName, LinkBackend } from "../rtc/link.ts";
import { loadAutomerge } from "../runtime/automerge_module.ts";
import { systemRandom } from "../runtime/chance.ts";
import { systemClock } from "../runtime/clock.ts";
import type { LinkMeasure } from "./link_pace.ts";
import { BLANK_LIST } from "./room_change.ts";
import type { Session } from "./session.ts";
import { type QueueRequest, WatchVisit } from "./watch_visit.ts";
import type { WorkerLinkOptions } from "./worker_link.ts";

/** Between two rounds of all workers, while none can be watched. */
const AGAIN = { baseMs: SECOND_MS, capMs: 5 * SECOND_MS, floorMs: 250 } as const;

/** What a watch tells its owner. */
export type WatchEvent =
  /** This worker is watched from now on. */
  | {
    readonly type: "watching";
    readonly worker: PeerId;
    readonly rtc: BackendName;
    readonly tookMs: number;
  }
  /** It is lost; another is looked for. */
  | { readonly type: "lost"; readonly worker: PeerId; readonly reason: string }
  /** No worker can be watched now; it is tried again. */
  | { readonly type: "waiting"; readonly reason: string }
  /** The room may look different now: see `list`. */
  | { readonly type: "changed" };

/** How to watch. */
export interface RoomWatchOptions extends WorkerLinkOptions {
  readonly log: Log;
  /** The worker to watch first; the admin where left out. */
  readonly from?: PeerId | undefined;
  /** A job that waits for its turn at whichever worker is watched; none where left out. */
  readonly request?: QueueRequest | undefined;
  hear(event: WatchEvent): void;
  /** How links do, every two seconds, told by the watched worker. Where left out, nobody is asked. */
  readonly measured?: ((measure: LinkMeasure) => void) | undefined;
}

/** A watch, from its making until it is closed or its signal is aborted. */
export class RoomWatch {
  readonly #session: Session;
  readonly #backend: LinkBackend;
  readonly #options: RoomWatchOptions;
  readonly #closing = new AbortController();
  readonly #signal: AbortSignal;
  readonly #startedAt = systemClock.now();
  readonly #over: Promise<void>;
  #visit: WatchVisit | undefined;
  #keepsPlace = false;

  constructor(session: Session, backend: LinkBackend, options: RoomWatchOptions) {
    this.#session = session;
    this.#backend = backend;
    this.#options = options;
    this.#signal = AbortSignal.any([options.signal, this.#closing.signal]);
    this.#over = this.#run();
  }

  /** The worker whose knowledge is shown, now or last. */
  get worker(): PeerId | undefined {
    return this.#visit?.worker;
  }

  /** Resolves when the watch is closed or its signal aborted; all is freed then. */
  get over(): Promise<void> {
    return this.#over;
  }

  /** The workers that `filters` ask for, without a hop. Before any worker is watched there are none. */
  list(filters: Filters): WorkerList {
    const now = systemClock.now();
    if (this.#visit !== undefined) return this.#visit.replica.list(filters, now);
    return { ...BLANK_LIST, stale: true, stale_ms: now - this.#startedAt };
  }

  /** Ends the watch. A job that waits gives up its place, unless that is to be kept. */
  async close(keepsPlace = false): Promise<void> {
    this.#keepsPlace = keepsPlace;
    this.#closing.abort();
    await this.#over;
  }

  async #run(): Promise<void> {
    try {
      await loadAutomerge();
      let told = "";
      for (let attempt = 0; !this.#signal.aborted; attempt++) {
        try {
          const watchedMs = await this.#watchNext(attempt);
          told = "";
          // The next is looked for at once, unless workers are lost as soon as they are found.
          if (watchedMs >= AGAIN.capMs) attempt = -1;
          else await this.#pause(fullJitterMs(attempt, AGAIN, systemRandom));
        } catch (error) {
          if (this.#signal.aborted) return;
          if (!(error instanceof Failure)) throw error;
          // Said once, and again only when there is something else to say.
          if (error.message !== told) {
            this.#options.hear({ type: "waiting", reason: error.message });
          }
          told = error.message;
          await this.#pause(fullJitterMs(attempt, AGAIN, systemRandom));
        }
      }
    } finally {
      const visit = this.#visit;
      this.#visit = undefined;
      await visit?.close(this.#keepsPlace);
    }
  }

  /** Watches one worker until it is lost. Gives for how long, in milliseconds. */
  async #watchNext(attempt: number): Promise<number> {
    const startedAt = systemClock.now();
    const visit = await this.#open(await this.#candidates(attempt));
    const former = this.#visit;
    this.#visit = visit;
    await former?.close();
    const { worker, backend: rtc } = visit;
    const watchedAt = systemClock.now();
    const tookMs = watchedAt - startedAt;
    this.#options.hear({ type: "watching", worker, rtc, tookMs });
    this.#options.hear({ type: "changed" });
    const failure = await Promise.race([visit.lost, aborted(this.#signal)]);
    if (failure !== undefined && !this.#signal.aborted) {
      this.#options.hear({ type: "lost", worker, reason: failure.message });
      this.#options.hear({ type: "changed" });
    }
    return systemClock.now() - watchedAt;
  }

  async #open(candidates: readonly PeerId[]): Promise<WatchVisit> {
    const reasons: string[] = [];
    for (const worker of candidates) {
      try {
        const changed = () => {
          if (this.#visit?.worker === worker) this.#options.hear({ type: "changed" });
        };
        const options = { ...this.#options, signal: this.#signal, changed };
        return await WatchVisit.open(worker, this.#backend, this.#session, options);
      } catch (error) {
        this.#signal.throwIfAborted();
        if (!(error instanceof Failure)) throw error;
        reasons.push(error.message);
      }
    }
    const why = reasons.length === 0 ? "there is none" : reasons.join("; ");
    throw new Failure("no_worker", `Expected a worker to watch, got none: ${why}`);
  }

  /**
   * Whom to try, in order: whom the person named, the admin, the others from the best one on. The one
   * that was just lost comes last. What the last replica shows is asked first: it needs no server.
   */
  async #candidates(attempt: number): Promise<PeerId[]> {
    const former = this.#visit;
    const list = former !== undefined && attempt === 0
      ? this.list({})
      : (await this.#session.discover({})).list;
    const living = list.workers.filter(({ alive }) => alive).map(({ peer_id }) => peer_id);
    const { from } = this.#options;
    const wanted = [
      ...(former === undefined && from !== undefined ? [from] : []),
      ...(list.admin_peer_id === null ? [] : [list.admin_peer_id]),
      ...living,
    ];
    const others = wanted.filter((peerId) => peerId !== former?.worker);
    const last = wanted.filter((peerId) => peerId === former?.worker);
    return [...new Set([...others, ...last])];
  }

  async #pause(delayMs: number): Promise<void> {
    try {
      await pause(delayMs, undefined, { signal: this.#signal });
    } catch (error) {
      if (!this.#signal.aborted) throw error;
    }
  }
}

function aborted(signal: AbortSignal): Promise<undefined> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve(undefined);
    signal.addEventListener("abort", () => resolve(undefined), { once: true });
  });
}
