/** Why a simulated worker does not go on with a job of its disk, as `lib/runtime/job_recall.ts` answers. */

import type { JobId } from "../../lib/base/id.ts";
import type { Refused } from "../../lib/job/slot.ts";
import type { JobFolder } from "./job_disk.ts";

/** The job that holds the slot, and the number of the last word of it, where it runs. */
interface PresentJob {
  readonly jobId: JobId | undefined;
  readonly sequence: number | undefined;
}

const UNKNOWN_JOB: Refused = {
  code: "unknown_job",
  reason: "The worker knows no such job of this client",
};

/** Why the job of `folder` cannot be followed after that word; `undefined` where it can. */
export function objectionToFollowing(
  folder: JobFolder | undefined,
  after: number,
  present: PresentJob,
): Refused | undefined {
  if (folder === undefined) return UNKNOWN_JOB;
  const isPresent = present.jobId === folder.jobId;
  const last = folder.verdict?.sequence ?? (isPresent ? present.sequence : undefined);
  if (last === undefined) return notRunning(isPresent);
  if (after <= last) return undefined;
  return { code: "unsuitable", reason: `Expected at most ${last} words, got ${after}` };
}

/** Why the job of `folder`, which does not run, cannot be ended. */
export function objectionToEnding(
  folder: JobFolder | undefined,
  { jobId }: PresentJob,
): Refused {
  if (folder === undefined) return UNKNOWN_JOB;
  if (folder.verdict === undefined) return notRunning(jobId === folder.jobId);
  return { code: "over", reason: "The job has ended already" };
}

function notRunning(isPresent: boolean): Refused {
  if (isPresent) return { code: "unsuitable", reason: "The job has not started" };
  return { code: "over", reason: "The job does not run any more" };
}
