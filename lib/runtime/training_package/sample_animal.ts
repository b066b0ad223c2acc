/** A drawn animal that walks: what the sample package shows. Pure; knows no file format. */

import { type Random, SeededRandom } from "../../base/random.ts";
import type { Picture } from "./picture.ts";

/** The animal's keypoints, in the order of their coordinates. */
export const ANIMAL_NODES = ["head", "thorax", "abdomen"] as const;
/** Which keypoints are joined. */
export const ANIMAL_EDGES: readonly [string, string][] = [["thorax", "head"], [
  "thorax",
  "abdomen",
]];

/** A frame of the walk, and where the keypoints are in it: `[x, y]` in pixels. */
export interface AnimalFrame {
  readonly picture: Picture;
  readonly keypoints: readonly (readonly [number, number])[];
}

/** A part of the body: how far ahead of the thorax, how wide and how bright, by the body's size. */
const PARTS = [
  { ahead: 0.8, radius: 0.28, brightness: 1 },
  { ahead: 0, radius: 0.36, brightness: 0.75 },
  { ahead: -0.95, radius: 0.48, brightness: 0.5 },
] as const;

/** Parts of the picture's shorter side that the body's size takes, and that its noise makes. */
const BODY_SIZE = 0.18;
const NOISE = 0.06;

/** Draws a walk of `frames` frames, once round the arena. The same seed draws the same walk. */
export function drawWalk(
  { frames, seed, width, height }: { frames: number; seed: number; width: number; height: number },
): AnimalFrame[] {
  const random = new SeededRandom(seed);
  const start = 2 * Math.PI * random.next();
  const wobble = 2 * Math.PI * random.next();
  const size = BODY_SIZE * Math.min(width, height);
  return Array.from({ length: frames }, (_, index) => {
    const angle = start + (index / frames) * 2 * Math.PI;
    const reach = 0.24 + 0.04 * Math.sin(3 * angle + wobble);
    const x = width * (0.5 + reach * Math.cos(angle));
    const y = height * (0.5 + reach * Math.sin(angle));
    // Round the arena, its head a little to the left and right of where it goes.
    const heading = angle + Math.PI / 2 + 0.4 * Math.sin(2 * angle + wobble);
    const keypoints = PARTS.map(({ ahead }): [number, number] => [
      x + ahead * size * Math.cos(heading),
      y + ahead * size * Math.sin(heading),
    ]);
    return { picture: draw(keypoints, { width, height, size, random }), keypoints };
  });
}

function draw(
  keypoints: readonly [number, number][],
  { width, height, size, random }: { width: number; height: number; size: number; random: Random },
): Picture {
  const grey = new Float32Array(width * height);
  for (let pixel = 0; pixel < grey.length; pixel++) {
    const [x, y] = [pixel % width, Math.floor(pixel / width)];
    let light = 0.1 + NOISE * random.next();
    keypoints.forEach(([partX, partY], index) => {
      const part = PARTS[index];
      if (part === undefined) return;
      const distance = Math.hypot(x - partX, y - partY) / (part.radius * size);
      light = Math.max(light, part.brightness * Math.min(1, 2.5 - 2 * distance));
    });
    grey[pixel] = light;
  }
  return { width, height, grey };
}
