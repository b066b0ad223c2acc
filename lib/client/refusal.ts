/** That a worker does not find files which labels name, with what it found instead. */

import { Failure } from "../base/failure.ts";
import type { PeerId } from "../base/id.ts";
import { formatDuration } from "../base/time.ts";
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

/** Why a worker refuses, and when it is worth asking again, where it says so. */
export function refusalReason({ reason, retry_after_ms: afterMs }: JobRefusedAnswer): string {
  return afterMs === undefined ? reason : `${reason}; ask again in ${formatDuration(afterMs)}`;
}

/** The refusal of `worker` as a failure. */
export function refusalFailure(worker: PeerId, refusal: JobRefusedAnswer): Failure {
  const { missing } = refusal;
  const message = `${worker}: ${refusalReason(refusal)}`;
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
