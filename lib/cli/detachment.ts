/**
 * Where a job stands when a command lets go of it, and what the person can do then. Knows nothing of
 * why it was let go.
 */

import type { JobId } from "../base/id.ts";
import { Failure } from "../base/failure.ts";
import type { SubmissionEvent } from "../client/event.ts";
import type { Io } from "./io.ts";
import { jsonText } from "./terminal_text.ts";

/** One job, as a command sees it come and go. */
export class Detachment {
  #jobId: JobId | undefined;
  #standing: "before" | "waiting" | "running" | "trained" = "before";
  /** Whether a part of the inputs has arrived, and nothing has begun with it. */
  #hasSent = false;

  /** @param jobId The job, where it has started before: it is gone to as soon as its worker is. */
  constructor(jobId?: JobId) {
    this.#jobId = jobId;
  }

  /** Takes the next event. */
  watch(event: SubmissionEvent): void {
    if (event.type === "uploaded") this.#hasSent = event.bytes > 0;
    if (event.type === "started") this.#hasSent = false;
    if (event.type === "waiting" && this.#standing === "before") {
      this.#jobId = event.jobId;
      this.#standing = "waiting";
    } else if (event.type === "leased" && this.#standing === "waiting") {
      // What is only reserved is given back.
      this.#jobId = undefined;
      this.#standing = "before";
    } else if (event.type === "started") {
      this.#jobId = event.jobId;
      this.#standing = "running";
    } else if (event.type === "linked" && this.#jobId !== undefined) {
      if (this.#standing === "before") this.#standing = "running";
    } else if (event.type === "trained") this.#standing = "trained";
  }

  /** Tells what can be done with a job that is not over, though its command is, by `error`. */
  tell(error: unknown, isJson: boolean, io: Io): void {
    const jobId = this.#jobId;
    if (this.#hasSent && !isEnd(error)) return tellKept(io);
    if (jobId === undefined || this.#standing === "before") return;
    if (hasFailed(error)) return tellFailed(jobId, isJson, io);
    if (isEnd(error)) return;
    const standing = this.#standing;
    if (standing === "waiting") return tellLeft(jobId, isJson, io);
    if (isJson) io.out(jsonText({ event: "detached", job_id: jobId, standing }));
    for (const line of this.#lines(jobId, standing)) io.err(line);
  }

  #lines(jobId: JobId, standing: "running" | "trained"): readonly string[] {
    if (standing === "trained") {
      return [
        "The training is over and its results are kept by the worker, what has arrived of them here, too.",
        `Fetch the rest: sleap-rtc results ${jobId}`,
      ];
    }
    return [
      `The job goes on without us. Come back to it: sleap-rtc follow ${jobId}`,
      `End it: sleap-rtc cancel ${jobId}`,
    ];
  }
}

/** The package is here: a job cannot begin without its command, and so it waits no longer either. */
function tellLeft(jobId: JobId, isJson: boolean, io: Io): void {
  if (isJson) io.out(jsonText({ event: "left_queue", job_id: jobId }));
  io.err(
    "The job has left the queue, and nothing was sent: run the same command again to wait anew",
  );
}

/** Nobody should fear for the hours that an upload took. */
function tellKept(io: Io): void {
  io.err(
    "What has arrived is kept by the worker for a day: run the same command again to go on from there",
  );
}

/** A model may be whole although what came after it was not: nobody should have to train it again. */
function tellFailed(jobId: JobId, isJson: boolean, io: Io): void {
  if (isJson) io.out(jsonText({ event: "failed", job_id: jobId }));
  io.err(`If it has written anything, the worker keeps it: sleap-rtc results ${jobId}`);
}

function hasFailed(error: unknown): boolean {
  return error instanceof Failure && error.kind === "job_failed";
}

/** Whether the job itself came to an end by it, or was never found. */
function isEnd(error: unknown): boolean {
  if (!(error instanceof Failure)) return false;
  return ["job_cancelled", "job_refused", "no_worker"].includes(error.kind);
}
