/**
 * The demo trainer: a program that learns a package's own labels and writes what a trainer writes.
 * For trying sleap-rtc out where no sleap-nn is; knows nothing of rooms and jobs.
 */

import { basename } from "node:path";
import { SeededRandom } from "../../base/random.ts";
import { PackageRefused, readSamples, type Samples } from "../training_package.ts";
import { LinearPose, type Split, splitByFrame } from "./linear_pose.ts";
import { MODEL_NAME, TrainingLog, writeModel } from "./output_folder.ts";

/** What to train on and how. */
export interface DemoTrainerOptions {
  /** The training package. */
  readonly package: string;
  /** The folder for the log and the model; made where it is missing. */
  readonly output: string;
  /** 1 to 10,000. */
  readonly epochs: number;
  /** Above 0, at most 1. */
  readonly learningRate: number;
  /** 1 to 256 examples a step. */
  readonly batchSize: number;
  /** What the shuffles start from. */
  readonly seed: number;
  /** How long to rest after each epoch, so that people can watch. 0 where left out. */
  readonly epochDelayMs?: number;
}

/** Where lines go. */
export interface TrainerStreams {
  out(line: string): void;
  err(line: string): void;
}

/** How a training is asked to end before its time. */
export interface TrainerStops {
  /** Finish the epoch, write the model, end well. */
  readonly finish: AbortSignal;
  /** End at once, without a model. */
  readonly abandon: AbortSignal;
}

/** Pixels of a side of the pictures that are learnt from. Higher: finer and slower. */
const INPUT_SIZE = 24;
/** What a shell reports for a process that SIGTERM ended. */
const ABANDONED = 143;

/**
 * Trains as {@linkcode trainDemo} does, until done or asked by a signal: SIGINT finishes the epoch
 * and keeps the model, SIGTERM ends at once. Returns the exit code.
 */
export async function runDemoTrainer(
  options: DemoTrainerOptions,
  streams: TrainerStreams,
): Promise<number> {
  const finish = new AbortController();
  const abandon = new AbortController();
  const onInterrupt = () => finish.abort();
  const onTerminate = () => abandon.abort();
  // Windows has no SIGTERM to listen for: there it ends the process without asking.
  const canTerminate = Deno.build.os !== "windows";
  Deno.addSignalListener("SIGINT", onInterrupt);
  if (canTerminate) Deno.addSignalListener("SIGTERM", onTerminate);
  try {
    return await trainDemo(options, streams, { finish: finish.signal, abandon: abandon.signal });
  } finally {
    Deno.removeSignalListener("SIGINT", onInterrupt);
    if (canTerminate) Deno.removeSignalListener("SIGTERM", onTerminate);
  }
}

/**
 * Learns the package's labels and writes `training_log.csv`, row by row, and `best_model.json`.
 * Returns the exit code: 0 when done or asked to finish, 1 where the package is refused, 2 where an
 * option is wrong, 143 when abandoned.
 *
 * @throws {Error} Where the output folder cannot be written.
 */
export async function trainDemo(
  options: DemoTrainerOptions,
  streams: TrainerStreams,
  stops: TrainerStops,
): Promise<number> {
  const mistake = mistakeIn(options);
  if (mistake !== undefined) {
    streams.err(mistake);
    return 2;
  }
  try {
    return await train(options, streams, stops);
  } catch (error) {
    if (!(error instanceof PackageRefused)) throw error;
    streams.err(error.message);
    return 1;
  }
}

