/**
 * What is known of a submission so far, folded from its events. Pure: instants come in, and how it
 * looks is `training_display.ts`.
 */

import type { JobId } from "../base/id.ts";
import type { Instant } from "../base/time.ts";
import type { SubmissionEvent } from "../client/event.ts";
import type { QueueOutlook } from "../client/queue_outlook.ts";
import { stageOf } from "../job/stage_title.ts";
import { trackingProgressOf } from "../job/tracking_progress.ts";
import { isOver } from "../protocol/job_message.ts";
import type { FileEntry } from "../protocol/manifest.ts";
import type { WorkerView } from "../protocol/worker.ts";

/** Something that grows towards a known end. */
export interface Progress {
  readonly done: number;
  readonly max: number;
  /** How much was done when it was first heard of: a resumed transfer does not begin at 0. */
  readonly from: number;
  /** When it was first heard of. */
  readonly since: Instant;
  /** When it last grew. */
  readonly now: Instant;
}

/** What is known of a submission. */
export interface TrainingView {
  /** How it waits, until it has a worker's slot. */
  readonly waiting?: QueueOutlook | undefined;
  readonly worker?: WorkerView;
  readonly available?: number;
  readonly link?: { readonly backend: "native" | "werift"; readonly tookMs: number };
  /** For how long the worker will be looked for, while it is lost. */
  readonly lostForMs?: number | undefined;
  readonly jobId?: JobId;
  readonly upload?: Progress;
  /** Epochs that are over; `max` is 0 where only the trainer's configuration knows it. */
  readonly training?: Progress;
  /** Frames that are predicted on. */
  readonly tracking?: Progress;
  readonly trainLosses: readonly number[];
  readonly valLosses: readonly number[];
  /** Whether the last epoch's losses are no numbers any more. */
  readonly isDiverged?: boolean;
  /** The least validation loss, and after which epoch, counted from 1. */
  readonly best?: { readonly loss: number; readonly epoch: number };
  /** The last line of the trainer's output. */
  readonly output?: string;
  /** How long the trainer took, once it has ended well. */
  readonly trainedMs?: number;
  readonly download?: Progress;
  readonly saved?: { readonly folder: string; readonly files: readonly FileEntry[] };
}

/** Losses that are kept for the plot: the last ones. Higher: memory; lower: a long run's start is lost. */
const LOSSES_MAX = 10_000;

/** Nothing is known yet. */
export const BLANK_VIEW: TrainingView = { trainLosses: [], valLosses: [] };

/** The view after `event`, which came at `now`. */
export function advance(view: TrainingView, event: SubmissionEvent, now: Instant): TrainingView {
  switch (event.type) {
    case "waiting":
      return { ...view, jobId: event.jobId, waiting: event.outlook };
    case "worker_chosen":
      return { ...view, worker: event.worker, available: event.available };
    case "worker_lost":
      return { ...view, lostForMs: event.leftMs };
    case "linked":
      return {
        ...view,
        lostForMs: undefined,
        link: { backend: event.backend, tookMs: event.tookMs },
      };
    case "leased":
      return { ...view, jobId: event.jobId, waiting: undefined };
    case "uploaded":
      return { ...view, upload: grown(view.upload, event.bytes, event.bytesMax, now) };
    case "started":
      return {
        ...view,
        jobId: event.jobId,
        training: grown(undefined, 0, event.epochsMax ?? 0, now),
      };
    case "epoch":
      return withEpoch(view, event.epoch, now);
    case "output":
      return event.text.trim() === "" ? view : withOutput(view, event.text, now);
    case "trained":
      return { ...view, trainedMs: event.durationMs };
    case "downloaded":
      return { ...view, download: grown(view.download, event.bytes, event.bytesMax, now) };
    case "saved":
      return { ...view, saved: { folder: event.folder, files: event.files } };
    default:
      return event satisfies never;
  }
}

function grown(
  before: Progress | undefined,
  done: number,
  max: number,
  now: Instant,
): Progress {
  return { done, max, from: before?.from ?? done, since: before?.since ?? now, now };
}

function withOutput(given: TrainingView, text: string, now: Instant): TrainingView {
  const view = stageOf(text) === "training" ? withoutModel(given, now) : given;
  const frames = trackingProgressOf(text);
  if (frames === undefined) return { ...view, output: text };
  // Another count of frames is that of another video.
  const before = view.tracking?.max === frames.max ? view.tracking : undefined;
  return { ...view, output: text, tracking: grown(before, frames.done, frames.max, now) };
}

/** The next model begins: what was learnt so far is of another one. */
function withoutModel({ best: _best, ...view }: TrainingView, now: Instant): TrainingView {
  const training = grown(undefined, 0, view.training?.max ?? 0, now);
  return { ...view, training, trainLosses: [], valLosses: [], isDiverged: false };
}

function withEpoch(
  view: TrainingView,
  row: Extract<SubmissionEvent, { type: "epoch" }>["epoch"],
  now: Instant,
): TrainingView {
  const { is_diverged: isDiverged = false } = row;
  const isLearnt = isOver(row);
  const done = isLearnt ? row.epoch + 1 : view.training?.done ?? 0;
  const isBest = isLearnt && row.val_loss !== null &&
    (view.best === undefined || row.val_loss < view.best.loss);
  return {
    ...view,
    training: grown(view.training, done, view.training?.max ?? 0, now),
    trainLosses: withLoss(view.trainLosses, row.train_loss),
    valLosses: withLoss(view.valLosses, row.val_loss),
    isDiverged,
    ...(isBest && row.val_loss !== null ? { best: { loss: row.val_loss, epoch: done } } : {}),
  };
}

function withLoss(losses: readonly number[], loss: number | null): readonly number[] {
  return loss === null ? losses : [...losses.slice(1 - LOSSES_MAX), loss];
}
