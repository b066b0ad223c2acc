/**
 * The list of videos in an `.slp` file: read, and written anew in place. Knows HDF5 and nothing of
 * labels, and opens no video.
 */

import { Dataset, File, Group, ready } from "h5wasm/node";
import { z } from "zod";
import { overwriteText } from "./text_patch.ts";

/** Videos of one file. */
const VIDEOS_MAX = 5_000;
/** Pictures of one video. */
const PICTURES_MAX = 200_000;

/** Members of one file that are looked at for links. SLEAP writes a dozen, and five a video. */
const MEMBERS_MAX = 50_000;

/** A video as the list has it. What else it says stays as it is. */
const listedSchema = z.looseObject({
  filename: z.union([z.string(), z.array(z.string())]).optional(),
  filenames: z.array(z.string()).max(PICTURES_MAX).optional(),
  backend: z.looseObject({
    filename: z.union([z.string(), z.array(z.string())]).nullish(),
    filenames: z.array(z.string()).max(PICTURES_MAX).nullish(),
  }).optional(),
});
type Listed = z.infer<typeof listedSchema>;

/** A video that an `.slp` file names. */
export interface ListedVideo {
  /** Every file of it, by the path that the labels have; one, or a picture a frame. */
  readonly files: readonly string[];
}

/** A list of videos that cannot be read or written. */
export class VideoListRefused extends Error {
  override readonly name = "VideoListRefused";
}

/**
 * The videos of the file at `path` whose frames are not in it, each with its place in the list.
 *
 * @throws {VideoListRefused} Where there is no such list, or it is not as SLEAP writes it.
 */
export async function listVideos(path: string): Promise<(ListedVideo & { index: number })[]> {
  await ready;
  const file = new File(path, "r");
  try {
    return readList(listOf(file, path), path).flatMap((video, index) => {
      const files = filesOf(video);
      return files.length === 0 ? [] : [{ index, files }];
    });
  } finally {
    file.close();
  }
}

/**
 * Writes other paths for the videos of the file at `path`. The list alone is touched: whatever else
 * the labels hold keeps every byte. A text cannot grow in HDF5, so several ways to say each path are
 * given, and the first that fits is taken.
 *
 * @param ways For each video by its index, the paths of its files, in the order of preference.
 * @throws {VideoListRefused} Where none of them fits.
 */
export async function rewriteVideos(
  path: string,
  ways: ReadonlyMap<number, readonly ListedVideo[]>,
): Promise<void> {
  await ready;
  const patches: { readonly before: string; readonly after: string }[] = [];
  const file = new File(path, "a");
  try {
    const dataset = listOf(file, path);
    const { size, vlen } = dataset.metadata;
    const texts = textsOf(dataset, path);
    for (const [index, text] of texts.entries()) {
      const roomBytes = vlen ? utf8(text).length : size;
      const video = decodeVideo(text, index, path);
      const choices = (ways.get(index) ?? []).map((way) => asciiJson(renamed(video, way.files)));
      if (choices.length === 0) continue;
      const after = choices.find((candidate) => candidate.length <= roomBytes);
      if (after === undefined) {
        throw new VideoListRefused(
          `Expected room for a path of video ${
            index + 1
          } in ${path}, got ${roomBytes} bytes; export a training package (.pkg.slp), which has its frames inside`,
        );
      }
      if (vlen) patches.push({ before: text, after: after.padEnd(roomBytes) });
      else dataset.write_slice([[index, index + 1]], [after]);
    }
  } finally {
    file.close();
  }
  // Texts of varying length lie as they are in the file; spaces at the end of JSON mean nothing.
  for (const { before, after } of patches) {
    if (await overwriteText(path, utf8(before), utf8(after)) > 0) continue;
    throw new VideoListRefused(
      `Expected the paths of the videos as plain text in ${path}, got none; export a training package (.pkg.slp)`,
    );
  }
}

function listOf(file: File, path: string): Dataset {
  refuseForeignLinks(file, path);
  const list = file.keys().includes("videos_json") ? file.get("videos_json") : null;
  if (list instanceof Dataset && (list.shape?.[0] ?? 0) <= VIDEOS_MAX) return list;
  throw new VideoListRefused(
    `Expected a list of at most ${VIDEOS_MAX} videos in ${path}, got none; save it again in SLEAP`,
  );
}

/** HDF5 follows a link to whatever file it names, of this worker and not of the client. */
function refuseForeignLinks(file: File, path: string): void {
  // The library takes names from the top of the file, whichever group is asked.
  const groups: { name: string; group: Group }[] = [{ name: "", group: file }];
  let members = 0;
  for (let next = groups.pop(); next !== undefined; next = groups.pop()) {
    for (const key of next.group.keys()) {
      const name = `${next.name}${key}`;
      if (++members > MEMBERS_MAX) {
        throw new VideoListRefused(`Expected at most ${MEMBERS_MAX} members in ${path}, got more`);
      }
      if (Object.keys(file.get_external_link(name)).length > 0) {
        throw new VideoListRefused(
          `Expected labels in one file, got ${path} with a link to another at ${name}; save it again in SLEAP`,
        );
      }
      // A link within the file may lead up again: only what stands here is gone into.
      const isLink = file.get_link(name) !== null;
      const member = isLink ? null : file.get(name);
      if (member instanceof Group) groups.push({ name: `${name}/`, group: member });
    }
  }
}

function readList(list: Dataset, path: string): Listed[] {
  return textsOf(list, path).map((text, index) => decodeVideo(text, index, path));
}

function textsOf(list: Dataset, path: string): string[] {
  const texts = z.array(z.string()).safeParse(list.to_array());
  if (texts.success) return texts.data;
  throw new VideoListRefused(`Expected a list of texts of the videos in ${path}, got another`);
}

function decodeVideo(text: string, index: number, path: string): Listed {
  const decoded = listedSchema.safeParse(parsed(text));
  if (decoded.success) return decoded.data;
  throw new VideoListRefused(
    `Expected video ${index + 1} of ${path} as SLEAP writes it, got other`,
  );
}

function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Not JSON: the schema refuses what stands for it, in words.
    return text;
  }
}

/** The files of a video; none where its frames are in the labels' own file, which is said by `.`. */
function filesOf({ filename, filenames, backend }: Listed): string[] {
  const pictures = backend?.filenames ?? filenames;
  if (pictures !== null && pictures !== undefined && pictures.length > 0) return pictures;
  const names = backend?.filename ?? filename ?? ".";
  return typeof names === "string" ? (names === "." || names === "" ? [] : [names]) : names;
}

function renamed(video: Listed, files: readonly string[]): Listed {
  const [first = ""] = files;
  const places = <Place extends { filename?: unknown; filenames?: unknown }>(place: Place) => ({
    ...place,
    ...("filename" in place
      ? { filename: Array.isArray(place.filename) ? [...files] : first }
      : {}),
    ...(Array.isArray(place.filenames) ? { filenames: [...files] } : {}),
  });
  const { backend, ...rest } = video;
  return { ...places(rest), ...(backend === undefined ? {} : { backend: places(backend) }) };
}

function asciiJson(value: unknown): string {
  return JSON.stringify(value).replace(
    /[\u007f-\uffff]/g,
    (letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
