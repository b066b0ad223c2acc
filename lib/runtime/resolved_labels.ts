/**
 * A copy of labels whose videos are those of this worker. The labels as they came stay as they are;
 * knows nothing of how the videos were found.
 */

import { basename, dirname, extname, join } from "node:path";
import { foreignPathOf } from "../job/foreign_path.ts";
import { type ListedVideo, rewriteVideos } from "./training_package/video_list.ts";

/** The folders of the copies, and of the links to their videos, within the job's. */
export const RESOLVED_NAMES = { package: "resolved", validation: "resolved_validation" } as const;

/** A video, and where its first file is on this worker. */
export interface PlacedVideo extends ListedVideo {
  /** Its place in the labels' list. */
  readonly index: number;
  /** Absolute. */
  readonly place: string;
}

/**
 * Writes a copy of the labels at `path` into the folder `name` of `jobFolder`, which is where the trainer will be started.
 * Gives its path.
 *
 * The copy keeps every byte but the videos' paths. Where a path of this worker is longer than HDF5
 * has room for, a link in the copy's own folder stands for it: SLEAP finds a video by its path, from
 * where it was started, and by its name beside the labels.
 *
 * @throws {VideoListRefused} Where not even a link's name fits.
 * @throws {Error} Where the copy cannot be written.
 */
export async function writeResolved(
  path: string,
  { jobFolder, name }: { readonly jobFolder: string; readonly name: string },
  videos: readonly PlacedVideo[],
): Promise<string> {
  const folder = join(jobFolder, name);
  await Deno.mkdir(folder, { recursive: true, mode: 0o700 });
  const copy = join(folder, basename(path));
  await Deno.copyFile(path, copy);
  const ways = new Map<number, ListedVideo[]>();
  for (const video of videos) {
    const isSequence = video.files.length > 1;
    const target = isSequence ? dirname(video.place) : video.place;
    const link = isSequence ? `${video.index}` : `${video.index}${extname(video.place)}`;
    const files = (place: string) =>
      isSequence ? video.files.map((file) => `${place}/${nameOf(file)}`) : [place];
    ways.set(
      video.index,
      [target, `${name}/${link}`, link].map((at) => ({ files: files(at) })),
    );
    // Windows gives links to administrators only: there the path itself must fit.
    if (Deno.build.os !== "windows") await Deno.symlink(target, join(folder, link));
  }
  await rewriteVideos(copy, ways);
  return copy;
}

/** The last part of a path of whichever machine. */
export function nameOf(path: string): string {
  return foreignPathOf(path).parts.at(-1) ?? "";
}
