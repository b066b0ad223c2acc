/**
 * What a worker looks at before a GPU is touched: disk, and each file that the labels name. Decides
 * nothing about slots, and starts nothing.
 */

import { statfsSync } from "node:fs";
import { dirname, join } from "node:path";
import type { PeerId } from "../base/id.ts";
import { SECOND_MS } from "../base/time.ts";
import type { RunnerPaths } from "../job/runner.ts";
import type { Refused } from "../job/slot.ts";
import { MISSING_MAX } from "../protocol/job_message.ts";
import type { JobSpec } from "../protocol/job_spec.ts";
import type { Manifest } from "../protocol/manifest.ts";
import type { MissingFile, PathMap } from "../protocol/mount.ts";
import { within } from "./deadline.ts";
import { SPARE_BYTES } from "./disk_room.ts";
import { isExecutable } from "./executable.ts";
import { isLabels } from "./input_bundle.ts";
import { megabytes } from "./disk_room.ts";
import { bytesAside, spareableAside } from "./landing_place.ts";
import { MapMemory } from "./map_memory.ts";
import type { MountTable } from "./mount_table.ts";
import { type Resolution, resolvePaths } from "./path_resolution.ts";
import { nameOf, RESOLVED_NAMES, writeResolved } from "./resolved_labels.ts";
import { listVideos } from "./training_package/video_list.ts";

/** For a worker's disks to tell of a job's videos: less than clients wait for an answer. */
const LOOK_MS = 8 * SECOND_MS;
/** For the same when the inputs are here and nobody waits but the job itself. */
const PREPARE_MS = 5 * 60 * SECOND_MS;

const LATE =
  "Expected this worker's disks to tell of the job's videos and its trainer in time, got " +
  "nothing; look at its mounts";

/** Where a job's files are, as far as its preparation needs to know. */
export interface PreparedFolder {
  readonly path: string;
  readonly inputs: string;
}

/** Labels that are ready for a trainer, by absolute path. */
export type LabelPaths = Pick<RunnerPaths, "package" | "validation">;

/** With what jobs are prepared. */
export interface PreparationOptions {
  readonly mounts: MountTable;
  /** The worker's own prefixes. */
  readonly maps: readonly PathMap[];
  /** The program `sleap-nn`, by absolute path, where there was one at the start. */
  readonly sleapNn?: string | undefined;
  /** Bytes on the disk that would be given up for a job's inputs. */
  readonly spareableBytes: () => number;
  /** Bytes that the inputs of one job may have; as many as the disk takes where left out. */
  readonly inputsBytesMax?: number | undefined;
}

/** The preparation of one worker's jobs. */
export class JobPreparation {
  readonly #folder: string;
  readonly #mounts: MountTable;
  readonly #maps: readonly PathMap[];
  readonly #sleapNn: string | undefined;
  readonly #spareableBytes: () => number;
  readonly #inputsBytesMax: number;
  readonly #memory: MapMemory;

  /**
   * @param folder The worker's own, where jobs and lessons are kept.
   */
  constructor(folder: string, options: PreparationOptions) {
    const { mounts, maps, sleapNn, spareableBytes, inputsBytesMax = Infinity } = options;
    this.#folder = folder;
    this.#inputsBytesMax = inputsBytesMax;
    this.#mounts = mounts;
    this.#maps = maps;
    this.#sleapNn = sleapNn;
    this.#spareableBytes = spareableBytes;
    this.#memory = new MapMemory(folder);
  }

