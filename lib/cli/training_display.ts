/**
 * A submission as lines: live for a terminal, plain for a file, JSON for a program. Knows how it
 * looks; printing is `training_screen.ts`.
 */

import { formatDuration, SECOND_MS } from "../base/time.ts";
import type { SubmissionEvent } from "../client/event.ts";
import { stageOf } from "../job/stage_title.ts";
import { isOver } from "../protocol/job_message.ts";
import { gpuMemoryMb } from "../protocol/worker.ts";
import { bar, count, formatBytes, formatEta, formatLoss, formatMemory, share } from "./amount.ts";
import { plotLines } from "./plot.ts";
import { waitingFacts, waitingText } from "./queue_text.ts";
import { cleanText, fitText, paint } from "./terminal_text.ts";
import type { Progress, TrainingView } from "./training_view.ts";

/** The screen that lines are made for. */
export interface LiveScreen {
  readonly columns: number;
  readonly rows: number;
  readonly isColored: boolean;
}

/** How much is told to somebody who reads line by line. */
export interface PlainStyle {
  /** Whether the trainer's own lines are told too; they mostly say what ours say. */
  readonly isVerbose: boolean;
  /** Every which epoch is told, besides the first and the last: 1 for all. */
  readonly epochStep: number;
}

/** A bar takes this part of the screen, between these widths. */
const BAR_SHARE = 0.25;
const BAR_COLUMNS_MIN = 4;
const BAR_COLUMNS_MAX = 24;
const LABEL_COLUMNS = 9;
const PLOT_ROWS = 8;
/** Lines besides the plot, and the one that the cursor stands in. */
const OTHER_ROWS = 9;
/** Plain lines tell a transfer in this many steps. */
const PLAIN_STEPS = 4;

/** Everything that is known, as lines that fit the screen; they replace the ones drawn before. */
export function liveLines(view: TrainingView, screen: LiveScreen): string[] {
  const { columns, rows, isColored } = screen;
  const label = (name: string, text: string) => {
    const line = fitText(text, columns - LABEL_COLUMNS - 1);
    return `${paint(name.padEnd(LABEL_COLUMNS), "dim", isColored)}${line}`;
  };
  const barColumns = Math.min(
    BAR_COLUMNS_MAX,
    Math.max(BAR_COLUMNS_MIN, Math.floor(columns * BAR_SHARE)),
  );
  const lines: string[] = [];
  if (view.jobId !== undefined) lines.push(label("job", view.jobId));
  if (view.waiting !== undefined) lines.push(label("waiting", waitingText(view.waiting)));
  if (view.worker !== undefined) lines.push(label("worker", workerText(view)));
  if (view.link !== undefined) lines.push(label("link", linkText(view.link)));
  if (view.lostForMs !== undefined) {
    const left = formatDuration(view.lostForMs);
    lines.push(label("lost", `the worker; looking for it for ${left} (the job goes on there)`));
  }
  if (view.upload !== undefined) lines.push(label("upload", transferText(view.upload, barColumns)));
  // Predictions alone have no epochs.
  const hasEpochs = view.training?.done !== 0 || view.training.max > 0;
  if (view.training !== undefined && (hasEpochs || view.tracking === undefined)) {
    lines.push(label("training", trainingText(view, view.training, barColumns)));
  }
  if (hasLosses(view)) {
    lines.push(label("loss", lossText(view)));
  }
  if (view.tracking !== undefined) {
    lines.push(label("frames", framesText(view.tracking, barColumns)));
  }
  const height = Math.min(PLOT_ROWS, rows - OTHER_ROWS - 2);
  if (height >= 3) {
    const curves = [view.trainLosses, view.valLosses];
    lines.push(...plotLines(curves, { columns: columns - 1, height, isColored }));
  }
  if (view.output !== undefined && view.saved === undefined && view.download === undefined) {
    lines.push(label("output", cleanText(view.output)));
  }
  if (view.download !== undefined) {
    lines.push(label("results", transferText(view.download, barColumns)));
  }
  if (view.saved !== undefined) lines.push(label("saved", savedText(view.saved)));
  return lines;
}

