import { deepEqual, equal, ok, throws } from "node:assert/strict";
import { encode as encodePng } from "fast-png";
import { encode as encodeJpeg } from "jpeg-js";
import {
  decodePicture,
  encodePicture,
  shrink,
} from "../../../lib/runtime/training_package/picture.ts";

Deno.test("a grey picture survives encoding", () => {
  const picture = { width: 3, height: 1, grey: Float32Array.of(0, 0.2, 1) };
  deepEqual(decodePicture(encodePicture(picture)), picture);
});

Deno.test("colours become their mean, whatever their order, and transparency is left out", () => {
  const pixels = (channels: number, data: number[], depth: 8 | 16 = 8) =>
    decodePicture(encodePng({
      width: 1,
      height: 1,
      channels,
      depth,
      data: depth === 8 ? Uint8Array.from(data) : Uint16Array.from(data),
    })).grey[0] ?? NaN;
  equal(pixels(3, [255, 0, 0]), pixels(3, [0, 0, 255]));
  ok(Math.abs(pixels(4, [255, 255, 0, 7]) - 2 / 3) < 1e-6);
  equal(pixels(2, [255, 0]), 1);
  equal(pixels(1, [65_535], 16), 1);
});

Deno.test("a JPEG is decoded", () => {
  const data = new Uint8Array(4 * 8 * 8).fill(255);
  const { width, height, grey } = decodePicture(encodeJpeg({ width: 8, height: 8, data }, 90).data);
  deepEqual([width, height], [8, 8]);
  ok(grey.every((value) => value > 0.98));
});

Deno.test("what is no picture, or too large a one, is refused before it is unpacked", () => {
  throws(() => decodePicture(Uint8Array.of(1, 2, 3)), /Expected a PNG or JPEG picture/);
  const bomb = encodePicture({ width: 1, height: 1, grey: Float32Array.of(0) });
  const view = new DataView(bomb.buffer, bomb.byteOffset);
  view.setUint32(16, 1_000_000);
  view.setUint32(20, 1_000_000);
  throws(() => decodePicture(bomb), /of 1 to 64000000 pixels, got 1000000000000/);
});

const shrunk: [string, number, number, number[], number, number[]][] = [
  ["areas become their mean", 4, 2, [0, 1, 0, 0, 1, 0, 1, 1], 2, [0.5, 0, 0.5, 1]],
  ["the same size", 2, 2, [0, 1, 1, 0], 2, [0, 1, 1, 0]],
  ["a picture smaller than asked", 1, 1, [0.5], 2, [0.5, 0.5, 0.5, 0.5]],
  ["a width that does not divide", 3, 1, [0, 1, 1], 2, [0, 1, 0, 1]],
];
for (const [what, width, height, grey, size, wanted] of shrunk) {
  Deno.test(`a picture shrinks: ${what}`, () => {
    deepEqual([...shrink({ width, height, grey: Float32Array.from(grey) }, size)], wanted);
  });
}
