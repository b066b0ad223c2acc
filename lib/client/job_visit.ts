/**
 * One client at one worker with one job: reserve, upload, start, follow, end, download, each waited
 * for. Ends with an error as soon as the worker is lost, refuses, or the user has had enough.
 */

import { Failure, type FailureKind } from "../base/failure.ts";
import type { JobId, PeerId } from "../base/id.ts";
import { SECOND_MS } from "../base/time.ts";
import type { JobEnding } from "../job/slot_input.ts";
import type { JobEvent, JobMessage } from "../protocol/job_message.ts";
import type { JobSpec } from "../protocol/job_spec.ts";
import type { FileEntry, Manifest } from "../protocol/manifest.ts";
import type { TransferMessage } from "../protocol/transfer_message.ts";
import type { LinkBackend } from "../rtc/link.ts";
import type { Timers } from "../rtc/timers.ts";
import { systemClock } from "../runtime/clock.ts";
import { FileReceiver } from "../runtime/file_receiver.ts";
import { FileSender } from "../runtime/file_sender.ts";
import { systemTimers } from "../runtime/timers.ts";
import type { SubmissionEvent } from "./event.ts";
import { type Answer, JobQuestions, type JobRefusedAnswer } from "./job_question.ts";
import type { ResultFolder } from "./result_folder.ts";
import type { Session } from "./session.ts";
import { type Training, TrainingRecord } from "./training_record.ts";
import { noLonger, pause, VisitWait } from "./visit_wait.ts";
import { WorkerLink, type WorkerLinkOptions } from "./worker_link.ts";

/** For a worker to say whether a job has begun that nobody waits for any more. Higher: Ctrl-C hangs. */
const START_ANSWER_MS = 2 * SECOND_MS;
/**
 * For a worker to offer results: what a job left that failed is digested first, at a disk's pace. That
 * the worker is still there is seen by its signs of life. Higher: one that forgets us is borne longer.
 */
const OFFER_MS = 300 * SECOND_MS;
/** Between two looks whether another client of the job still writes to its folder. */
const HOLD_AGAIN_MS = SECOND_MS / 4;

/** What a visit needs. */
export interface VisitParts {
  readonly session: Session;
  readonly backend: LinkBackend;
  readonly options: WorkerLinkOptions & { watch(event: SubmissionEvent): void };
  /** What was heard of the job in earlier visits, and will be in this one. */
  readonly record: TrainingRecord;
  /** By which waits for the worker's answers end; the process's own where left out. */
  readonly timers?: Timers;
}

/** A visit of one client at one worker. */
export class JobVisit {
  readonly #jobId: JobId;
  readonly #parts: VisitParts;
  readonly #wait: VisitWait;
  readonly #questions: JobQuestions;
  readonly #closed = Promise.withResolvers<void>();
  readonly #trained = Promise.withResolvers<Training | Failure>();
  readonly #abort = () => this.#wait.end(this.#parts.options.signal.reason);
  #link: WorkerLink | undefined;
  #sender: FileSender | undefined;
  #receiver: FileReceiver | undefined;
  #fetched: PromiseWithResolvers<Manifest> | undefined;
  /**
   * From `reserving` on, and until the job runs, the worker may hold something for us. While the visit
   * is `starting`, nobody here knows whether it runs.
   */
  #phase: "new" | "reserving" | "starting" | "running" | "over" = "new";
  /** Resolves when the worker has said whether the job runs, or cannot say it any more. */
  readonly #startAnswered = Promise.withResolvers<void>();

