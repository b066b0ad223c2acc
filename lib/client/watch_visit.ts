/** A client at one worker that it watches: one link, and the replica that is fed by it, until it is lost. */

import { Failure } from "../base/failure.ts";
import type { JobId, PeerId } from "../base/id.ts";
import type { Log } from "../base/log.ts";
import { SECOND_MS } from "../base/time.ts";
import { WATCH_MS } from "../mesh/observers.ts";
import type { Needs } from "../protocol/queue_message.ts";
import type { ObserverMessage } from "../protocol/watch_message.ts";
import type { BackendName, LinkBackend } from "../rtc/link.ts";
import { systemClock } from "../runtime/clock.ts";
import { rowOf } from "../runtime/link_census.ts";
import { nodeSigner } from "../runtime/node_signer.ts";
import type { LinkMeasure } from "./link_pace.ts";
import { Replica } from "./replica.ts";
import type { Session } from "./session.ts";
import { WorkerLink, type WorkerLinkOptions } from "./worker_link.ts";

/** For a worker to send all that there is. */
const LEVEL_MS = 5 * SECOND_MS;
/** Between two words that we still watch: two of them may be lost to a slow moment. */
const RENEW_MS = WATCH_MS / 3;
/** Between two questions how the worker's links do. Higher: rates lag; lower: watching costs more. */
export const LINKS_EVERY_MS = 2 * SECOND_MS;

/** A job that is to wait for a worker. */
export interface QueueRequest {
  readonly jobId: JobId;
  readonly needs: Needs;
  /** The worker does not let it wait, or another process of the same key has withdrawn it. */
  refused(reason: string, isWithdrawn: boolean): void;
}

/** What a visit needs. */
export interface WatchVisitOptions extends WorkerLinkOptions {
  readonly log: Log;
  /** What is to wait for a worker, said with every watch; where left out, nothing. */
  readonly request?: QueueRequest | undefined;
  /** The replica may show something else now. */
  changed(): void;
  /** How links do, every `LINKS_EVERY_MS`. Where left out, the worker is not asked. */
  measured?: ((measure: LinkMeasure) => void) | undefined;
}

/** One watched worker. */
export class WatchVisit {
  readonly worker: PeerId;
  readonly replica: Replica;
  readonly #options: WatchVisitOptions;
  readonly #self: PeerId;
  /** When all is here, or why it will not be. */
  readonly #level = Promise.withResolvers<Failure | undefined>();
  readonly #lost = Promise.withResolvers<Failure>();
  #link: WorkerLink | undefined;
  #timer: ReturnType<typeof setInterval> | undefined;
  #linkTimer: ReturnType<typeof setInterval> | undefined;
  /** Whether more changes are on their way that were asked for. */
  #isPaging = false;

  private constructor(worker: PeerId, session: Session, options: WatchVisitOptions) {
    const { room: { roomId }, identity } = options;
    const { peerId, incarnation } = session;
    const author = { roomId, peerId, incarnation, signer: nodeSigner(identity) };
    this.worker = worker;
    this.replica = new Replica(author, systemClock.now());
    this.#options = options;
    this.#self = peerId;
  }

  /**
   * Links to `worker` and waits until the replica shows all that the worker knows. Automerge must be
   * loaded.
   *
   * @throws {Failure} Where no link can be made, or the worker does not let itself be watched.
   * @throws The signal's reason, where it is aborted.
   */
  static async open(
    worker: PeerId,
    backend: LinkBackend,
    session: Session,
    options: WatchVisitOptions,
  ): Promise<WatchVisit> {
    const visit = new WatchVisit(worker, session, options);
    const handlers = {
      message: () => {},
      data: () => {},
      observed: (message: ObserverMessage) => visit.#hear(message),
      lost: (failure: Failure) => visit.#end(failure),
    };
    try {
      visit.#link = await WorkerLink.open(worker, backend, session, handlers, options);
      await visit.#begin(options.signal);
      return visit;
    } catch (error) {
      await visit.close();
      throw error;
    }
  }

  /** Which backend carries the link. */
  get backend(): BackendName {
    if (this.#link === undefined) throw new Error("Expected a visit with a link, got none");
    return this.#link.backend;
  }

  /** Resolves when the worker is lost, or the visit was closed. */
  get lost(): Promise<Failure> {
    return this.#lost.promise;
  }

  /** Goes away, and frees the replica. What waited is given up, unless its place is to be kept. */
  async close(keepsPlace = true): Promise<void> {
    const { request } = this.#options;
    if (this.#link !== undefined) {
      if (request !== undefined && !keepsPlace) {
        this.#link.say({ type: "queue_leave", job_id: request.jobId });
      }
      this.#link.close("The client watches no longer");
      await this.#lost.promise;
    }
    this.replica.dispose();
  }

  async #begin(signal: AbortSignal): Promise<void> {
    const late = new Failure("worker_lost", `${this.worker} did not say what it knows in time`);
    const deadline = setTimeout(() => this.#level.resolve(late), LEVEL_MS);
    const abort = () => this.#level.resolve(undefined);
    signal.addEventListener("abort", abort, { once: true });
    this.#timer = setInterval(() => this.#ask(), RENEW_MS);
    this.#ask();
    if (this.#options.measured !== undefined) {
      this.#linkTimer = setInterval(() => this.#askForLinks(), LINKS_EVERY_MS);
      this.#askForLinks();
    }
    try {
      const failure = await this.#level.promise;
      signal.throwIfAborted();
      if (failure !== undefined) throw failure;
    } finally {
      clearTimeout(deadline);
      signal.removeEventListener("abort", abort);
    }
  }

  #ask(): void {
    this.#link?.say({ type: "watch", heads: this.replica.heads });
    const { request } = this.#options;
    if (request !== undefined) {
      this.#link?.say({ type: "queue_join", job_id: request.jobId, needs: request.needs });
    }
  }

  #askForLinks(): void {
    this.#link?.say({ type: "link_query" });
  }

  #hear(message: ObserverMessage): void {
    switch (message.type) {
      case "state_broadcast": {
        const { applied, refused } = this.replica.take(message.changes);
        for (const reason of refused) {
          const facts = { from_peer_id: this.worker };
          this.#options.log.write("warning", `Change refused: ${reason}`, facts);
        }
        this.#isPaging = message.more === true && applied.length > 0;
        if (this.#isPaging) this.#ask();
        break;
      }
      case "watch_report":
        this.replica.hear(message, systemClock.now());
        if (this.replica.isLevel) this.#level.resolve(undefined);
        else if (!this.#isPaging) this.#ask();
        break;
      case "link_report":
        return this.#options.measured?.({
          at: systemClock.now(),
          self: this.#self,
          worker: this.worker,
          own: this.#link === undefined ? [] : rowOf(this.#link.link),
          reported: message.links,
        });
      case "watch_refused": {
        const failure = new Failure("worker_lost", `${this.worker}: ${message.reason}`);
        this.#level.resolve(failure);
        return this.#link?.close(message.reason);
      }
      case "queue_refused":
        if (message.job_id !== this.#options.request?.jobId) return;
        return this.#options.request.refused(
          `${this.worker}: ${message.reason}`,
          message.is_withdrawn === true,
        );
      default:
        return message satisfies never;
    }
    this.#options.changed();
  }

  #end(failure: Failure): void {
    clearInterval(this.#timer);
    clearInterval(this.#linkTimer);
    this.replica.end();
    this.#level.resolve(failure);
    this.#lost.resolve(failure);
  }
}
