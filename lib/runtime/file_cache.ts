/**
 * Files that a worker keeps so that they need not be sent again: each under its digest, the one that
 * was used longest ago the first to go. Knows nothing of jobs or links.
 *
 * Files go in and out as copies, never as links: a trainer may open its input for writing, and a hard
 * link would let it change the cached bytes under their digest's name. Each copy that goes out is
 * digested on its way, so a cached file that was damaged is found, removed and sent again.
 */

import { join } from "node:path";
import { isSha256, type Sha256 } from "../base/id.ts";
import type { FileEntry } from "../protocol/manifest.ts";
import { freeBytes } from "./disk_room.ts";
import { copyFile } from "./file_digest.ts";
import { removeIfPresent } from "./file_removal.ts";

/** Bytes that a worker's cache may hold, where nobody says otherwise. Higher: more disk. */
export const CACHE_BYTES_MAX = 20e9;

/** The cache of one worker, whose folder no other process uses. */
export class FileCache {
  readonly #folder: string;
  readonly #bytesMax: number;
  /** Sizes in bytes; the file that was used longest ago stands first. */
  #sizes: Promise<Map<Sha256, number>> | undefined;
  #bytes = 0;
  #copies = 0;

  /** @param bytesMax What it may hold; with 0 it keeps nothing. */
  constructor(folder: string, bytesMax: number) {
    this.#folder = folder;
    this.#bytesMax = bytesMax;
  }

  /** What it holds, in bytes, all of which it would give up; 0 until {@linkcode load} has looked. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Looks what there is. @throws {Error} Where the folder cannot be read. */
  async load(): Promise<void> {
    await this.#loaded();
  }

  /** Whether there is such a file. */
  async has({ sha256, bytes }: FileEntry): Promise<boolean> {
    return (await this.#loaded()).get(sha256) === bytes;
  }

  /**
   * Copies that file to `path`. Gives whether it was there, and right.
   *
   * @param beat Called now and then: a large file takes its time.
   */
  async lend(entry: FileEntry, path: string, beat: () => void): Promise<boolean> {
    if (!await this.has(entry)) return false;
    const { sha256, bytes } = entry;
    const cached = join(this.#folder, sha256);
    try {
      const copy = await copyFile(cached, path, beat);
      if (copy.sha256 === sha256) {
        await this.#note(sha256, bytes);
        const now = new Date();
        await Deno.utime(cached, now, now);
        return true;
      }
      await this.#forget(sha256);
    } catch (error) {
      // Another transfer has just made room.
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
    return false;
  }

  /**
   * Keeps a copy of the file at `path`, where the quota allows it and the disk has `reserveBytes` left
   * after it. What the file is changed to meanwhile is found when it is lent.
   */
  async keep(entry: FileEntry, path: string, reserveBytes: number): Promise<void> {
    if (entry.bytes > this.#bytesMax || await this.has(entry)) return;
    const { sha256, bytes } = entry;
    await Deno.mkdir(this.#folder, { recursive: true, mode: 0o700 });
    await this.#shrinkTo(this.#bytesMax - bytes);
    if (await freeBytes(this.#folder) < bytes + reserveBytes) return;
    const aside = join(this.#folder, `${sha256}.${this.#copies++}.new`);
    try {
      const copy = await copyFile(path, aside, () => {});
      if (copy.sha256 !== sha256) return await Deno.remove(aside);
      await Deno.rename(aside, join(this.#folder, sha256));
      await this.#note(sha256, bytes);
    } catch (error) {
      await removeIfPresent(aside);
      throw error;
    }
  }

  /** Gives up files until the disk has `bytes`, or none is left. */
  async makeRoom(bytes: number): Promise<void> {
    for (const sha256 of (await this.#loaded()).keys()) {
      if (await freeBytes(this.#folder) >= bytes) return;
      await this.#forget(sha256);
    }
  }

  async #shrinkTo(bytesMax: number): Promise<void> {
    for (const sha256 of (await this.#loaded()).keys()) {
      if (this.#bytes <= bytesMax) return;
      await this.#forget(sha256);
    }
  }

  /** That file is here, and was used just now. */
  async #note(sha256: Sha256, bytes: number): Promise<void> {
    const sizes = await this.#loaded();
    this.#bytes += bytes - (sizes.get(sha256) ?? 0);
    sizes.delete(sha256);
    sizes.set(sha256, bytes);
  }

  async #forget(sha256: Sha256): Promise<void> {
    const sizes = await this.#loaded();
    this.#bytes -= sizes.get(sha256) ?? 0;
    sizes.delete(sha256);
    await removeIfPresent(join(this.#folder, sha256));
  }

  #loaded(): Promise<Map<Sha256, number>> {
    return this.#sizes ??= this.#load();
  }

  /** What earlier lives of the worker have kept. */
  async #load(): Promise<Map<Sha256, number>> {
    const found: { name: Sha256; bytes: number; usedMs: number }[] = [];
    try {
      for await (const { name, isFile } of Deno.readDir(this.#folder)) {
        const path = join(this.#folder, name);
        if (!isFile) continue;
        if (isSha256(name)) {
          const { size, mtime } = await Deno.stat(path);
          found.push({ name, bytes: size, usedMs: mtime?.getTime() ?? 0 });
        } else if (name.endsWith(".new")) {
          // A copy that a crash has cut off.
          await Deno.remove(path);
        }
      }
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
    this.#bytes = found.reduce((sum, { bytes }) => sum + bytes, 0);
    found.sort((one, other) => one.usedMs - other.usedMs);
    return new Map(found.map(({ name, bytes }) => [name, bytes]));
  }
}
