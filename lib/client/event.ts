/** What a client tells its watcher while a job is on its way. Knows nothing of how it is shown. */

import type { JobId, PeerId } from "../base/id.ts";
import type { Epoch } from "../protocol/job_message.ts";
import type { FileEntry } from "../protocol/manifest.ts";
import type { WorkerView } from "../protocol/worker.ts";
import type { QueueOutlook } from "./queue_outlook.ts";

/** One step of a submission, in the order in which a person wants to read them. */
export type SubmissionEvent =
  /** No worker is free: the job waits for its turn. Said again when that looks different. */
  | { readonly type: "waiting"; readonly jobId: JobId; readonly outlook: QueueOutlook }
  /** Who is there, and who was chosen. */
  | { readonly type: "worker_chosen"; readonly worker: WorkerView; readonly available: number }
  /** The link to the worker is open. */
  | { readonly type: "linked"; readonly backend: "native" | "werift"; readonly tookMs: number }
  /** The worker has reserved its slot. */
  | { readonly type: "leased"; readonly jobId: JobId }
  /** Bytes of the inputs that the worker has written, of all it lacks. */
  | { readonly type: "uploaded"; readonly bytes: number; readonly bytesMax: number }
  /** The trainer runs. */
  | { readonly type: "started"; readonly jobId: JobId; readonly epochsMax: number | undefined }
  /** An epoch ended. */
  | { readonly type: "epoch"; readonly epoch: Epoch }
  /** A line of the trainer's output, or what the worker says among them. */
  | {
    readonly type: "output";
    readonly stream: "stdout" | "stderr";
    readonly text: string;
    readonly isOfWorker?: true;
  }
  /** The link to the worker is lost, and will be tried again for so long. The job goes on. */
  | {
    readonly type: "worker_lost";
    readonly worker: PeerId;
    readonly reason: string;
    readonly leftMs: number;
  }
  /** The trainer ended well. */
  | { readonly type: "trained"; readonly durationMs: number }
  /** Bytes of the results that have been written here, of all there are. */
  | { readonly type: "downloaded"; readonly bytes: number; readonly bytesMax: number }
  /** The results are in their folder, with the digests that the worker stated. */
  | { readonly type: "saved"; readonly folder: string; readonly files: readonly FileEntry[] };