  /** Why the disk cannot take `inputs`, or must not; `undefined` where it can. */
  objectionOfDisk(inputs: Manifest): Refused | undefined {
    const sent = inputs.files.filter(({ shared }) =>
      shared === undefined || !this.#mounts.labels.includes(shared.mount)
    );
    const inAll = sent.reduce((sum, file) => sum + file.bytes, 0);
    if (inAll > this.#inputsBytesMax) {
      const reason = `Expected inputs of at most ${megabytes(this.#inputsBytesMax)}, which this ` +
        `worker takes for a job (its --inputs-max), got ${megabytes(inAll)}; send less, or ` +
        "name files that it has mounted";
      return { code: "too_large", reason };
    }
    const parts = join(this.#folder, "parts");
    const bytes = sent.reduce((sum, file) => sum + file.bytes - bytesAside(parts, file), 0);
    const { bavail, bsize } = statfsSync(this.#folder);
    const freeBytes = bavail * bsize + this.#spareableBytes() + spareableAside(parts, sent);
    if (bytes + SPARE_BYTES <= freeBytes) return undefined;
    const reason = `Expected ${megabytes(bytes)} on the worker's disk, and ` +
      `${megabytes(SPARE_BYTES)} to spare, got ${megabytes(freeBytes)}; make room there`;
    return { code: "too_large", reason };
  }

  /** Why the job's trainer cannot be started here: it was there when the worker began, and may be gone. */
  async objectionOfTrainer({ runner }: JobSpec): Promise<Refused | undefined> {
    const path = this.#sleapNn;
    if (runner !== "sleap-nn" || path === undefined) return undefined;
    if (await within(isExecutable(path), LOOK_MS, LATE)) return undefined;
    const reason = `The worker's sleap-nn is gone: no program is at ${path} any more; install it ` +
      "again there, and restart the worker";
    return { code: "no_runner", reason };
  }

  /**
   * Why the job cannot be run here, as far as the videos tell that its labels name.
   *
   * @throws {Error} Where what was learnt of the client's paths cannot be read.
   */
  async objectionOfPaths(
    client: PeerId,
    spec: JobSpec,
    inputs: Manifest,
  ): Promise<Refused | undefined> {
    const sent = inputs.files.map(({ path }) => path);
    const looking = this.#resolve(client, spec, spec.videos ?? [], { folder: "", sent });
    const { missing } = await within(looking, LOOK_MS, LATE);
    return missing.length === 0 ? undefined : refusalOf(missing, this.#mounts.labels);
  }

  /**
   * Looks into the labels that have come, finds their videos and gives the labels to train and validate
   * on: those themselves, or copies with this worker's paths.
   *
   * @param ended Aborted, nobody waits for them any more.
   * @throws {Error} Where a video is not found, or the labels cannot be read or copied.
   */
  async labelsFor(
    client: PeerId,
    spec: JobSpec,
    folder: PreparedFolder,
    ended: AbortSignal,
  ): Promise<LabelPaths> {
    return await within(this.#labelsFor(client, spec, folder), PREPARE_MS, LATE, ended);
  }

  async #labelsFor(client: PeerId, spec: JobSpec, folder: PreparedFolder): Promise<LabelPaths> {
    const resolved = (file: string, name: string) =>
      this.#resolved(client, spec, { file, name, folder });
    const paths = { package: await resolved(spec.package, RESOLVED_NAMES.package) };
    const validation = validationOf(spec);
    if (validation === undefined) return paths;
    return { ...paths, validation: await resolved(validation, RESOLVED_NAMES.validation) };
  }

  /** The labels at `file` among the inputs, or their copy in the folder `name` of the job. */
  async #resolved(
    client: PeerId,
    spec: JobSpec,
    { file: labels, name, folder: { path: jobFolder, inputs: folder } }: {
      readonly file: string;
      readonly name: string;
      readonly folder: PreparedFolder;
    },
  ): Promise<string> {
    const path = join(folder, labels);
    // What is no HDF5 names no video; the trainer says what is wrong with it.
    if (!await isLabels(path)) return path;
    const videos = await listVideos(path);
    if (videos.length === 0) return path;
    const sent = await pathsBelow(folder);
    const first = videos.map(({ files: [file = ""] }) => file);
    const resolution = await this.#resolve(client, spec, first, { folder, sent });
    if (resolution.missing.length > 0) {
      throw new Error(refusalOf(resolution.missing, this.#mounts.labels).reason);
    }
    const placed = videos.map((video) => {
      const place = resolution.found.get(video.files[0] ?? "") ?? "";
      return { ...video, place };
    });
    for (const { files, place } of placed) await this.#requirePictures(files, place, folder);
    const copy = await writeResolved(path, { jobFolder, name }, placed);
    await this.#memory.learn(client, resolution.learnt);
    return copy;
  }

  async #resolve(
    client: PeerId,
    spec: JobSpec,
    paths: readonly string[],
    { folder, sent }: { readonly folder: string; readonly sent: readonly string[] },
  ): Promise<Resolution> {
    const maps = [...spec.maps ?? [], ...this.#maps, ...await this.#memory.of(client)];
    const labels = [spec.package, validationOf(spec)];
    return await resolvePaths(paths, {
      mounts: this.#mounts,
      maps,
      sent: { folder, paths: sent.filter((path) => !labels.includes(path)) },
    });
  }

  /** Where one picture of a sequence is, all must be. */
  async #requirePictures(files: readonly string[], place: string, sent: string): Promise<void> {
    if (files.length === 1) return;
    const folder = dirname(place);
    const [first = ""] = files;
    const above = (file: string) => file.slice(0, file.length - nameOf(file).length);
    for (const file of files) {
      const path = join(folder, nameOf(file));
      const isHere = above(file) === above(first) &&
        (folder.startsWith(sent)
          ? await isFile(path)
          : await this.#mounts.find(path) !== undefined);
      if (isHere) continue;
      throw new Error(
        `Expected all pictures of a video in ${folder}, got none for ${file}; copy them there`,
      );
    }
  }
}

/** The labels to validate on, among the inputs. */
function validationOf(spec: JobSpec): string | undefined {
  return spec.kind === "train" && spec.runner === "sleap-nn" ? spec.val_package : undefined;
}

/** The refusal that lists what is missing. */
function refusalOf(missing: readonly MissingFile[], labels: readonly string[]): Refused {
  const [first] = missing;
  const where = labels.length === 0
    ? "it has no mounts (--mount LABEL=PATH)"
    : `its mounts are ${labels.join(", ")}`;
  const more = missing.length === 1 ? "" : ` and ${missing.length - 1} more`;
  const reason =
    `The worker does not find ${JSON.stringify(first?.path.slice(0, 300))}${more}; ${where}; ` +
    "say where with --map FROM=TO, or send a package with its frames inside (.pkg.slp)";
  return { code: "unsuitable", reason, missing: missing.slice(0, MISSING_MAX) };
}

/** Links among inputs are the worker's own, to files that it has checked under its mounts. */
async function isFile(path: string): Promise<boolean> {
  try {
    return (await Deno.stat(path)).isFile;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

async function pathsBelow(folder: string, prefix = ""): Promise<string[]> {
  const paths: string[] = [];
  for await (const entry of Deno.readDir(join(folder, prefix))) {
    if (entry.isDirectory) paths.push(...await pathsBelow(folder, `${prefix}${entry.name}/`));
    else if (entry.isFile || entry.isSymlink) paths.push(`${prefix}${entry.name}`);
  }
  return paths;
}