/** What `event` adds for somebody who reads line by line. `before` and `after` are the views around it. */
export function plainLines(
  before: TrainingView,
  event: SubmissionEvent,
  after: TrainingView,
  { isVerbose, epochStep }: PlainStyle,
): string[] {
  switch (event.type) {
    case "waiting":
      return [
        ...(before.waiting === undefined
          ? [`${event.jobId} waits for its turn; Ctrl-C leaves the queue`]
          : []),
        `Waiting: ${waitingText(event.outlook)}`,
      ];
    case "worker_chosen":
      return [`Chose ${workerText(after)}`];
    case "linked":
      return [`Linked: ${linkText(event)}`];
    case "leased":
      return [`Reserved for ${event.jobId}`];
    case "uploaded":
      return stepLines("Uploaded", before.upload, after.upload);
    case "started":
      return [
        event.epochsMax === undefined
          ? "Started"
          : `Training started, at most ${event.epochsMax} epochs`,
      ];
    case "epoch":
      return epochLines(event, after, epochStep);
    case "output":
      if (event.isOfWorker === true || stageOf(event.text) !== undefined) {
        return [cleanText(event.text)];
      }
      return isVerbose && event.text.trim() !== ""
        ? [`  ${cleanText(event.text)}`]
        : framesLines(before.tracking, after.tracking);
    case "worker_lost":
      return [
        `Lost the worker; looking for it for ${
          formatDuration(event.leftMs)
        } (the job goes on there)`,
      ];
    case "trained":
      return [`${hasLosses(after) ? "Trained" : "Done"} in ${formatDuration(event.durationMs)}`];
    case "downloaded":
      return stepLines("Downloaded", before.download, after.download);
    case "saved":
      return [`Saved ${savedText(event)}`];
    default:
      return event satisfies never;
  }
}

/** The event as one object for a program; names are those of the protocol. */
export function jsonEvent(event: SubmissionEvent): Readonly<Record<string, unknown>> {
  switch (event.type) {
    case "waiting":
      return { event: event.type, job_id: event.jobId, ...waitingFacts(event.outlook) };
    case "worker_chosen":
      return { event: event.type, worker: event.worker, available: event.available };
    case "linked":
      return { event: event.type, rtc: event.backend, took_ms: event.tookMs };
    case "leased":
      return { event: event.type, job_id: event.jobId };
    case "uploaded":
    case "downloaded":
      return { event: event.type, bytes: event.bytes, bytes_max: event.bytesMax };
    case "started":
      return { event: event.type, job_id: event.jobId, epochs_max: event.epochsMax ?? null };
    case "epoch":
      return { event: event.type, ...event.epoch };
    case "output":
      return {
        event: event.type,
        stream: event.stream,
        text: event.text,
        ...(event.isOfWorker === true ? { by_worker: true } : {}),
      };
    case "worker_lost":
      return {
        event: event.type,
        worker: event.worker,
        reason: event.reason,
        left_ms: event.leftMs,
      };
    case "trained":
      return { event: event.type, duration_ms: event.durationMs };
    case "saved":
      return { event: event.type, folder: event.folder, files: event.files };
    default:
      return event satisfies never;
  }
}

function workerText({ worker, available }: TrainingView): string {
  if (worker === undefined) return "";
  const model = worker.metadata.properties["gpu_model"];
  const facts = [
    formatMemory(gpuMemoryMb(worker.metadata)),
    ...(typeof model === "string" ? [cleanText(model)] : []),
    ...(available === undefined ? [] : [`1 of ${available} available`]),
  ];
  return `${cleanText(worker.peer_id)} (${facts.filter((fact) => fact !== "-").join(", ")})`;
}

function linkText({ backend, tookMs }: { backend: string; tookMs: number }): string {
  return `${backend}, open after ${formatDuration(tookMs)}`;
}

function transferText(progress: Progress, barColumns: number): string {
  const { done, from, max, since, now } = progress;
  const elapsedMs = now - since;
  const moved = done - from;
  const rate = elapsedMs > 0 && moved > 0 ? `${formatBytes(moved / elapsedMs * SECOND_MS)}/s` : "";
  return joined([
    `${bar(done, max, barColumns)} ${percent(progress)}`,
    `${formatBytes(done)} of ${formatBytes(max)}`,
    rate,
    formatEta(moved, max - from, elapsedMs),
  ]);
}

