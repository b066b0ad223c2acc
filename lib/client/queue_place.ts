/**
 * A job's place in the queue of a room, for as long as its client waits: it watches the room in a
 * session of its own, and tells whose turn it is. Knows nothing of what follows then.
 */

import { Failure } from "../base/failure.ts";
import type { JobId } from "../base/id.ts";
import type { Needs } from "../protocol/queue_message.ts";
import type { WorkerView } from "../protocol/worker.ts";
import type { LinkBackend } from "../rtc/link.ts";
import { holderOf, type QueueOutlook, queueOutlook } from "./queue_outlook.ts";
import { RoomWatch } from "./room_watch.ts";
import { Session, type SessionOptions } from "./session.ts";
import type { QueueRequest } from "./watch_visit.ts";
import type { WorkerLinkOptions } from "./worker_link.ts";

/** How to wait. */
export interface QueuePlaceOptions extends WorkerLinkOptions, SessionOptions {
  readonly jobId: JobId;
  readonly needs: Needs;
  /** Told at first, and whenever it looks different. */
  tell(outlook: QueueOutlook): void;
}

/** A place, from its opening until it is closed. */
export class QueuePlace implements AsyncDisposable {
  readonly #options: QueuePlaceOptions;
  readonly #session: Session;
  readonly #watch: RoomWatch;
  readonly #request: { readonly jobId: JobId; needs: Needs; refused: QueueRequest["refused"] };
  readonly #refused = Promise.withResolvers<Failure>();
  #changed = Promise.withResolvers<void>();
  #told = "";

  private constructor(session: Session, backend: LinkBackend, options: QueuePlaceOptions) {
    const { jobId, needs } = options;
    this.#options = options;
    this.#session = session;
    const refused = (reason: string, isWithdrawn: boolean) =>
      this.#refused.resolve(
        isWithdrawn
          ? new Failure(
            "job_cancelled",
            `The job was cancelled while it waited, with \`sleap-rtc cancel ${jobId}\``,
          )
          : new Failure("no_worker", `${jobId} cannot wait: ${reason}`),
      );
    this.#request = { jobId, needs, refused };
    this.#watch = new RoomWatch(session, backend, {
      ...options,
      request: this.#request,
      hear: () => this.#look(),
    });
  }

  /**
   * Takes a place at the end of the queue, or the one that the job has. The session is another than
   * that of the job's own link: a worker keeps one link a client.
   *
   * @throws {Failure} Where the server does not let us in.
   * @throws The signal's reason, where it is aborted.
   */
  static async open(backend: LinkBackend, options: QueuePlaceOptions): Promise<QueuePlace> {
    return new QueuePlace(await Session.open(options), backend, options);
  }

  /** The workers of the room, as far as is known. */
  get workers(): readonly WorkerView[] {
    return this.#watch.list({}).workers;
  }

  /**
   * Waits for the job's turn. Gives the worker that is held for it; nothing, where `isNews` says that
   * the workers of the room are to be looked at first.
   *
   * @throws {Failure} Where the room does not let it wait, or somebody cancelled it.
   * @throws The signal's reason, where it is aborted.
   */
  async turn(
    isNews: (workers: readonly WorkerView[]) => boolean,
  ): Promise<WorkerView | undefined> {
    const { jobId, signal } = this.#options;
    const aborted = Promise.withResolvers<void>();
    signal.addEventListener("abort", () => aborted.resolve(), { once: true });
    for (;;) {
      signal.throwIfAborted();
      const list = this.#watch.list({});
      const holder = holderOf(list, jobId);
      if (holder !== undefined || isNews(list.workers)) return holder;
      const { promise } = this.#changed;
      const refusal = await Promise.race([this.#refused.promise, promise, aborted.promise]);
      if (refusal instanceof Failure) throw refusal;
    }
  }

  /** The job needs something else from now on. Its place stays; the room hears of it within seconds. */
  change(needs: Needs): void {
    this.#request.needs = needs;
  }

  /** Leaves the queue. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#watch.close();
    await this.#session.close();
  }

  #look(): void {
    const { jobId, tell } = this.#options;
    const { needs } = this.#request;
    const outlook = queueOutlook(this.#watch.list({}), jobId, needs);
    const text = JSON.stringify(outlook);
    // Before it is written down nobody knows its place.
    const isNews = text !== this.#told && (outlook.position !== undefined || this.#told !== "");
    if (isNews) {
      this.#told = text;
      tell(outlook);
    }
    this.#changed.resolve();
    this.#changed = Promise.withResolvers<void>();
  }
}
