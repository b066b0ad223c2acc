/**
 * SLEAP training packages: looked into, and read for the demo trainer. By way of
 * `@talmolab/sleap-io.js`; knows nothing of rooms, jobs and learning.
 */

import { type LabeledFrame, type Labels, loadSlp, type Video } from "@talmolab/sleap-io.js";
import { decodePicture, shrink } from "./training_package/picture.ts";
import { EXPORT_ADVICE, PackageRefused } from "./training_package/refusal.ts";
import {
  describeContent,
  hdf5Bytes,
  isHdf5,
  SIGNATURE_BYTES,
} from "./training_package/signature.ts";

export {
  type PredictedFrame,
  writePredictions,
  writeSamplePackage,
} from "./training_package/label_writer.ts";
export { PackageRefused, type RefusalReason } from "./training_package/refusal.ts";

/** A video of a package. */
export interface VideoFacts {
  /** Where the video was when it was labelled, or an image sequence's first picture. */
  readonly source: string;
  /** Whether its labelled frames are in the package itself. */
  readonly isEmbedded: boolean;
  /** Frames of the video as far as the file knows, and their size in pixels. */
  readonly shape?: {
    readonly frames: number;
    readonly height: number;
    readonly width: number;
    readonly channels: number;
  };
}

/** What is in a package. */
export interface PackageFacts {
  readonly path: string;
  readonly bytes: number;
  /** Frames that a person has labelled, and how many animals are labelled in them. */
  readonly labelledFrames: number;
  readonly instances: number;
  /** The skeleton's keypoints. */
  readonly nodes: readonly string[];
  readonly videos: readonly VideoFacts[];
}

/** An animal in a frame. Frames with several animals appear several times, with the same pixels. */
export interface Sample {
  /** Which frame, from 0. */
  readonly frame: number;
  /** The frame shrunk to a square of grey values from 0 to 1. */
  readonly pixels: Float32Array;
  /** x and y of each keypoint, from 0 to 1 of the frame's width and height; NaN where invisible. */
  readonly keypoints: Float32Array;
  /** The frame's own size in pixels. */
  readonly width: number;
  readonly height: number;
}

/** What the demo trainer learns from. */
export interface Samples {
  /** Pixels of a side. */
  readonly size: number;
  readonly nodes: readonly string[];
  readonly samples: readonly Sample[];
  /** Animals left out, because they have another skeleton or no visible keypoint. */
  readonly skipped: number;
}

/** Videos that a refusal lists. */
const LISTED_MAX = 5;

/**
 * Looks into the package at `path`. Opens no video and no other file, whatever the package names.
 *
 * @param options.frames Whether its labelled frames must be inside, or may be in videos elsewhere.
 * @throws {PackageRefused} Where it is not one that a worker could train on.
 */
export async function inspectPackage(
  path: string,
  { frames }: { readonly frames: "inside" | "anywhere" } = { frames: "inside" },
): Promise<PackageFacts> {
  const bytes = await checkContent(path);
  const labels = await load(path, { withFrames: false });
  const labelled = labelledFrames(path, labels);
  if (frames === "inside") checkFramesAreHere(path, labelled.map((frame) => frame.video));
  return {
    path,
    bytes,
    labelledFrames: labelled.length,
    instances: labelled.reduce((sum, frame) => sum + frame.userInstances.length, 0),
    nodes: labels.skeletons[0]?.nodeNames ?? [],
    videos: labels.videos.map(videoFacts),
  };
}

/**
 * Reads what is labelled in the package at `path`, its frames shrunk to `size` × `size` pixels.
 *
 * @throws {PackageRefused} As {@linkcode inspectPackage}, and where a video without labels lives
 * elsewhere, or a frame is missing or cannot be decoded.
 */
export async function readSamples(path: string, { size }: { size: number }): Promise<Samples> {
  const facts = await inspectPackage(path);
  // Loading frames opens every video, wherever it is: a file, or an address of somebody's network.
  const elsewhere = facts.videos.filter((video) => !video.isEmbedded);
  if (elsewhere.length > 0) throw framesElsewhere(path, elsewhere.map((video) => video.source));
  const labels = await load(path, { withFrames: true });
  try {
    return await samplesOf(path, labels, size);
  } finally {
    labels.videos.forEach(closeVideo);
  }
}

/** The size of the file at `path` in bytes, once its first bytes are those of a whole HDF5 file. */
async function checkContent(path: string): Promise<number> {
  const { head, bytes } = await readHead(path);
  if (bytes === 0) throw new PackageRefused("empty", path, { got: "an empty file" });
  if (!isHdf5(head)) throw new PackageRefused("not_hdf5", path, { got: describeContent(head) });
  const wanted = hdf5Bytes(head);
  if (wanted !== undefined && bytes < wanted) {
    const got = `only ${bytes} of its ${wanted} bytes`;
    throw new PackageRefused("incomplete", path, { got, advice: "copy or download it again" });
  }
  return bytes;
}

