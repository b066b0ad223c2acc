/** Writes labels: packages as samples, and predictions. By way of `@talmolab/sleap-io.js`. */

import { basename } from "node:path";
import {
  Instance,
  LabeledFrame,
  Labels,
  loadSlp,
  PredictedInstance,
  saveSlp,
  Skeleton,
  Video,
} from "@talmolab/sleap-io.js";
import { EMBEDDED_VIDEO, embedPictures } from "./embedded_video.ts";
import { encodePicture } from "./picture.ts";
import { ANIMAL_EDGES, ANIMAL_NODES, drawWalk } from "./sample_animal.ts";

/**
 * Makes a training package of a drawn animal that walks, every frame labelled and embedded. The same
 * seed makes the same frames and labels.
 *
 * @throws {Error} Where the path does not end in `.pkg.slp`, a number is out of range, or the file
 * cannot be written.
 */
export async function writeSamplePackage(
  path: string,
  options: { frames: number; seed: number; width: number; height: number },
): Promise<void> {
  const { frames, width, height } = options;
  if (!path.endsWith(".pkg.slp")) {
    throw new Error(`Expected a path that ends in .pkg.slp, got ${path}`);
  }
  checkRange("frames", frames, 1, 1_000);
  checkRange("width", width, 32, 1_024);
  checkRange("height", height, 32, 1_024);
  const walk = drawWalk(options);
  const pictures = walk.map(({ picture }) => encodePicture(picture));
  const shape: [number, number, number, number] = [frames, height, width, 1];
  const video = new Video({
    filename: "sample_animal.mp4",
    // What the library writes down of the video; the pictures follow below.
    backendMetadata: { ...EMBEDDED_VIDEO, shape },
  });
  const skeleton = new Skeleton({
    name: "sample_animal",
    nodes: [...ANIMAL_NODES],
    edges: [...ANIMAL_EDGES],
  });
  const labeledFrames = walk.map(({ keypoints }, frameIdx) =>
    new LabeledFrame({
      video,
      frameIdx,
      instances: [Instance.fromArray(keypoints.map((point) => [...point]), skeleton)],
    })
  );
  const provenance = { made_by: "sleap-rtc", seed: options.seed };
  const labels = new Labels({ labeledFrames, videos: [video], skeletons: [skeleton], provenance });
  await saveSlp(labels, path);
  await embedPictures(path, pictures);
}

/** One predicted animal. */
export interface PredictedFrame {
  /** Which of the package's labelled frames, from 0. */
  readonly frame: number;
  /** x and y of each keypoint in pixels. */
  readonly points: readonly (readonly [x: number, y: number])[];
}

/**
 * Writes predictions on the frames of the package at `path`, which stay in the package.
 *
 * @throws {Error} Where a frame is not in the package, or the file cannot be written.
 */
export async function writePredictions(
  path: string,
  output: string,
  predicted: readonly PredictedFrame[],
): Promise<void> {
  const labels = await loadSlp(path, { openVideos: false });
  const labelled = labels.labeledFrames.filter((frame) => frame.hasUserInstances);
  const videos = new Map(labels.videos.map((video) => {
    const filename = video.hasEmbeddedImages ? basename(path) : video.filename;
    return [video, new Video({ filename, openBackend: false })];
  }));
  const labeledFrames = predicted.map(({ frame, points }) => {
    const source = labelled[frame];
    const skeleton = source?.userInstances[0]?.skeleton;
    const video = source === undefined ? undefined : videos.get(source.video);
    if (source === undefined || skeleton === undefined || video === undefined) {
      throw new Error(
        `Expected a labelled frame ${frame} in ${path}, got ${labelled.length} frames`,
      );
    }
    const instance = PredictedInstance.fromArray(points.map((point) => [...point]), skeleton, 1);
    return new LabeledFrame({ video, frameIdx: source.frameIdx, instances: [instance] });
  });
  const { skeletons } = labels;
  const provenance = { made_by: "sleap-rtc demo" };
  await saveSlp(
    new Labels({ labeledFrames, videos: [...videos.values()], skeletons, provenance }),
    output,
  );
}

function checkRange(name: string, value: number, min: number, max: number): void {
  if (!Number.isSafeInteger(value) || value < min || value > max) {
    throw new Error(`Expected ${name} to be a whole number from ${min} to ${max}, got ${value}`);
  }
}
