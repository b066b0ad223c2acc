/**
 * Where the files of one transfer come to stand, and where they may be had without sending them: in
 * their place already, on a folder that both machines see, or in the cache. Knows nothing of links.
 */

import { randomUUID } from "node:crypto";
import { dirname, join, resolve } from "node:path";
import type { FileEntry, Manifest } from "../protocol/manifest.ts";
import { freeBytes, requireRoom } from "./disk_room.ts";
import type { FileCache } from "./file_cache.ts";
import { copyFile, digestFile } from "./file_digest.ts";
import { removeIfPresent } from "./file_removal.ts";
import type { PartFile } from "./part_file.ts";

/** Where files stand, and what helps to get them there. */
export interface LandingOptions {
  /** Where whole files stand, each by its path in the manifest. */
  readonly folder: string;
  /** Where parts are kept. On the same file system as `folder`. */
  readonly partsFolder: string;
  /** What may be taken from, and is added to. */
  readonly cache?: FileCache | undefined;
  /**
   * Where this machine already sees the bytes of a file; `undefined` where it does not. What is there
   * is checked, and then linked to, not copied: a file that both see is there to be shared.
   */
  readonly locate?: (entry: FileEntry) => Promise<string | undefined>;
  /** Bytes that the disk must have left afterwards; none where left out. */
  readonly reserveBytes?: number;
}

/** The place of one transfer. */
export class LandingPlace {
  readonly #options: LandingOptions;
  readonly #made = new Set<string>();
  #isEmpty = false;

  constructor(options: LandingOptions) {
    this.#options = options;
  }

  /** Makes the folders. */
  async prepare(): Promise<void> {
    const { folder, partsFolder } = this.#options;
    await Deno.mkdir(partsFolder, { recursive: true });
    await Deno.mkdir(folder, { recursive: true });
    this.#isEmpty = await isEmpty(folder);
  }

