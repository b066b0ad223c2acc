/**
 * One job as its client sees it: reserve, send the inputs, start, follow to the end; over as many lines to
 * the worker as it takes. Knows what it was told, not how its words travel or which worker it is at.
 */

import { isRequestId, type JobId, type PeerId, type RequestId } from "../../lib/base/id.ts";
import type { JobEnding } from "../../lib/job/slot_input.ts";
import type { JobEvent, JobMessage, JobRefusal } from "../../lib/protocol/job_message.ts";
import type { JobSpec } from "../../lib/protocol/job_spec.ts";
import type { TransferMessage } from "../../lib/protocol/transfer_message.ts";
import { sha256Of } from "../../lib/runtime/file_digest.ts";
import { isVerdict } from "./job_disk.ts";
import type { JobWatcher } from "./job_watcher.ts";

const SPEC: JobSpec = { kind: "train", runner: "demo", package: "fly.pkg.slp", run_name: "fly" };
const INPUTS = { files: [{ path: "fly.pkg.slp", bytes: 7, sha256: sha256Of("a".repeat(64)) }] };
/** For an answer; as in `lib/client/visit_wait.ts`. */
const ANSWER_MS = 10_000;
/** For the inputs to arrive. */
const UPLOAD_MS = 30_000;
const ALIVE_MS = 5_000;
/** On a line that loses words, what is missing is asked for again and again. */
const ASK_AGAIN_MS = 2_000;
const DENIALS_MAX = 10;

/**
 * What becomes of an errand: the worker does not take it now, it does not answer, the job has begun, or
 * there is nothing left to do.
 */
export type ErrandNews = "refused" | "unanswered" | "begun" | "over";

/** What an errand works with. */
export interface ErrandOptions {
  readonly client: PeerId;
  readonly jobId: JobId;
  /** Whether the lines to workers keep words in order, and lose none. */
  readonly isOrdered: boolean;
  readonly watcher: JobWatcher;
  readonly after: (delayMs: number, action: () => void) => void;
  readonly say: (message: JobMessage | TransferMessage) => void;
  readonly happened: (news: ErrandNews) => void;
}

type Phase = "new" | "reserving" | "sending" | "starting" | "following" | "over";

type Refused = Extract<JobMessage, { type: "job_refused" }>;

/** One job of one client. */
export class JobErrand {
  readonly #options: ErrandOptions;
  #phase: Phase = "new";
  /** Counts what is waited for: what was planned for an earlier wait finds nothing to do. */
  #round = 0;
  #questions = 0;
  #requestId = questionId(0);
  #heard = 0;
  #denials = 0;

  constructor(options: ErrandOptions) {
    this.#options = options;
  }

  /** Whether the job was asked to begin: from then on it belongs to the worker that it was brought to. */
  get isBrought(): boolean {
    return this.#phase === "starting" || this.#phase === "following" || this.#phase === "over";
  }

