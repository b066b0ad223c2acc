/**
 * One client at one worker with one job: reserve, upload, train, download, each waited for. Ends with
 * an error as soon as the worker is lost, refuses, or the user has had enough.
 */

import { Failure, type FailureKind } from "../base/failure.ts";
import type { JobId, PeerId } from "../base/id.ts";
import { SECOND_MS } from "../base/time.ts";
import type { JobEvent, JobMessage } from "../protocol/job_message.ts";
import type { JobSpec } from "../protocol/job_spec.ts";
import type { FileEntry, Manifest } from "../protocol/manifest.ts";
import type { TransferMessage } from "../protocol/transfer_message.ts";
import type { LinkBackend } from "../rtc/link.ts";
import { newRequestId } from "../runtime/chance.ts";
import { systemClock } from "../runtime/clock.ts";
import { FileReceiver } from "../runtime/file_receiver.ts";
import { FileSender } from "../runtime/file_sender.ts";
import type { SubmissionEvent } from "./event.ts";
import type { ResultFolder } from "./result_folder.ts";
import type { Session } from "./session.ts";
import { type Training, TrainingRecord } from "./training_record.ts";
import { WorkerLink, type WorkerLinkOptions } from "./worker_link.ts";

/** For a worker to answer a question. */
const ANSWER_MS = 10 * SECOND_MS;

/** What a visit needs. */
export interface VisitParts {
  readonly session: Session;
  readonly backend: LinkBackend;
  readonly options: WorkerLinkOptions & { watch(event: SubmissionEvent): void };
}

type Question = Extract<JobMessage, { type: "job_reserve" | "job_start" }>;
type Answer = Extract<JobMessage, { type: "job_lease" | "job_refused" | "job_accepted" }>;

/** A visit of one client at one worker. */
export class JobVisit {
  readonly #jobId: JobId;
  readonly #parts: VisitParts;
  /** Resolves, and does not reject, with why the visit ended: at times nobody waits for it. */
  readonly #ended = Promise.withResolvers<unknown>();
  readonly #closed = Promise.withResolvers<void>();
  readonly #trained = Promise.withResolvers<Training | Failure>();
  readonly #record = new TrainingRecord();
  readonly #abort = () => this.#ended.resolve(this.#parts.options.signal.reason);
  #link: WorkerLink | undefined;
  #asked: { readonly question: Question; readonly answer: (answer: Answer) => void } | undefined;
  #sender: FileSender | undefined;
  #receiver: FileReceiver | undefined;
  #fetched: PromiseWithResolvers<Manifest> | undefined;
  /** From `reserving` on, and until the job runs, the worker may hold something for us. */
  #phase: "new" | "reserving" | "running" | "over" = "new";

  private constructor(jobId: JobId, parts: VisitParts) {
    this.#jobId = jobId;
    this.#parts = parts;
    parts.options.signal.addEventListener("abort", this.#abort, { once: true });
  }

  /**
   * Opens a link to `worker` for `jobId`.
   *
   * @throws {Failure} Where no link can be made.
   * @throws The signal's reason, where it is aborted.
   */
  static async open(worker: PeerId, jobId: JobId, parts: VisitParts): Promise<JobVisit> {
    parts.options.signal.throwIfAborted();
    const visit = new JobVisit(jobId, parts);
    const startedAt = systemClock.now();
    const handlers = {
      message: (message: JobMessage | TransferMessage) => visit.#hear(message),
      data: (index: number, offset: number, bytes: Uint8Array) =>
        visit.#receiver?.data(index, offset, bytes),
      lost: (failure: Failure) => visit.#lost(failure),
    };
    const { backend, session, options } = parts;
    try {
      visit.#link = await WorkerLink.open(worker, backend, session, handlers, options);
    } catch (error) {
      await visit.close();
      throw error;
    }
    const tookMs = systemClock.now() - startedAt;
    options.watch({ type: "linked", backend: visit.#link.backend, tookMs });
    return visit;
  }

  /**
   * Asks for the worker's slot. Gives the reason where it is refused.
   *
   * @throws {Failure} Where the worker is lost, or does not answer.
   */
  async reserve(spec: JobSpec, inputs: Manifest): Promise<string | undefined> {
    const request_id = newRequestId();
    this.#phase = "reserving";
    const answer = await this.#ask({
      type: "job_reserve",
      request_id,
      job_id: this.#jobId,
      spec,
      inputs,
    });
    if (answer.type === "job_refused") {
      this.#phase = "new";
      return answer.reason;
    }
    this.#parts.options.watch({ type: "leased", jobId: this.#jobId });
    return undefined;
  }

  /**
   * Sends the inputs.
   *
   * @throws {Failure} Where the worker is lost, or cannot take them.
   */
  async upload(manifest: Manifest, pathOf: (index: number) => string): Promise<void> {
    const { watch } = this.#parts.options;
    const sender = new FileSender(this.#open().link, {
      jobId: this.#jobId,
      purpose: "inputs",
      manifest,
      pathOf,
      progress: (bytes, bytesMax) => watch({ type: "uploaded", bytes, bytesMax }),
    });
    this.#sender = sender;
    await this.#race(asFailure(sender.done, "job_refused", "The worker did not get the inputs"));
  }

  /**
   * Starts the training and waits for its end.
   *
   * @throws {Failure} Where the worker is lost, refuses, or the training fails.
   */
  async train(): Promise<Training> {
    const request_id = newRequestId();
    const answer = await this.#ask({ type: "job_start", request_id, job_id: this.#jobId });
    if (answer.type === "job_refused") throw new Failure("job_refused", answer.reason);
    const training = await this.#race(this.#trained.promise);
    if (training instanceof Failure) throw training;
    return training;
  }

