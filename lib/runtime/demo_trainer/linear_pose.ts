/**
 * A linear map from a shrunken picture to keypoints, and how it learns. Pure: no file, clock or
 * chance of its own. It is a toy that learns honestly, not a pose estimator.
 */

import { type Random, shuffle } from "../../base/random.ts";

/** What is learnt from: a picture's grey values, and its keypoints as x, y pairs; NaN is unknown. */
export interface Example {
  /** Examples of one frame show the same picture, so they are kept on one side of a split. */
  readonly frame: number;
  readonly pixels: Float32Array;
  readonly keypoints: Float32Array;
}

/** Examples to learn from, and examples to judge by. */
export interface Split {
  readonly training: readonly Example[];
  readonly validation: readonly Example[];
  /** Whether there is but one frame, which then has to serve for both: the loss flatters. */
  readonly isValidationTraining: boolean;
}

/** The part of the frames that is held back, as sleap-nn holds back. */
const VALIDATION_FRACTION = 0.1;

/** Splits `examples` by frame, at random: at least one frame is held back where there are two. */
export function splitByFrame(examples: readonly Example[], random: Random): Split {
  const frames = shuffle([...new Set(examples.map(({ frame }) => frame))], random);
  if (frames.length < 2) {
    return { training: examples, validation: examples, isValidationTraining: true };
  }
  const held = new Set(
    frames.slice(0, Math.max(1, Math.round(VALIDATION_FRACTION * frames.length))),
  );
  return {
    training: examples.filter(({ frame }) => !held.has(frame)),
    validation: examples.filter(({ frame }) => held.has(frame)),
    isValidationTraining: false,
  };
}

/** Decay of Adam's two means and its guard against nought; its authors' values. */
const MEAN_DECAY = 0.9;
const SQUARE_DECAY = 0.999;
const GUARD = 1e-8;

/**
 * The map: an output is a weighted sum of the picture's features plus a constant. It begins with all
 * weights nought: every keypoint in the upper left corner.
 *
 * It learns by mini-batch gradient descent with Adam's step sizes (Kingma and Ba, "Adam: A Method
 * for Stochastic Optimization", 2015), so that learning rates as people use for sleap-nn work.
 */
export class LinearPose {
  /** A row for each output; the last weight of a row is its constant. */
  readonly weights: Float32Array;
  readonly #inputs: number;
  readonly #outputs: number;
  readonly #means: Float32Array;
  readonly #squares: Float32Array;
  #steps = 0;

  /** @param pixels Grey values of a picture. @param outputs Coordinates: twice the keypoints. */
  constructor(pixels: number, outputs: number) {
    this.#inputs = pixels + 1;
    this.#outputs = outputs;
    this.weights = new Float32Array(this.#inputs * outputs);
    this.#means = new Float32Array(this.weights.length);
    this.#squares = new Float32Array(this.weights.length);
  }

  /** Where the keypoints of `pixels` are believed to be: x, y pairs from 0 to 1 of the frame. */
  predict(pixels: Float32Array): Float32Array {
    return this.#apply(featuresOf(pixels));
  }

  /** The mean squared error over the known coordinates of `examples`, in squared frame sizes. */
  loss(examples: readonly Example[]): number {
    let sum = 0;
    let count = 0;
    for (const { pixels, keypoints } of examples) {
      const guess = this.predict(pixels);
      const errors = errorsOf(guess, keypoints);
      sum += errors.reduce((total, error) => total + error * error, 0);
      count += keypoints.reduce((total, value) => total + (Number.isNaN(value) ? 0 : 1), 0);
    }
    return count === 0 ? 0 : sum / count;
  }

  /**
   * Learns once from each of `examples`, in random order and batches of `batchSize`. Returns the
   * loss on the way: of each batch before its step, averaged over known coordinates.
   */
  learnEpoch(
    examples: readonly Example[],
    { learningRate, batchSize, random }: {
      learningRate: number;
      batchSize: number;
      random: Random;
    },
  ): number {
    const order = shuffle(examples, random);
    let sum = 0;
    let count = 0;
    for (let from = 0; from < order.length; from += batchSize) {
      const batch = this.#gradient(order.slice(from, from + batchSize));
      sum += batch.squares;
      count += batch.count;
      this.#step(batch.gradient, learningRate);
    }
    return count === 0 ? 0 : sum / count;
  }

  /** The gradient of the batch's mean squared error, its sum of squares and its coordinates. */
  #gradient(batch: readonly Example[]): { gradient: Float32Array; squares: number; count: number } {
    const gradient = new Float32Array(this.weights.length);
    let squares = 0;
    let count = 0;
    for (const { pixels, keypoints } of batch) {
      const features = featuresOf(pixels);
      const errors = errorsOf(this.#apply(features), keypoints);
      for (const [output, error] of errors.entries()) {
        if (Number.isNaN(keypoints[output])) continue;
        squares += error * error;
        count++;
        const row = output * this.#inputs;
        for (const [input, feature] of features.entries()) {
          gradient[row + input] = (gradient[row + input] ?? 0) + 2 * error * feature;
        }
      }
    }
    const scale = count === 0 ? 0 : 1 / count;
    return { gradient: gradient.map((value) => value * scale), squares, count };
  }

  #step(gradient: Float32Array, learningRate: number): void {
    this.#steps++;
    const meanScale = 1 / (1 - MEAN_DECAY ** this.#steps);
    const squareScale = 1 / (1 - SQUARE_DECAY ** this.#steps);
    for (const [index, slope] of gradient.entries()) {
      const mean = MEAN_DECAY * (this.#means[index] ?? 0) + (1 - MEAN_DECAY) * slope;
      const square = SQUARE_DECAY * (this.#squares[index] ?? 0) +
        (1 - SQUARE_DECAY) * slope * slope;
      this.#means[index] = mean;
      this.#squares[index] = square;
      const step = (mean * meanScale) / (Math.sqrt(square * squareScale) + GUARD);
      this.weights[index] = (this.weights[index] ?? 0) - learningRate * step;
    }
  }

  #apply(features: Float32Array): Float32Array {
    const outputs = new Float32Array(this.#outputs);
    for (let output = 0; output < this.#outputs; output++) {
      const row = output * this.#inputs;
      let sum = 0;
      for (let input = 0; input < this.#inputs; input++) {
        sum += (this.weights[row + input] ?? 0) * (features[input] ?? 0);
      }
      outputs[output] = sum;
    }
    return outputs;
  }
}

/** The grey values less their mean, to unit length, and a constant one: light does not matter. */
function featuresOf(pixels: Float32Array): Float32Array {
  const mean = pixels.reduce((sum, value) => sum + value, 0) / Math.max(1, pixels.length);
  const length = Math.hypot(...pixels.map((value) => value - mean));
  const scale = length === 0 ? 0 : 1 / length;
  const features = new Float32Array(pixels.length + 1);
  for (const [index, value] of pixels.entries()) features[index] = (value - mean) * scale;
  features[pixels.length] = 1;
  return features;
}

/** How far off each coordinate is; nought where it is unknown. */
function errorsOf(guess: Float32Array, keypoints: Float32Array): Float32Array {
  return guess.map((value, index) => {
    const wanted = keypoints[index] ?? NaN;
    return Number.isNaN(wanted) ? 0 : value - wanted;
  });
}