async function train(
  options: DemoTrainerOptions,
  { out }: TrainerStreams,
  stops: TrainerStops,
): Promise<number> {
  const { epochs, learningRate, batchSize, seed } = options;
  const data = await readSamples(options.package, { size: INPUT_SIZE });
  const random = new SeededRandom(seed);
  const split = splitByFrame(data.samples, random);
  out(describe(split, data));
  const model = new LinearPose(INPUT_SIZE ** 2, 2 * data.nodes.length);
  using log = await TrainingLog.create(options.output);
  const untrained = model.loss(split.validation);
  await log.add({ epoch: 0, valLoss: untrained, learningRate });
  let best = { epoch: -1, valLoss: untrained, weights: model.weights.slice() };
  let done = 0;
  while (done < epochs && !stops.finish.aborted) {
    const startMs = performance.now();
    const trainLoss = model.learnEpoch(split.training, { learningRate, batchSize, random });
    const learntMs = performance.now();
    const valLoss = model.loss(split.validation);
    const trainTimeS = (learntMs - startMs) / 1_000;
    const valTimeS = (performance.now() - learntMs) / 1_000;
    await log.add({ epoch: done, trainLoss, valLoss, learningRate, trainTimeS, valTimeS });
    if (valLoss < best.valLoss) {
      best = { epoch: done, valLoss, weights: model.weights.slice() };
    }
    done++;
    out(
      `Epoch ${done}/${epochs} train_loss=${trainLoss.toPrecision(4)} ` +
        `val_loss=${valLoss.toPrecision(4)}`,
    );
    // Also without a delay: signals are only heard when the event loop turns.
    await pause(options.epochDelayMs ?? 0, stops);
    if (stops.abandon.aborted) return ABANDONED;
  }
  await writeModel(options.output, {
    nodes: data.nodes,
    inputSize: INPUT_SIZE,
    weights: best.weights,
    facts: {
      package: basename(options.package),
      training_examples: split.training.length,
      validation_examples: split.validation.length,
      validation_is_training: split.isValidationTraining,
      epochs_asked: epochs,
      epochs_done: done,
      best_epoch: best.epoch,
      best_val_loss: best.valLoss,
      untrained_val_loss: untrained,
      learning_rate: learningRate,
      batch_size: batchSize,
      seed,
    },
  });
  const stopped = done < epochs ? `Stopped early after ${done} of ${epochs} epochs; ` : "";
  out(
    `${stopped}Wrote ${MODEL_NAME} of epoch ${best.epoch + 1}, ` +
      `val_loss=${best.valLoss.toPrecision(4)}`,
  );
  return 0;
}

function describe({ training, validation, isValidationTraining }: Split, data: Samples): string {
  const sentences = [
    `Learning ${data.nodes.length} keypoints from ${training.length} labelled animals, ` +
    (isValidationTraining
      ? "and judging by the same ones, since there is only one frame: val_loss flatters"
      : `judging by ${validation.length} others`),
  ];
  if (new Set(data.samples.map(({ frame }) => frame)).size < data.samples.length) {
    sentences.push("Frames show several animals, which this model cannot tell apart");
  }
  if (data.skipped > 0) {
    sentences.push(`Left out ${data.skipped} of another skeleton or without a visible keypoint`);
  }
  return sentences.join("; ");
}

/** Waits until the event loop has turned and the time is over, or the training is asked to end. */
function pause(durationMs: number, { finish, abandon }: TrainerStops): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      finish.removeEventListener("abort", end);
      abandon.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, finish.aborted || abandon.aborted ? 0 : durationMs);
    finish.addEventListener("abort", end);
    abandon.addEventListener("abort", end);
  });
}

/** What is wrong with `options`, in a sentence. */
function mistakeIn(options: DemoTrainerOptions): string | undefined {
  const { epochs, learningRate, batchSize, seed, epochDelayMs = 0 } = options;
  const rules: readonly [boolean, string][] = [
    [isWhole(epochs, 1, 10_000), `epochs to be a whole number from 1 to 10000, got ${epochs}`],
    [isWhole(batchSize, 1, 256), `batch size to be a whole number from 1 to 256, got ${batchSize}`],
    [isWhole(seed, 0, 2 ** 31 - 1), `seed to be a whole number from 0, got ${seed}`],
    [
      learningRate >= 1e-10 && learningRate <= 1,
      `learning rate to be a number from 1e-10 to 1, got ${learningRate}`,
    ],
    [
      isWhole(epochDelayMs, 0, 60_000),
      `epoch delay to be 0 to 60000 milliseconds, got ${epochDelayMs}`,
    ],
  ];
  const broken = rules.find(([holds]) => !holds);
  return broken === undefined ? undefined : `Expected the ${broken[1]}`;
}

function isWhole(value: number, min: number, max: number): boolean {
  return Number.isSafeInteger(value) && value >= min && value <= max;
}
