/**
 * What a receiver has of a manifest, what it still wants, and what must come next. Knows blocks and
 * sizes; bytes, digests and files are the runtime's.
 *
 * Invariants
 *  1. Data is taken only where it was asked for, and only in the order in which it was asked for.
 *  2. At most one block is on its way at a time: what the receiver holds in pieces is bounded.
 *  3. A block is asked for `BLOCK_TRIES_MAX` times at most.
 *  4. Bytes that several files of the manifest share are asked for once.
 */

import { Failure } from "../base/failure.ts";
import type { Sha256 } from "../base/id.ts";
import type { FileEntry, Manifest } from "../protocol/manifest.ts";
import { type BlockRun, WANTED_RUNS_MAX } from "../protocol/transfer_message.ts";
import { BLOCK_BYTES, bytesOfBlock } from "./block.ts";
import { BlockMap } from "./block_map.ts";

/** How often a block is asked for. Higher: a bad disk or cable keeps us longer; lower: a bad byte ends more. */
export const BLOCK_TRIES_MAX = 3;

/** Where bytes that arrived belong. */
export interface Piece {
  readonly file: FileEntry;
  readonly block: number;
  /** Offset in the block, in bytes. */
  readonly at: number;
  /** Size of the block, in bytes. */
  readonly blockBytes: number;
  /** Whether they are the last bytes of the block. */
  readonly isLast: boolean;
}

/** What a digest was to be, and what it is. */
export interface Digests {
  readonly promised: Sha256;
  readonly got: Sha256;
}

/** What is said of a file whose bytes are not those that were promised. */
export function wrongDigest({ path }: Pick<FileEntry, "path">, digests: Digests): Failure {
  return new Failure(
    "corrupt",
    `Expected ${path} with SHA-256 ${digests.promised}, got ${digests.got}; see that nothing writes to it, and send it again`,
  );
}

/** Progress of one reception. */
export class Reception {
  readonly #files: readonly FileEntry[];
  readonly #maps: BlockMap[];
  /** The files that each file's bytes also are: those behind it with the same size and digest. */
  readonly #twins = new Map<number, number[]>();
  readonly #isTwin = new Set<number>();
  readonly #inPlace = new Set<number>();
  readonly #tries = new Map<string, number>();
  readonly #bytesMax: number;
  #bytes = 0;
  /** Wanted, and not asked for yet. The first one is the next. */
  #wanted: BlockRun[] = [];
  #wantedAt = 0;
  /** Asked for, and not here yet. */
  #asked: BlockRun[] = [];
  #askedAt = 0;
  /** How much of the first of them is here: whole blocks, and bytes of the next. */
  #block = 0;
  #at = 0;

  constructor({ files }: Manifest) {
    this.#files = files;
    this.#maps = files.map(({ bytes }) => new BlockMap(bytes));
    this.#bytesMax = files.reduce((sum, { bytes }) => sum + bytes, 0);
    const firsts = new Map<string, number>();
    for (const [index, { sha256, bytes }] of files.entries()) {
      const first = firsts.get(`${sha256} ${bytes}`);
      if (first === undefined) {
        firsts.set(`${sha256} ${bytes}`, index);
        continue;
      }
      this.#isTwin.add(index);
      const twins = this.#twins.get(first);
      if (twins === undefined) this.#twins.set(first, [index]);
      else twins.push(index);
    }
  }

  /** Bytes of all files. */
  get bytesMax(): number {
    return this.#bytesMax;
  }

  /** Bytes that are here and right. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Whether every file is in its place. */
  get isComplete(): boolean {
    return this.#inPlace.size === this.#files.length;
  }

  /** Whether all that was asked for is here. */
  get isIdle(): boolean {
    return this.#askedAt === this.#asked.length;
  }

  /** Whether that file is in its place. */
  isInPlace(index: number): boolean {
    return this.#inPlace.has(index);
  }

