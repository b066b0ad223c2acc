import { deepEqual, equal, ok } from "node:assert/strict";
import { SeededRandom } from "../../../lib/base/random.ts";
import {
  type Example,
  LinearPose,
  splitByFrame,
} from "../../../lib/runtime/demo_trainer/linear_pose.ts";

/** A bright dot that walks along a line of pixels: its place is a linear map of what is seen. */
function walkingDot(count: number): Example[] {
  return Array.from({ length: count }, (_, frame) => ({
    frame,
    pixels: Float32Array.from({ length: count }, (_, pixel) => pixel === frame ? 1 : 0),
    keypoints: Float32Array.of(frame / count, 1 - frame / count),
  }));
}

Deno.test("a model that learnt nothing believes in the corner", () => {
  const model = new LinearPose(4, 2);
  deepEqual([...model.predict(Float32Array.of(1, 0, 0, 0))], [0, 0]);
  const [example] = walkingDot(4).slice(2);
  ok(example !== undefined);
  equal(model.loss([example]), 0.25);
});

Deno.test("a model learns a linear relation almost exactly", () => {
  const model = new LinearPose(8, 2);
  const examples = walkingDot(8);
  const before = model.loss(examples);
  const options = { learningRate: 0.02, batchSize: 4, random: new SeededRandom(1) };
  for (let epoch = 0; epoch < 200; epoch++) model.learnEpoch(examples, options);
  ok(model.loss(examples) < before / 1_000, `${model.loss(examples)} of ${before}`);
});

Deno.test("the loss on the way is that of each batch before its step", () => {
  const examples = walkingDot(4);
  const model = new LinearPose(4, 2);
  const before = model.loss(examples);
  const options = { learningRate: 0.1, batchSize: 4, random: new SeededRandom(1) };
  ok(Math.abs(model.learnEpoch(examples, options) - before) < 1e-6);
});

Deno.test("an unknown keypoint neither counts nor teaches", () => {
  const known = { frame: 0, pixels: Float32Array.of(1, 0), keypoints: Float32Array.of(0.5, 0.5) };
  const half = { ...known, keypoints: Float32Array.of(0.5, NaN) };
  const model = new LinearPose(2, 2);
  equal(model.loss([half]), 0.25);
  model.learnEpoch([half], { learningRate: 0.1, batchSize: 1, random: new SeededRandom(1) });
  const [taught, untaught] = model.predict(known.pixels);
  ok((taught ?? 0) > 0);
  equal(untaught, 0);
});

Deno.test("a picture without contrast teaches the constant only", () => {
  const flat = {
    frame: 0,
    pixels: new Float32Array(3).fill(0.7),
    keypoints: Float32Array.of(1, 1),
  };
  const model = new LinearPose(3, 2);
  model.learnEpoch([flat], { learningRate: 0.1, batchSize: 1, random: new SeededRandom(1) });
  deepEqual([...model.weights].map((weight) => weight !== 0), [
    false,
    false,
    false,
    true,
    false,
    false,
    false,
    true,
  ]);
});

Deno.test("a split holds whole frames back, by its seed", () => {
  const examples = walkingDot(20).flatMap((example) => [example, { ...example }]);
  const { training, validation, isValidationTraining } = splitByFrame(
    examples,
    new SeededRandom(5),
  );
  deepEqual([training.length, validation.length, isValidationTraining], [36, 4, false]);
  const held = new Set(validation.map(({ frame }) => frame));
  equal(held.size, 2);
  equal(training.some(({ frame }) => held.has(frame)), false);
  deepEqual(splitByFrame(examples, new SeededRandom(5)).validation, validation);
});

Deno.test("two frames give one each, a single one has to serve for both", () => {
  const [first, second] = walkingDot(2);
  ok(first !== undefined && second !== undefined);
  const two = splitByFrame([first, second], new SeededRandom(1));
  deepEqual([two.training.length, two.validation.length], [1, 1]);
  const one = splitByFrame([first, first], new SeededRandom(1));
  deepEqual([one.training.length, one.validation.length, one.isValidationTraining], [2, 2, true]);
});
