/** How a SLEAP package keeps its pictures. By way of `h5wasm`; knows nothing of labels. */

import { File, Group, ready } from "h5wasm/node";

/** What a package's list of videos says of its first video where its pictures are inside. */
export const EMBEDDED_VIDEO = {
  filename: ".",
  dataset: "video0/video",
  format: "png",
  channel_order: "RGB",
} as const;

/**
 * Adds `pictures`, encoded as PNG, to the package at `path` as frames 0, 1, … of its first video.
 *
 * SLEAP wants a row a picture, filled up with noughts. `@talmolab/sleap-io.js` (0.5.9) embeds them
 * end to end in one long row, which SLEAP's own reader (sleap-io 0.9.5 for Python) cannot decode.
 *
 * @throws {Error} Where the file cannot be written.
 */
export async function embedPictures(path: string, pictures: readonly Uint8Array[]): Promise<void> {
  await ready;
  const rowBytes = Math.max(...pictures.map((picture) => picture.length));
  const rows = new Int8Array(pictures.length * rowBytes);
  pictures.forEach((picture, index) => rows.set(picture, index * rowBytes));
  const file = new File(path, "a");
  try {
    const group = file.create_group("video0");
    if (!(group instanceof Group)) {
      throw new Error(`Expected to add frames to ${path}, got refused`);
    }
    const video = group.create_dataset({
      name: "video",
      data: rows,
      shape: [pictures.length, rowBytes],
      dtype: "<b",
    });
    video.create_attribute("format", EMBEDDED_VIDEO.format);
    video.create_attribute("channel_order", EMBEDDED_VIDEO.channel_order);
    group.create_dataset({
      name: "frame_numbers",
      data: Int32Array.from(pictures.keys()),
      shape: [pictures.length],
      dtype: "<i4",
    });
    group.create_dataset({
      name: "frame_sizes",
      data: Int32Array.from(pictures, (picture) => picture.length),
      shape: [pictures.length],
      dtype: "<i4",
    });
  } finally {
    file.close();
  }
}