  /** The other files that have the same bytes, where that file is the first of them. */
  twinsOf(index: number): readonly number[] {
    return this.#twins.get(index) ?? [];
  }

  /** Whether a file before it has the same bytes. */
  isTwin(index: number): boolean {
    return this.#isTwin.has(index);
  }

  /** That file is in its place, and its digest is right. */
  placed(index: number): void {
    const file = this.#files[index];
    if (file === undefined || this.#inPlace.has(index)) return;
    this.#inPlace.add(index);
    this.#bytes += file.bytes - (this.#maps[index]?.bytes ?? 0);
  }

  /** Those blocks of a file were here before. Said before {@linkcode Reception.plan}. */
  resume(index: number, map: BlockMap): void {
    this.#bytes += map.bytes - (this.#maps[index]?.bytes ?? 0);
    // A copy: whoever writes blocks notes them in their own map, before we are told.
    this.#maps[index] = map.copy();
  }

  /** Makes the list of what is wanted, once it is known what is here. */
  plan(): void {
    this.#wanted = this.#maps.flatMap((map, index) =>
      this.#inPlace.has(index) || this.#isTwin.has(index)
        ? []
        : map.missing().map((stretch) => ({ index, ...stretch }))
    );
    this.#wantedAt = 0;
  }

  /** What is to be asked for now: the next of what is wanted, as much as fits into one message. */
  ask(): readonly BlockRun[] {
    const runs = this.#wanted.slice(this.#wantedAt, this.#wantedAt + WANTED_RUNS_MAX);
    this.#wantedAt += runs.length;
    this.#asked = [...this.#asked.slice(this.#askedAt), ...runs];
    this.#askedAt = 0;
    return runs;
  }

  /**
   * Bytes arrived. Gives where they belong.
   *
   * @throws {RangeError} Where they are not the next bytes of what was asked for.
   */
  take(index: number, offset: number, length: number): Piece {
    const run = this.#asked[this.#askedAt];
    const file = run === undefined ? undefined : this.#files[run.index];
    if (run === undefined || file === undefined) {
      throw new RangeError(`Expected no data, got some of file ${index}`);
    }
    const block = run.first + this.#block;
    const at = this.#at;
    const expected = block * BLOCK_BYTES + at;
    if (index !== run.index || offset !== expected) {
      throw new RangeError(
        `Expected byte ${expected} of file ${run.index}, ${file.path}, got byte ${offset} of file ${index}`,
      );
    }
    const blockBytes = bytesOfBlock(file.bytes, block);
    if (at + length > blockBytes) {
      throw new RangeError(
        `Expected ${blockBytes} bytes of block ${block} of ${file.path}, got ${at + length}`,
      );
    }
    const isLast = at + length === blockBytes;
    this.#at = isLast ? 0 : at + length;
    if (isLast) this.#block++;
    if (this.#block === run.count) {
      this.#block = 0;
      this.#askedAt++;
    }
    return { file, block, at, blockBytes, isLast };
  }

  /** That block is here and right. Gives whether its file is whole with it. */
  accept(index: number, block: number): boolean {
    const map = this.#maps[index];
    if (map === undefined) throw new RangeError(`Expected a file of the manifest, got ${index}`);
    const before = map.bytes;
    map.add(block);
    this.#bytes += map.bytes - before;
    return map.isWhole;
  }

  /**
   * That block is wrong, and wanted again.
   *
   * @throws {Failure} Where that happened too often.
   */
  refuse(index: number, block: number, digests: Digests): void {
    const key = `${index} ${block}`;
    const tries = (this.#tries.get(key) ?? 0) + 1;
    if (tries >= BLOCK_TRIES_MAX) {
      const file = this.#files[index];
      const isPart = file !== undefined && file.bytes > BLOCK_BYTES;
      throw wrongDigest({ path: `${isPart ? `block ${block} of ` : ""}${file?.path}` }, digests);
    }
    this.#tries.set(key, tries);
    this.#wanted.push({ index, first: block, count: 1 });
  }
}