  /** Whether the file is in its place already, or has been linked to where this machine sees it. */
  async find(entry: FileEntry, beat: () => void): Promise<boolean> {
    const path = this.#pathOf(entry);
    if (!this.#isEmpty && await holds(path, entry, { isLinkToo: false, beat })) return true;
    const aside = wholePathOf(this.#options.partsFolder, entry);
    if (await holds(aside, entry, { isLinkToo: false, beat })) {
      await Deno.rename(aside, await this.#placeFor(entry));
      return true;
    }
    const located = await this.#options.locate?.(entry);
    if (located === undefined) return false;
    if (!await holds(located, entry, { isLinkToo: true, beat })) return false;
    await this.#appear(entry, (aside) => Deno.symlink(resolve(located), aside));
    return true;
  }

  /** Whether the file has been taken from the cache. */
  async borrow(entry: FileEntry, beat: () => void): Promise<boolean> {
    const { cache } = this.#options;
    if (cache === undefined || !await cache.has(entry)) return false;
    const aside = this.#aside();
    try {
      if (!await cache.lend(entry, aside, beat)) return false;
      await Deno.rename(aside, await this.#placeFor(entry));
      return true;
    } finally {
      await removeIfPresent(aside);
    }
  }

  /**
   * Sees that there is room, and gives up cached files for it.
   *
   * @param bytes What is still to be written.
   * @throws {Failure} Where there is not.
   */
  async requireRoom(bytes: number): Promise<void> {
    const { cache, folder, reserveBytes = 0 } = this.#options;
    if (bytes > 0) {
      await cache?.makeRoom(bytes + reserveBytes);
      await this.#giveUpWholes(bytes + reserveBytes);
    }
    await requireRoom(folder, { bytes, reserveBytes });
  }

  /** Puts a file there whose bytes, which are right, are all at hand. */
  async write(entry: FileEntry, bytes: Uint8Array): Promise<void> {
    await this.#appear(entry, (aside) => Deno.writeFile(aside, bytes));
  }

  /** Puts a file there that has arrived in blocks, and is right. */
  async take(entry: FileEntry, part: PartFile): Promise<void> {
    const path = await this.#placeFor(entry);
    await part.moveTo(path);
  }

  /** Puts a file there whose bytes are those of another one that is there. */
  async repeat(entry: FileEntry, original: FileEntry, beat: () => void): Promise<void> {
    const from = this.#pathOf(original);
    await this.#appear(entry, async (aside) => {
      await copyFile(from, aside, beat);
    });
  }

  /** Adds a file that is there to the cache. */
  async keep(entry: FileEntry): Promise<void> {
    const { cache, reserveBytes = 0 } = this.#options;
    await cache?.keep(entry, this.#pathOf(entry), reserveBytes);
  }

  /** Those of this transfer have been taken by now: the others are of jobs that did not run. */
  async #giveUpWholes(bytes: number): Promise<void> {
    const { folder, partsFolder } = this.#options;
    for (const { path } of wholesIn(partsFolder)) {
      if (await freeBytes(folder) >= bytes) return;
      await removeIfPresent(path);
    }
  }

  /** Makes a file aside, and moves it to its name when it is whole. */
  async #appear(
    entry: FileEntry,
    make: (aside: string) => Promise<void>,
  ): Promise<void> {
    const path = await this.#placeFor(entry);
    const aside = this.#aside();
    try {
      await make(aside);
      await Deno.rename(aside, path);
    } catch (error) {
      await removeIfPresent(aside);
      throw error;
    }
  }

  async #placeFor(entry: FileEntry): Promise<string> {
    const path = this.#pathOf(entry);
    const parent = dirname(path);
    if (!this.#made.has(parent)) await Deno.mkdir(parent, { recursive: true });
    this.#made.add(parent);
    return path;
  }

  #pathOf(entry: FileEntry): string {
    return join(this.#options.folder, entry.path);
  }

  /** A name of its own, since several transfers may share the folder of parts. */
  #aside(): string {
    return join(this.#options.partsFolder, `${randomUUID()}.new`);
  }
}

/**
 * Keeps the whole files of a transfer whose folder goes, so that another one takes them from
 * `partsFolder`: who was cut off after sixty of a hundred videos sends forty.
 *
 * @throws {Error} Where they cannot be moved.
 */
export async function setAside(
  { files }: Manifest,
  folder: string,
  partsFolder: string,
): Promise<void> {
  for (const entry of files) {
    const path = join(folder, entry.path);
    if (sizeIfFile(path) !== entry.bytes || entry.bytes === 0) continue;
    await Deno.mkdir(partsFolder, { recursive: true });
    await Deno.rename(path, wholePathOf(partsFolder, entry));
  }
}

/** Bytes of a file that an earlier transfer has left in `partsFolder`, as far as sizes tell. */
export function bytesAside(partsFolder: string, entry: FileEntry): number {
  const part = join(partsFolder, `${entry.sha256}.part`);
  const bytes = Math.max(
    sizeIfFile(wholePathOf(partsFolder, entry)) ?? 0,
    diskBytesIfFile(part) ?? 0,
  );
  return Math.min(bytes, entry.bytes);
}

/** Bytes of whole files in `partsFolder` that none of `files` is: they would be given up for these. */
export function spareableAside(partsFolder: string, files: readonly FileEntry[]): number {
  const ours = new Set(files.map((entry) => wholePathOf(partsFolder, entry)));
  return wholesIn(partsFolder).reduce((sum, { path, bytes }) => {
    return ours.has(path) ? sum : sum + bytes;
  }, 0);
}

function wholesIn(partsFolder: string): { readonly path: string; readonly bytes: number }[] {
  try {
    return [...Deno.readDirSync(partsFolder)].flatMap(({ name }) => {
      const path = join(partsFolder, name);
      return name.endsWith(".whole") ? [{ path, bytes: sizeIfFile(path) ?? 0 }] : [];
    });
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

function wholePathOf(partsFolder: string, { sha256 }: FileEntry): string {
  return join(partsFolder, `${sha256}.whole`);
}

function sizeIfFile(path: string): number | undefined {
  return infoIfFile(path)?.size;
}

/** A part has holes where blocks are missing. */
function diskBytesIfFile(path: string): number | undefined {
  const info = infoIfFile(path);
  return info === undefined ? undefined : Math.min(info.size, (info.blocks ?? 0) * 512);
}

function infoIfFile(path: string): Deno.FileInfo | undefined {
  try {
    const info = Deno.lstatSync(path);
    return info.isFile ? info : undefined;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** Whether the file at `path` is what `entry` says: first its size, which is looked up at once. */
async function holds(
  path: string,
  { bytes, sha256 }: FileEntry,
  { isLinkToo, beat }: { isLinkToo: boolean; beat: () => void },
): Promise<boolean> {
  try {
    const { isFile, size } = await (isLinkToo ? Deno.stat(path) : Deno.lstat(path));
    return isFile && size === bytes && (await digestFile(path, beat)).sha256 === sha256;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

async function isEmpty(folder: string): Promise<boolean> {
  for await (const _entry of Deno.readDir(folder)) return false;
  return true;
}
