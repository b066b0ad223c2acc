/** That a worker does not find files which labels name, with what it found instead. */

import { Failure } from "../base/failure.ts";
import type { PeerId } from "../base/id.ts";
import type { MissingFile } from "../protocol/mount.ts";
import type { JobRefusedAnswer } from "./job_question.ts";

/** What one worker does not find. */
export interface WorkerMissing {
  readonly worker: PeerId;
  readonly missing: readonly MissingFile[];
}

/** A refusal for want of files. The lists are for whoever shows them. */
export class FilesMissing extends Failure {
  readonly lists: readonly WorkerMissing[];

  constructor(message: string, lists: readonly WorkerMissing[]) {
    super("job_refused", message);
    this.lists = lists;
  }
}

/** The refusal of `worker` as a failure. */
export function refusalFailure(worker: PeerId, { reason, missing }: JobRefusedAnswer): Failure {
  const message = `${worker}: ${reason}`;
  if (missing === undefined || missing.length === 0) return new Failure("job_refused", message);
  return new FilesMissing(message, [{ worker, missing }]);
}

/** Why none of several workers takes a job, as one failure. */
export function refusalOfAll(refusals: readonly Failure[]): Failure {
  const message = `No worker takes the job: ${refusals.map(({ message }) => message).join("; ")}`;
  const lists = refusals.flatMap((failure) => failure instanceof FilesMissing ? failure.lists : []);
  if (lists.length > 0) return new FilesMissing(message, lists);
  const allLost = refusals.every(({ kind }) => kind === "worker_lost");
  return new Failure(allLost ? "worker_lost" : "job_refused", message);
}