  /**
   * Brings the results into `folder`, which is there when they are whole, and not before.
   *
   * @throws {Failure} Where the worker is lost, or the results do not come home as they were promised.
   */
  async download(results: Manifest, folder: ResultFolder): Promise<readonly FileEntry[]> {
    const { watch } = this.#parts.options;
    const { link } = this.#open();
    const fetched = Promise.withResolvers<Manifest>();
    this.#fetched = fetched;
    this.#open().say({ type: "job_fetch", job_id: this.#jobId });
    const offer = await this.#withDeadline(fetched.promise, "offer the results");
    if (JSON.stringify(offer) !== JSON.stringify(results)) {
      throw new Failure("corrupt", "The worker offers other files than the training ended with");
    }
    const receiver = new FileReceiver(link, {
      jobId: this.#jobId,
      purpose: "results",
      manifest: results,
      folder: folder.files,
      partsFolder: folder.parts,
      progress: (bytes, bytesMax) => watch({ type: "downloaded", bytes, bytesMax }),
    });
    this.#receiver = receiver;
    try {
      await this.#race(asFailure(receiver.done, "corrupt", "The results did not come home whole"));
    } finally {
      receiver.end(new Error("The visit ended"));
      await receiver.closed;
    }
    await folder.complete();
    watch({ type: "saved", folder: folder.path, files: results.files });
    return results.files;
  }

  /** Gives up what the worker holds for us, and closes the link. A running job goes on. */
  async close(): Promise<void> {
    this.#parts.options.signal.removeEventListener("abort", this.#abort);
    const link = this.#link;
    if (link === undefined) return;
    if (this.#phase === "reserving") link.say({ type: "job_release", job_id: this.#jobId });
    link.close("The client is done");
    await this.#closed.promise;
    await this.#sender?.closed;
  }

  #hear(message: JobMessage | TransferMessage): void {
    switch (message.type) {
      case "job_lease":
      case "job_refused":
        if (message.request_id !== this.#asked?.question.request_id) return;
        return this.#asked.answer(message);
      case "job_accepted":
      case "job_metric":
      case "job_log":
      case "job_done":
      case "job_failed":
        if (message.job_id === this.#jobId) this.#follow(message);
        return;
      case "transfer_offer":
        if (message.job_id === this.#jobId) this.#fetched?.resolve(message.manifest);
        return;
      case "transfer_want":
      case "transfer_credit":
      case "transfer_done":
        return this.#sender?.receive(message);
      case "transfer_failed":
        if (message.purpose === "results") {
          this.#fetched?.reject(new Failure("corrupt", `No results: ${message.reason}`));
        }
        this.#sender?.receive(message);
        return this.#receiver?.receive(message);
      case "job_alive":
        return;
      case "job_reserve":
      case "job_release":
      case "job_start":
      case "job_fetch":
        this.#ended.resolve(
          new Failure("protocol", `The worker sent ${message.type}, which clients say`),
        );
        return;
    }
    message satisfies never;
  }

  /** What the worker says of the running job, in order and without gaps. */
  #follow(event: JobEvent): void {
    const { watch } = this.#parts.options;
    try {
      this.#record.take(event);
    } catch (error) {
      return this.#ended.resolve(error);
    }
    switch (event.type) {
      case "job_accepted": {
        this.#phase = "running";
        const epochsMax = event.epochs_max ?? undefined;
        watch({ type: "started", jobId: this.#jobId, epochsMax });
        if (this.#asked?.question.type === "job_start") this.#asked.answer(event);
        return;
      }
      case "job_metric":
        return watch({ type: "epoch", epoch: event.epoch });
      case "job_log":
        return watch({ type: "output", stream: event.stream, text: event.text });
      case "job_done":
        this.#phase = "over";
        watch({ type: "trained", durationMs: event.duration_ms });
        return this.#trained.resolve(this.#record.endedWith(event.results));
      case "job_failed":
        this.#phase = "over";
        return this.#trained.resolve(new Failure("job_failed", event.reason));
    }
    event satisfies never;
  }

  async #ask(question: Question): Promise<Answer> {
    const answered = new Promise<Answer>((answer) => this.#asked = { question, answer });
    this.#open().say(question);
    try {
      return await this.#withDeadline(answered, `answer ${question.type}`);
    } finally {
      this.#asked = undefined;
    }
  }

  async #withDeadline<T>(promise: Promise<T>, what: string): Promise<T> {
    const late = Promise.withResolvers<never>();
    const message = `Expected the worker to ${what} within ${ANSWER_MS} ms, got nothing`;
    const timer = setTimeout(() => late.reject(new Failure("worker_lost", message)), ANSWER_MS);
    try {
      return await this.#race(Promise.race([promise, late.promise]));
    } finally {
      clearTimeout(timer);
    }
  }

  /** Whatever ends the visit also ends every wait. */
  async #race<T>(promise: Promise<T>): Promise<T> {
    const ended = this.#ended.promise.then((reason) => {
      throw reason;
    });
    return await Promise.race([promise, ended]);
  }

  #open(): WorkerLink {
    if (this.#link === undefined) throw new Error("Expected an open visit, got one without a link");
    return this.#link;
  }

  #lost(failure: Failure): void {
    this.#ended.resolve(failure);
    this.#sender?.end(failure);
    this.#receiver?.end(failure);
    this.#closed.resolve();
  }
}

/** What went wrong with a transfer, as a failure that a command can act on. */
async function asFailure(transfer: Promise<void>, kind: FailureKind, what: string): Promise<void> {
  try {
    await transfer;
  } catch (cause) {
    if (cause instanceof Failure) throw cause;
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new Failure(kind, `${what}: ${reason}`, { cause });
  }
}