async function readHead(path: string): Promise<{ head: Uint8Array; bytes: number }> {
  const advice = "check the path";
  try {
    // Asked before it is opened: opening a pipe would wait for somebody to write.
    const info = await Deno.stat(path);
    if (!info.isFile) {
      const got = info.isDirectory ? "a folder" : "something that is no file";
      throw new PackageRefused("not_a_file", path, { got, advice });
    }
    using file = await Deno.open(path);
    const head = new Uint8Array(SIGNATURE_BYTES);
    const count = await file.read(head) ?? 0;
    return { head: head.subarray(0, count), bytes: info.size };
  } catch (cause) {
    if (cause instanceof Deno.errors.NotFound) {
      throw new PackageRefused("no_such_file", path, { got: "no such file", advice, cause });
    }
    if (cause instanceof Deno.errors.PermissionDenied) {
      const got = "a file that you may not read";
      throw new PackageRefused("not_readable", path, { got, advice: "check its rights", cause });
    }
    throw cause;
  }
}

async function load(path: string, { withFrames }: { withFrames: boolean }): Promise<Labels> {
  try {
    return await loadSlp(path, { openVideos: withFrames });
  } catch (cause) {
    const got = "an HDF5 file without SLEAP labels";
    throw new PackageRefused("not_sleap", path, { got, cause });
  }
}

function labelledFrames(path: string, labels: Labels): LabeledFrame[] {
  const labelled = labels.labeledFrames.filter((frame) => frame.hasUserInstances);
  if (labelled.length > 0) return labelled;
  const count = labels.labeledFrames.length;
  const got = count === 0 ? "no labelled frame" : `${count} predicted frames and no labelled one`;
  const advice = `label some frames in SLEAP first, then ${EXPORT_ADVICE}`;
  throw new PackageRefused("no_labels", path, { got, advice });
}

function checkFramesAreHere(path: string, videos: readonly Video[]): void {
  const elsewhere = new Set(videos.filter((video) => !video.hasEmbeddedImages).map(sourceOf));
  if (elsewhere.size > 0) throw framesElsewhere(path, [...elsewhere]);
}

function framesElsewhere(path: string, sources: readonly string[]): PackageRefused {
  const listed = sources.slice(0, LISTED_MAX).map((source) => JSON.stringify(source));
  const more = sources.length > LISTED_MAX ? ` and ${sources.length - LISTED_MAX} more` : "";
  const got = `labels whose frames are elsewhere, in ${listed.join(", ")}${more}`;
  return new PackageRefused("frames_elsewhere", path, { got });
}

function videoFacts(video: Video): VideoFacts {
  const facts = { source: sourceOf(video), isEmbedded: video.hasEmbeddedImages };
  if (video.shape === null) return facts;
  const [frames, height, width, channels] = video.shape;
  return { ...facts, shape: { frames, height, width, channels } };
}

function sourceOf(video: Video): string {
  const { filename } = video.hasEmbeddedImages ? video.sourceVideo ?? video : video;
  return typeof filename === "string" ? filename : filename[0] ?? "";
}

async function samplesOf(path: string, labels: Labels, size: number): Promise<Samples> {
  const labelled = labelledFrames(path, labels);
  const nodes = labelled[0]?.userInstances[0]?.skeleton.nodeNames ?? [];
  const samples: Sample[] = [];
  let skipped = 0;
  for (const [frame, labelledFrame] of labelled.entries()) {
    const { picture, pixels } = await pixelsOf(path, labelledFrame, size);
    for (const instance of labelledFrame.userInstances) {
      const isAlike = instance.skeleton.nodeNames.join("\n") === nodes.join("\n");
      if (!isAlike || instance.nVisible === 0) {
        skipped++;
        continue;
      }
      const places = instance.points.flatMap(({ xy: [x, y], visible }) =>
        visible ? [x / picture.width, y / picture.height] : [NaN, NaN]
      );
      const { width, height } = picture;
      samples.push({ frame, pixels, keypoints: Float32Array.from(places), width, height });
    }
  }
  if (samples.length === 0) {
    throw new PackageRefused("no_labels", path, { got: "labels without a visible keypoint" });
  }
  return { size, nodes, samples, skipped };
}

async function pixelsOf(path: string, frame: LabeledFrame, size: number) {
  const bytes = await frame.video.getFrameBuffer(frame.frameIdx);
  if (bytes === null) {
    const got = `no picture of its labelled frame ${frame.frameIdx}`;
    throw new PackageRefused("frames_missing", path, { got });
  }
  try {
    const picture = decodePicture(bytes);
    return { picture, pixels: shrink(picture, size) };
  } catch (cause) {
    const got = `a picture of frame ${frame.frameIdx} that cannot be decoded`;
    throw new PackageRefused("picture_unreadable", path, { got, cause });
  }
}

/**
 * Closes `video` and the file behind it: the library (0.5.9) opens the package once more for each
 * embedded video, and its own `close` leaves that open.
 */
function closeVideo(video: Video): void {
  let backend: unknown = video.backend;
  while (isRecord(backend) && "inner" in backend) backend = backend["inner"];
  const file = isRecord(backend) ? backend["file"] : undefined;
  video.close();
  if (isRecord(file) && typeof file["close"] === "function") file["close"]();
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}
