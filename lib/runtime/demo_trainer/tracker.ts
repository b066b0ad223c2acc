/**
 * The demo tracker: a program that predicts keypoints on a package's own frames. For trying sleap-rtc
 * out where no sleap-nn is; knows nothing of rooms and jobs.
 */

import {
  PackageRefused,
  type PredictedFrame,
  readSamples,
  type Sample,
  writePredictions,
} from "../training_package.ts";
import type { LinearPose } from "./linear_pose.ts";
import { readModel } from "./model_file.ts";

/** After so many frames it says how far it is. */
const FRAMES_A_LINE = 10;

/** What to predict on, with what, and where to. */
export interface DemoTrackerOptions {
  readonly package: string;
  /** The demo trainer's model. */
  readonly model: string;
  /** The file for the predictions, `.slp`. */
  readonly output: string;
}

/**
 * Predicts one animal on each labelled frame of the package. Returns the exit code: 0 when done, 1
 * where the package or the model cannot be used.
 *
 * @throws {Error} Where the output cannot be written.
 */
export async function trackDemo(
  options: DemoTrackerOptions,
  { out, err }: { out(line: string): void; err(line: string): void },
): Promise<number> {
  try {
    const { nodes, inputSize, pose } = await readModel(options.model);
    const { samples, nodes: skeleton } = await readSamples(options.package, { size: inputSize });
    if (nodes.join("\n") !== skeleton.join("\n")) {
      err(
        `Expected labels of ${nodes.join(", ")}, as the model knows them, got ${
          skeleton.join(", ")
        }`,
      );
      return 1;
    }
    const frames = new Map<number, PredictedFrame>();
    const frameCount = new Set(samples.map(({ frame }) => frame)).size;
    for (const sample of samples) {
      frames.set(sample.frame, predicted(sample, pose));
      if (frames.size % FRAMES_A_LINE === 0) out(`Predicting ${frames.size}/${frameCount}`);
    }
    await writePredictions(options.package, options.output, [...frames.values()]);
    out(`Predicted ${frames.size} frames`);
    return 0;
  } catch (error) {
    if (!(error instanceof PackageRefused)) throw error;
    err(error.message);
    return 1;
  }
}

function predicted({ frame, pixels, width, height }: Sample, pose: LinearPose): PredictedFrame {
  const places = pose.predict(pixels);
  const points = Array.from({ length: places.length / 2 }, (_, node): [number, number] => {
    return [(places[2 * node] ?? NaN) * width, (places[2 * node + 1] ?? NaN) * height];
  });
  return { frame, points };
}