function trainingText({ trainedMs }: TrainingView, progress: Progress, barColumns: number): string {
  const { done, from, max, since, now } = progress;
  const elapsedMs = now - since;
  const trained = done - from;
  if (trainedMs !== undefined) {
    const filled = bar(1, 1, barColumns);
    return joined([`${filled} ${count(done, "epoch")}`, `in ${formatDuration(trainedMs)}`]);
  }
  const pace = elapsedMs > 0 && trained > 0
    ? `${formatDuration(elapsedMs / trained)} an epoch`
    : done > 0
    ? ""
    : "starting";
  if (max === 0) return joined([count(done, "epoch"), pace]);
  return joined([
    `${bar(done, max, barColumns)} ${percent(progress)}`,
    `${done} of ${max} epochs`,
    pace,
    formatEta(trained, max - from, elapsedMs),
  ]);
}

function lossText(view: TrainingView): string {
  const best = view.best === undefined
    ? ""
    : `best ${formatLoss(view.best.loss)} after epoch ${view.best.epoch}`;
  return joined([
    `train ${formatLoss(view.isDiverged === true ? NaN : view.trainLosses.at(-1))}`,
    `validation ${formatLoss(view.isDiverged === true ? NaN : view.valLosses.at(-1))}`,
    best,
  ]);
}

/** Whether it is a training, as far as it has told. */
function hasLosses({ trainLosses, valLosses, isDiverged }: TrainingView): boolean {
  return trainLosses.length + valLosses.length > 0 || isDiverged === true;
}

function savedText({ folder, files }: NonNullable<TrainingView["saved"]>): string {
  const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
  return `${count(files.length, "file")}, ${formatBytes(bytes)}, in ${folder}`;
}

function epochLines(
  { epoch }: Extract<SubmissionEvent, { type: "epoch" }>,
  { training }: TrainingView,
  step: number,
): string[] {
  const { is_diverged: isDiverged = false } = epoch;
  if (epoch.train_loss === null && epoch.val_loss === null && !isDiverged) return [];
  const done = epoch.epoch + 1;
  const isTold = done % step === 0 || done === 1 || done === training?.max;
  if (!isTold) return [];
  const max = training === undefined || training.max === 0 ? "" : `/${training.max}`;
  const lossOf = (loss: number | null) => formatLoss(loss ?? (isDiverged ? NaN : null));
  const name = isOver(epoch) ? `Epoch ${done}${max}` : "Before training";
  const train = epoch.train_loss === null && !isDiverged
    ? ""
    : `train_loss ${lossOf(epoch.train_loss)}`;
  return [`${name}: ${joined([train, `val_loss ${lossOf(epoch.val_loss)}`])}`];
}

function framesText(progress: Progress, barColumns: number): string {
  const { done, from, max, since, now } = progress;
  const elapsedMs = now - since;
  const rate = elapsedMs > 0 && done > from
    ? `${((done - from) / elapsedMs * SECOND_MS).toPrecision(3)} frames/s`
    : "";
  return joined([
    `${bar(done, max, barColumns)} ${percent(progress)}`,
    `${done} of ${max} frames`,
    rate,
    formatEta(done - from, max - from, elapsedMs),
  ]);
}

function framesLines(before: Progress | undefined, after: Progress | undefined): string[] {
  if (after === undefined || !isStep(before, after)) return [];
  return [`Predicted on ${after.done} of ${after.max} frames (${percent(after)})`];
}

/** One line for each quarter that was reached. */
function stepLines(
  verb: string,
  before: Progress | undefined,
  after: Progress | undefined,
): string[] {
  if (after === undefined) return [];
  if (!isStep(before, after)) return [];
  return [`${verb} ${formatBytes(after.done)} of ${formatBytes(after.max)} (${percent(after)})`];
}

/** Whether a quarter was reached. */
function isStep(before: Progress | undefined, after: Progress): boolean {
  const step = (progress: Progress) => Math.floor(share(progress.done, progress.max) * PLAIN_STEPS);
  return step(after) !== (before === undefined ? 0 : step(before));
}

function percent({ done, max }: Progress): string {
  return `${Math.floor(share(done, max) * 100)} %`;
}

function joined(parts: readonly string[]): string {
  return parts.filter((part) => part !== "").join("  ");
}
