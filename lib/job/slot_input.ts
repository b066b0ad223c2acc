/** What can happen to a slot. Knows nothing of what follows from it. */

import type { JobId, PeerId, RequestId } from "../base/id.ts";
import type { Instant } from "../base/time.ts";
import type { Epoch } from "../protocol/job_message.ts";
import type { JobSpec } from "../protocol/job_spec.ts";
import type { Manifest } from "../protocol/manifest.ts";

/** What a client asks for. */
export interface Request {
  readonly client: PeerId;
  readonly requestId: RequestId;
  readonly jobId: JobId;
}

/** How a running job is ended: at once and without results, or soon and with what it has learnt. */
export type JobEnding = "cancel" | "stop";

/** How a job ended, as the process tells it. */
export type Verdict =
  | { readonly type: "done"; readonly results: Manifest; readonly isStoppedEarly: boolean }
  /** With what is not as it should be after that, if anything. */
  | { readonly type: "cancelled"; readonly reason?: string }
  | { readonly type: "failed"; readonly exitCode: number | null; readonly reason: string }
  /** Nobody saw how. */
  | { readonly type: "lost"; readonly reason: string };

/** What can be in a slot's way: what is left of a job, or its people's wish. */
export type Obstacle = JobId | "maintenance";

/** One thing that happened to the slot. */
export type SlotInput =
  | ({ readonly type: "reserve"; readonly spec: JobSpec; readonly inputs: Manifest } & Request)
  | ({ readonly type: "start" } & Request)
  | { readonly type: "release"; readonly client: PeerId; readonly jobId: JobId }
  /** Its owner, by whichever client of the same key, wants the running job to end. */
  | ({ readonly type: "end"; readonly how: JobEnding } & Request)
  /** Every input is there, and its digest is right. */
  | { readonly type: "inputs_complete"; readonly jobId: JobId }
  | { readonly type: "alive"; readonly client: PeerId }
  /** A job that an earlier life of the worker began, and of which that said `sequence` words. */
  | {
    readonly type: "adopted";
    readonly client: PeerId;
    readonly jobId: JobId;
    readonly spec: JobSpec;
    readonly sequence: number;
    readonly startedAt: Instant;
  }
  | { readonly type: "epoch_ended"; readonly epoch: Epoch }
  | { readonly type: "printed"; readonly stream: "stdout" | "stderr"; readonly text: string }
  /** What whoever follows the job is to know of it, besides what its trainer says. */
  | { readonly type: "remarked"; readonly text: string }
  | { readonly type: "ended"; readonly verdict: Verdict }
  /** The slot cannot be given to anybody for now, such as while its GPU is held by a stray process. */
  | { readonly type: "obstructed"; readonly by: Obstacle; readonly reason: string }
  /** That is in the way no more. */
  | { readonly type: "cleared"; readonly by: Obstacle }
  /** The worker takes no more jobs. Those who follow the running one hear `notice`. */
  | { readonly type: "closed"; readonly notice?: string }
  | { readonly type: "woke" };
