/** What a slot wants done. Knows nothing of why. */

import type { JobId, PeerId } from "../base/id.ts";
import type { Instant } from "../base/time.ts";
import type { JobEvent, JobMessage } from "../protocol/job_message.ts";
import type { JobSpec } from "../protocol/job_spec.ts";
import type { Manifest } from "../protocol/manifest.ts";
import type { CurrentJob, WorkerStatus } from "../protocol/worker.ts";
import type { JobEnding } from "./slot_input.ts";

/** One thing to be done. */
export type SlotEffect =
  /** Say this to that client, if it is there. */
  | { readonly type: "tell"; readonly client: PeerId; readonly message: JobMessage }
  /** That client hears, from now on, what is said of the job. */
  | { readonly type: "admit"; readonly client: PeerId; readonly jobId: JobId }
  /** Write this down, and say it to everybody who was admitted. */
  | { readonly type: "report"; readonly event: JobEvent }
  /** Make place for the inputs. */
  | {
    readonly type: "prepare";
    readonly client: PeerId;
    readonly jobId: JobId;
    readonly spec: JobSpec;
    readonly inputs: Manifest;
  }
  /** Start the process. `ended` must follow. */
  | { readonly type: "run"; readonly jobId: JobId; readonly spec: JobSpec }
  /** End the process in that way. `ended` must follow, unless it is asked for once more. */
  | { readonly type: "end"; readonly jobId: JobId; readonly how: JobEnding }
  /** The job will not run; what was prepared can go. */
  | { readonly type: "discard"; readonly jobId: JobId }
  /** Tell the room. */
  | {
    readonly type: "status";
    readonly status: WorkerStatus;
    readonly currentJob: CurrentJob | null;
  }
  /** Come back with `woke` at that time. */
  | { readonly type: "wake"; readonly at: Instant };
