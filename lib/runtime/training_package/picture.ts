/** Pictures as grey values: decoding, shrinking, encoding. The one door to the picture codecs. */

import { decode as decodePng, encode as encodePng, hasPngSignature } from "fast-png";
import { decode as decodeJpeg } from "jpeg-js";

/** Pixels of a picture. Higher: a package makes us hold more; lower: large arenas fail. */
export const PICTURE_PIXELS_MAX = 64_000_000;

/** Grey values from 0 to 1, row by row. */
export interface Picture {
  readonly width: number;
  readonly height: number;
  readonly grey: Float32Array;
}

/**
 * Decodes a PNG or JPEG.
 *
 * @throws {Error} Where `bytes` are neither, are damaged, or hold more than
 * {@linkcode PICTURE_PIXELS_MAX} pixels.
 */
export function decodePicture(bytes: Uint8Array): Picture {
  if (hasPngSignature(bytes)) {
    const header = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    // The size stands in the header (PNG specification, 11.2.1): checked before anything inflates.
    checkPixels(header.getUint32(16) * header.getUint32(20));
    const { data, width, height, channels, depth, palette } = decodePng(bytes);
    if (depth < 8 || palette !== undefined) {
      throw new Error(`Expected a PNG of 8 or 16 bits a channel, got ${depth} bits with a palette`);
    }
    return { width, height, grey: greyOf(data, { channels, white: 2 ** depth - 1 }) };
  }
  if (bytes[0] === 0xff && bytes[1] === 0xd8) {
    const { data, width, height } = decodeJpeg(bytes, {
      useTArray: true,
      maxResolutionInMP: PICTURE_PIXELS_MAX / 1e6,
    });
    return { width, height, grey: greyOf(data, { channels: 4, white: 255 }) };
  }
  throw new Error("Expected a PNG or JPEG picture, got something else");
}

/** Encodes a picture as an 8-bit grey PNG. */
export function encodePicture({ width, height, grey }: Picture): Uint8Array {
  const data = Uint8Array.from(grey, (value) => Math.round(255 * Math.min(1, Math.max(0, value))));
  return encodePng({ width, height, data, channels: 1, depth: 8 });
}

/** `picture` as `size` × `size` grey values, each the mean of the area that it stands for. */
export function shrink({ width, height, grey }: Picture, size: number): Float32Array {
  const shrunk = new Float32Array(size * size);
  for (let row = 0; row < size; row++) {
    const [top, bottom] = span(row, size, height);
    for (let column = 0; column < size; column++) {
      const [left, right] = span(column, size, width);
      let sum = 0;
      for (let y = top; y < bottom; y++) {
        for (let x = left; x < right; x++) sum += grey[y * width + x] ?? 0;
      }
      shrunk[row * size + column] = sum / ((bottom - top) * (right - left));
    }
  }
  return shrunk;
}

/** The pixels, from and to, that cell `index` of `cells` stands for: at least one. */
function span(index: number, cells: number, pixels: number): [number, number] {
  const from = Math.min(pixels - 1, Math.floor((index * pixels) / cells));
  return [from, Math.max(from + 1, Math.floor(((index + 1) * pixels) / cells))];
}

/** The mean of the colours; transparency is left out. The order of the colours does not matter. */
function greyOf(
  data: ArrayLike<number>,
  { channels, white }: { channels: number; white: number },
): Float32Array {
  const colours = channels < 3 ? 1 : 3;
  const grey = new Float32Array(Math.floor(data.length / channels));
  for (let pixel = 0; pixel < grey.length; pixel++) {
    let sum = 0;
    for (let colour = 0; colour < colours; colour++) sum += data[pixel * channels + colour] ?? 0;
    grey[pixel] = sum / (colours * white);
  }
  return grey;
}

function checkPixels(pixels: number): void {
  if (pixels <= 0 || pixels > PICTURE_PIXELS_MAX) {
    throw new Error(`Expected a picture of 1 to ${PICTURE_PIXELS_MAX} pixels, got ${pixels}`);
  }
}