  /** There is a line to the worker: goes on from where the last one ended. */
  arrive(): void {
    if (this.#phase === "over") return;
    if (this.isBrought) this.#follow();
    else this.#reserve();
  }

  /** The line is gone. */
  leave(): void {
    this.#round++;
    if (!this.isBrought) this.#phase = "new";
  }

  /** The client wants it no more. What runs goes on without it. */
  giveUp(): void {
    const isHeld = this.#phase === "reserving" || this.#phase === "sending";
    if (isHeld) this.#options.say({ type: "job_release", job_id: this.#options.jobId });
    this.#enter("over");
  }

  /** Its owner wants the job to end. */
  end(how: JobEnding): void {
    if (this.#phase !== "following" || this.#heard === 0) return;
    const type = how === "cancel" ? "job_cancel" : "job_stop";
    this.#options.say({ type, ...this.#ask() });
  }

  /** What another process of the owner says to have the job end. */
  cancellation(): JobMessage {
    return { type: "job_cancel", request_id: questionId(0), job_id: this.#options.jobId };
  }

  /** The worker said something. */
  hear(message: JobMessage | TransferMessage): void {
    if (this.#phase === "over") return;
    if (!("job_id" in message) || message.job_id !== this.#options.jobId) return;
    switch (message.type) {
      case "job_lease":
        if (this.#phase === "reserving") this.#send();
        return;
      case "transfer_done":
        if (this.#phase === "sending") this.#start();
        return;
      case "transfer_failed":
        if (this.#phase === "sending") this.#isRefused();
        return;
      case "job_refused":
        return this.#hearRefusal(message);
      default:
        if ("sequence" in message) this.#hearEvent(message);
    }
  }

  #reserve(): void {
    this.#enter("reserving");
    this.#options.say({ type: "job_reserve", ...this.#ask(), spec: SPEC, inputs: INPUTS });
    this.#wait(ANSWER_MS);
  }

  #send(): void {
    const { jobId: job_id, say } = this.#options;
    this.#enter("sending");
    say({ type: "transfer_offer", job_id, purpose: "inputs", manifest: INPUTS });
    const alive = () => {
      say({ type: "job_alive" });
      this.#later(ALIVE_MS, alive);
    };
    this.#later(ALIVE_MS, alive);
    this.#wait(UPLOAD_MS);
  }

  #start(): void {
    this.#enter("starting");
    this.#options.say({ type: "job_start", ...this.#ask() });
    this.#wait(ANSWER_MS);
  }

  #follow(): void {
    const { isOrdered, say } = this.#options;
    this.#enter("following");
    const ask = () => {
      say({ type: "job_follow", ...this.#ask(), after_sequence: this.#heard });
      if (!isOrdered) this.#later(ASK_AGAIN_MS, ask);
    };
    ask();
  }

  #hearRefusal({ code, request_id }: Refused): void {
    if (request_id !== this.#requestId) return;
    switch (this.#phase) {
      case "reserving":
        return this.#isRefused();
      case "starting":
        // It may run all the same, where an earlier answer was lost: following it tells.
        return this.#follow();
      case "following":
        return this.#isDenied(code);
    }
  }

  #isRefused(): void {
    const { happened, jobId: job_id, say } = this.#options;
    say({ type: "job_release", job_id });
    this.#enter("new");
    happened("refused");
  }

  /** A job that ended meanwhile cannot be ended again; what else is said of it comes. */
  #isDenied(code: JobRefusal): void {
    const { client, happened, isOrdered, jobId, say, watcher } = this.#options;
    if (this.#heard > 0) {
      // Where words overtake each other, this may be the answer to what was asked before it began.
      if (isOrdered && code !== "over") watcher.denied(client, jobId, code);
      return;
    }
    if (!isOrdered && ++this.#denials < DENIALS_MAX) return;
    say({ type: "job_release", job_id: jobId });
    this.#enter("over");
    happened("over");
  }

  #hearEvent(event: JobEvent): void {
    const { client, happened, isOrdered, watcher } = this.#options;
    if (!this.isBrought) return;
    if (event.sequence !== this.#heard + 1) {
      if (isOrdered) watcher.misheard(client, event, this.#heard);
      return;
    }
    this.#heard = event.sequence;
    watcher.heard(client, event);
    if (this.#phase === "starting" && isOrdered) this.#enter("following");
    else if (this.#phase === "starting") this.#follow();
    if (event.sequence === 1) happened("begun");
    if (!isVerdict(event)) return;
    this.#enter("over");
    happened("over");
  }

  #wait(durationMs: number): void {
    this.#later(durationMs, () => this.#options.happened("unanswered"));
  }

  #enter(phase: Phase): void {
    this.#phase = phase;
    this.#round++;
  }

  #later(delayMs: number, action: () => void): void {
    const round = this.#round;
    this.#options.after(delayMs, () => {
      if (this.#round === round) action();
    });
  }

  #ask(): { readonly request_id: RequestId; readonly job_id: JobId } {
    this.#requestId = questionId(++this.#questions);
    return { request_id: this.#requestId, job_id: this.#options.jobId };
  }
}

function questionId(number: number): RequestId {
  const id = `question-${number}`;
  if (!isRequestId(id)) throw new Error(`Expected a request id, got ${id}`);
  return id;
}
