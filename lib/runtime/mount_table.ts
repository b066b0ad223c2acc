/**
 * The folders of this worker that jobs may read from. Whatever is asked for is resolved first, links
 * included, and then checked; knows nothing of labels and jobs.
 */

import { realpath } from "node:fs/promises";
import { isAbsolute, join, relative, resolve, sep } from "node:path";
import { decode } from "../protocol/decode.ts";
import { type SharedPlace, sharedPlaceSchema } from "../protocol/manifest.ts";
import type { MountSetting } from "./setting.ts";

/** Folders and files that a search looks at. Higher: large disks are searched for longer. */
const SEARCH_ENTRIES_MAX = 50_000;
/** How deep a search goes below a mount. */
const SEARCH_DEPTH_MAX = 8;
/** Milliseconds of a search: a network disk that hangs must not hold a client. */
const SEARCH_MS = 5_000;
/** Files that a search finds, before it ends. */
const SEARCH_FOUND_MAX = 200;

/** A file under a mount. */
export interface MountedFile {
  /** Absolute, without links. */
  readonly path: string;
  /** As people are told: `LABEL:folder/name`. */
  readonly name: string;
}

interface Mount {
  readonly label: string;
  /** Absolute, as the settings have it: paths in labels of this machine begin with it. */
  readonly path: string;
  /** Absolute, without links. */
  readonly root: string;
}

/** The mounts of one worker. */
export class MountTable {
  readonly #mounts: readonly Mount[];

  private constructor(mounts: readonly Mount[]) {
    this.#mounts = mounts;
  }

  /** No mounts. */
  static readonly none = new MountTable([]);

  /**
   * @throws {Error} Where a mount is no folder, or its path is relative.
   */
  static async open(settings: readonly MountSetting[]): Promise<MountTable> {
    const mounts: Mount[] = [];
    for (const { label, path } of settings) {
      const root = isAbsolute(path) ? await resolved(path) : undefined;
      if (root === undefined || !(await Deno.stat(root)).isDirectory) {
        throw new Error(
          `Expected the absolute path of a folder for the mount ${label}, got ${path}; mend --mount`,
        );
      }
      mounts.push({ label, path, root });
    }
    return new MountTable(mounts);
  }

  /** The labels, as the room hears them. */
  get labels(): string[] {
    return this.#mounts.map(({ label }) => label);
  }

  /**
   * What a mount has at `path`, which is absolute or `LABEL:relative`: a file or a folder. Nothing
   * where it leads out of the mounts, by whatever links, or is not there.
   */
  async find(path: string): Promise<MountedFile | undefined> {
    const absolute = this.#absolute(path);
    return absolute === undefined ? undefined : await this.#confined(absolute);
  }

  /**
   * Where this machine has a file that another one names by its mount. Nothing where there is no such
   * mount or file here, or where it leads out of the mounts.
   */
  async locate({ mount, path }: SharedPlace): Promise<string | undefined> {
    if (!this.labels.includes(mount)) return undefined;
    return (await this.find(`${mount}:${path}`))?.path;
  }

  /**
   * How other machines may find the file at `path`, which need not be absolute; `undefined` where it
   * is under no mount, or its name cannot travel.
   */
  async placeOf(path: string): Promise<SharedPlace | undefined> {
    const file = await this.find(resolve(path));
    const [, mount, inner] = /^([^:]+):(.*)$/s.exec(file?.name ?? "") ?? [];
    const decoded = decode({ mount, path: inner }, sharedPlaceSchema);
    return decoded.ok ? decoded.value : undefined;
  }

  /** What each mount has at `tail` below it. */
  async findTail(tail: string): Promise<MountedFile[]> {
    const found = await Promise.all(
      this.#mounts.map(({ root }) => this.#confined(join(root, tail))),
    );
    const files = found.filter((file) => file !== undefined);
    return files.filter(({ path }, at) => files.findIndex((file) => file.path === path) === at);
  }

  /**
   * Files under the mounts whose name is wanted. Bounded in depth, entries and time: it is a hint,
   * and no list of what is there. Links are not followed.
   */
  async search(isWanted: (name: string) => boolean): Promise<string[]> {
    const found: string[] = [];
    const end = performance.now() + SEARCH_MS;
    let entries = 0;
    // In breadth: what people look for lies near the top.
    let folders = this.#mounts.map(({ label, root }) => ({ label, folder: root, inner: "" }));
    for (let depth = 0; depth < SEARCH_DEPTH_MAX && folders.length > 0; depth++) {
      const below: typeof folders = [];
      for (const { label, folder, inner } of folders) {
        for (const entry of await entriesOf(folder)) {
          if (++entries > SEARCH_ENTRIES_MAX || performance.now() > end) return found;
          const name = `${inner}${entry.name}`;
          if (entry.isDirectory) {
            below.push({ label, folder: join(folder, entry.name), inner: `${name}/` });
          } else if (entry.isFile && isWanted(entry.name)) {
            if (found.push(`${label}:${name}`) >= SEARCH_FOUND_MAX) return found;
          }
        }
      }
      folders = below;
    }
    return found;
  }

  #absolute(path: string): string | undefined {
    const [, label, rest] = /^([A-Za-z0-9][A-Za-z0-9_-]+):(.*)$/s.exec(path) ?? [];
    const mount = this.#mounts.find((candidate) => candidate.label === label);
    if (mount !== undefined) return join(mount.root, rest ?? "");
    return isAbsolute(path) ? path : undefined;
  }

  async #confined(path: string): Promise<MountedFile | undefined> {
    // What does not even pretend to be under a mount is not looked at: a look can wake a disk.
    if (!this.#mounts.some((mount) => isWithin(mount.root, path) || isWithin(mount.path, path))) {
      return undefined;
    }
    const real = await resolved(path);
    if (real === undefined) return undefined;
    const mount = this.#mounts.find(({ root }) => isWithin(root, real));
    if (mount === undefined) return undefined;
    const inner = relative(mount.root, real).replaceAll(sep, "/");
    return { path: real, name: `${mount.label}:${inner}` };
  }
}

/** Whether `path` is `folder` or below it, as words: both must be resolved for this to mean anything. */
export function isWithin(folder: string, path: string): boolean {
  const inner = relative(folder, path);
  return inner === "" || (inner !== ".." && !inner.startsWith(`..${sep}`) && !isAbsolute(inner));
}

/** `path` without links; undefined where nothing is there that we may see. */
async function resolved(path: string): Promise<string | undefined> {
  try {
    return await realpath(path);
  } catch (error) {
    // A path that cannot be followed is none for a job, whatever the reason: loops, rights, length.
    if (error instanceof Error && "code" in error) return undefined;
    throw error;
  }
}

/** What is in `folder`; nothing where it may not be read. */
async function entriesOf(folder: string): Promise<Deno.DirEntry[]> {
  try {
    return await Array.fromAsync(Deno.readDir(folder));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    if (error instanceof Deno.errors.PermissionDenied) return [];
    if (error instanceof Deno.errors.NotADirectory) return [];
    throw error;
  }
}