  private constructor(jobId: JobId, parts: VisitParts) {
    this.#jobId = jobId;
    this.#parts = parts;
    this.#wait = new VisitWait(parts.timers ?? systemTimers);
    this.#questions = new JobQuestions(this.#wait);
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

  /** The worker that is visited. */
  get worker(): PeerId {
    return this.#open().worker;
  }

  /**
   * Asks whether the worker would run this, and holds nothing. Gives the refusal, if any.
   *
   * @throws {Failure} Where the worker is lost, or does not answer.
   */
  async inquire(spec: JobSpec, inputs: Manifest): Promise<JobRefusedAnswer | undefined> {
    const answer = await this.#ask({ type: "job_inquire", job_id: this.#jobId, spec, inputs });
    return answer.type === "job_refused" ? answer : undefined;
  }

  /**
   * Asks for the worker's slot. Gives the refusal, if any.
   *
   * @throws {Failure} Where the worker is lost, or does not answer.
   */
  async reserve(spec: JobSpec, inputs: Manifest): Promise<JobRefusedAnswer | undefined> {
    this.#phase = "reserving";
    const answer = await this.#ask({ type: "job_reserve", job_id: this.#jobId, spec, inputs });
    if (answer.type === "job_refused") {
      this.#phase = "new";
      return answer;
    }
    this.#parts.options.watch({ type: "leased", jobId: this.#jobId });
    return undefined;
  }

  /**
   * Sends the inputs.
   *
   * @param isFresh Whether the worker is to take none of them from its cache.
   * @throws {Failure} Where the worker is lost, or cannot take them.
   */
  async upload(
    manifest: Manifest,
    pathOf: (index: number) => string,
    isFresh = false,
  ): Promise<void> {
    const { watch } = this.#parts.options;
    const sender = new FileSender(this.#open().link, {
      jobId: this.#jobId,
      purpose: "inputs",
      manifest,
      pathOf,
      isFresh,
      progress: (bytes, bytesMax) => watch({ type: "uploaded", bytes, bytesMax }),
    });
    this.#sender = sender;
    await this.#wait.for(
      asFailure(sender.done, "job_refused", "The worker did not get the inputs"),
    );
  }

  /**
   * Starts the training.
   *
   * @throws {Failure} Where the worker is lost, or refuses.
   */
  async start(): Promise<void> {
    this.#phase = "starting";
    const answer = await this.#ask({ type: "job_start", job_id: this.#jobId });
    if (answer.type === "job_refused") throw new Failure("job_refused", answer.reason);
  }

  /**
   * Asks for all that was said of the job since the last word heard. Gives the refusal, if any.
   *
   * @throws {Failure} Where the worker is lost, or does not answer.
   */
  async follow(): Promise<JobRefusedAnswer | undefined> {
    const { sequence: after_sequence } = this.#parts.record.heard;
    const job_id = this.#jobId;
    const answer = await this.#ask({ type: "job_follow", job_id, after_sequence });
    return answer.type === "job_refused" ? answer : undefined;
  }

  /**
   * Asks for the end of the running job, which is followed from then on. Gives the refusal, if any.
   *
   * @throws {Failure} Where the worker is lost, or does not answer.
   */
  async end(how: JobEnding): Promise<JobRefusedAnswer | undefined> {
    const type = how === "cancel" ? "job_cancel" : "job_stop";
    const answer = await this.#ask({ type, job_id: this.#jobId });
    return answer.type === "job_refused" ? answer : undefined;
  }

  /**
   * Waits for the end of the training that was started or is followed.
   *
   * @throws {Failure} Where the worker is lost, or the training fails or is cancelled.
   */
  async training(): Promise<Training> {
    const training = await this.#wait.for(this.#trained.promise);
    if (training instanceof Failure) throw training;
    return training;
  }

  /**
   * Brings the results into `folder`, which is there when they are whole, and not before.
   *
   * @param promised What the training ended with, where that is known.
   * @throws {Failure} Where the worker is lost, has no results (`job_refused`), or they do not come
   * home as they were promised.
   */
  async download(folder: ResultFolder, promised?: Manifest): Promise<readonly FileEntry[]> {
    const { signal, watch } = this.#parts.options;
    const { link } = this.#open();
    let held = await folder.tryHold();
    // Another terminal has them come home: what it brings need not come twice.
    while (held === undefined) {
      await this.#wait.for(pause(HOLD_AGAIN_MS, signal));
      held = await folder.tryHold();
    }
    await using _held = held;
    const fetched = Promise.withResolvers<Manifest>();
    this.#fetched = fetched;
    this.#open().say({ type: "job_fetch", job_id: this.#jobId });
    const results = await this.#wait.forAnswer(fetched.promise, "offer the results", OFFER_MS);
    if (promised !== undefined && JSON.stringify(results) !== JSON.stringify(promised)) {
      throw new Failure("corrupt", "The worker offers other files than the training ended with");
    }
    if (await folder.isHome(results)) {
      watch({ type: "saved", folder: folder.path, files: results.files });
      return results.files;
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
      await this.#wait.for(
        asFailure(receiver.done, "corrupt", "The results did not come home whole"),
      );
    } finally {
      receiver.end(new Error("The visit ended"));
      await receiver.closed;
    }
    await folder.complete();
    watch({ type: "saved", folder: folder.path, files: results.files });
    return results.files;
  }

  /**
   * Gives up what the worker holds for us, and closes the link. A running job goes on: where its start
   * was asked for, waits for the answer first, so that whoever lets go of it knows what of.
   */
  async close(): Promise<void> {
    this.#parts.options.signal.removeEventListener("abort", this.#abort);
    const link = this.#link;
    if (link === undefined) return;
    if (this.#phase === "starting") await noLonger(START_ANSWER_MS, this.#startAnswered.promise);
    if (this.#phase === "reserving" || this.#phase === "starting") {
      link.say({ type: "job_release", job_id: this.#jobId });
    }
    link.close("The client is done");
    await this.#closed.promise;
    await this.#sender?.closed;
  }

  #hear(message: JobMessage | TransferMessage): void {
    switch (message.type) {
      case "job_lease":
      case "job_suitable":
      case "job_refused":
        if (this.#phase === "starting" && message.type === "job_refused") {
          this.#phase = "reserving";
          this.#startAnswered.resolve();
        }
        this.#questions.take(message);
        return;
      case "job_following":
        // Here and not where the answer is waited for: the next word may be on its heels.
        if (this.#questions.take(message)) this.#parts.record.leaveOut(message.after_sequence);
        return;
      case "job_accepted":
      case "job_metric":
      case "job_log":
      case "job_done":
      case "job_failed":
      case "job_cancelled":
      case "job_lost":
        if (message.job_id === this.#jobId) this.#follow(message);
        return;
      case "transfer_offer":
        if (message.job_id === this.#jobId) this.#fetched?.resolve(message.manifest);
        return;
      case "transfer_want":
      case "transfer_credit":
      case "transfer_done":
        return this.#sender?.receive(message);
      case "transfer_block":
        return this.#receiver?.receive(message);
      case "transfer_failed":
        if (message.purpose === "results") {
          this.#fetched?.reject(new Failure("job_refused", `No results: ${message.reason}`));
        }
        this.#sender?.receive(message);
        return this.#receiver?.receive(message);
      case "job_alive":
        return;
      case "job_reserve":
      case "job_inquire":
      case "job_release":
      case "job_start":
      case "job_fetch":
      case "job_follow":
      case "job_cancel":
      case "job_stop":
        this.#wait.end(
          new Failure("protocol", `The worker sent ${message.type}, which clients say`),
        );
        return;
    }
    message satisfies never;
  }

  /** What the worker says of the running job, in order and without gaps. */
  #follow(event: JobEvent): void {
    const { record, options: { signal, watch } } = this.#parts;
    // What is said after the user has had enough is for whoever follows next. That the job runs is not:
    // it says whether there is still something to give back.
    if (signal.aborted && event.type !== "job_accepted") return;
    try {
      record.take(event);
    } catch (error) {
      return this.#wait.end(error);
    }
    switch (event.type) {
      case "job_accepted": {
        this.#phase = "running";
        this.#startAnswered.resolve();
        const epochsMax = event.epochs_max ?? undefined;
        watch({ type: "started", jobId: this.#jobId, epochsMax });
        this.#questions.take(event);
        return;
      }
      case "job_metric":
        return watch({ type: "epoch", epoch: event.epoch });
      case "job_log":
        return watch({
          type: "output",
          stream: event.stream,
          text: event.text,
          ...(event.by_worker === true ? { isOfWorker: true } : {}),
        });
      case "job_done":
        this.#phase = "over";
        watch({ type: "trained", durationMs: event.duration_ms });
        return this.#trained.resolve(record.endedWith(event));
      case "job_failed":
        this.#phase = "over";
        return this.#trained.resolve(new Failure("job_failed", event.reason));
      case "job_cancelled": {
        this.#phase = "over";
        const left = event.reason === undefined ? "" : `; ${event.reason}`;
        const message = `The job was cancelled, with \`sleap-rtc cancel ${this.#jobId}\`${left}`;
        return this.#trained.resolve(new Failure("job_cancelled", message));
      }
      case "job_lost": {
        this.#phase = "over";
        const message = `${this.#jobId} is lost: ${event.reason}; train again`;
        return this.#trained.resolve(new Failure("job_failed", message));
      }
    }
    event satisfies never;
  }

  #ask(question: Parameters<JobQuestions["ask"]>[0]): Promise<Answer> {
    return this.#questions.ask(question, (asked) => this.#open().say(asked));
  }

  #open(): WorkerLink {
    if (this.#link === undefined) throw new Error("Expected an open visit, got one without a link");
    return this.#link;
  }

  #lost(failure: Failure): void {
    this.#wait.end(failure);
    this.#sender?.end(failure);
    this.#receiver?.end(failure);
    this.#startAnswered.resolve();
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
