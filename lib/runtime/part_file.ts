/**
 * A file that arrives in blocks, on disk: the part itself, and beside it a record of the digest of each
 * block that is there. Knows nothing of links, nor of where whole files stand.
 *
 * The record is not trusted: whoever goes on from it reads each block that it names and compares the
 * digest. So nothing has to reach the disk in order, and a record that is torn, old or ahead of its
 * part after a power cut costs blocks that are sent again, never wrong bytes.
 */

import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { join } from "node:path";
import type { Sha256 } from "../base/id.ts";
import type { FileEntry } from "../protocol/manifest.ts";
import { BLOCK_BYTES, blocksOf, bytesOfBlock } from "../transfer/block.ts";
import { BlockMap } from "../transfer/block_map.ts";
import { wrongDigest } from "../transfer/reception.ts";
import { readFully, writeFully } from "./file_bytes.ts";
import { sha256Of, sha256OfBytes } from "./file_digest.ts";

/** Says what the record is. Of another kind, or of another size of blocks, it counts for nothing. */
const HEADER = Buffer.alloc(32);
HEADER.write(`sleap-rtc blocks 1 ${BLOCK_BYTES}`, "ascii");
/** One digest. All zeros where the block is not there. */
const DIGEST_BYTES = 32;
const ABSENT = "00".repeat(DIGEST_BYTES);
/** Blocks between two signs of life while a file is read. */
const BEAT_BLOCKS = 8;

interface OpenFiles {
  readonly part: Deno.FsFile;
  readonly record: Deno.FsFile;
}

/** One part, held by one transfer at a time. */
export class PartFile {
  /** The parts that are held. Their folder belongs to one process, which holds a lock for that. */
  static readonly #held = new Set<string>();

  readonly path: string;
  readonly #entry: FileEntry;
  readonly #map: BlockMap;
  readonly #whole = createHash("sha256");
  /** The first block that is not in `#whole` yet. */
  #next = 0;
  #open: OpenFiles | undefined;

  private constructor(path: string, entry: FileEntry) {
    this.path = path;
    this.#entry = entry;
    this.#map = new BlockMap(entry.bytes);
  }

  /** Holds a part of `entry` in `folder`; one of its own where another transfer holds the first. */
  static hold(folder: string, entry: FileEntry): PartFile {
    let path = join(folder, `${entry.sha256}.part`);
    for (let other = 2; PartFile.#held.has(path); other++) {
      path = join(folder, `${entry.sha256}.${other}.part`);
    }
    PartFile.#held.add(path);
    return new PartFile(path, entry);
  }

  /** The blocks that are here and right. */
  get map(): BlockMap {
    return this.#map;
  }

  /**
   * Looks at what an earlier transfer left.
   *
   * @param beat Called now and then: reading takes its time.
   */
  async recover(beat: () => void): Promise<void> {
    const digests = await this.#readRecord();
    if (digests === undefined) return;
    const { part } = await this.#files();
    const buffer = new Uint8Array(Math.min(BLOCK_BYTES, this.#entry.bytes));
    for (let block = 0; block < blocksOf(this.#entry.bytes); block++) {
      const noted = digests.toString("hex", block * DIGEST_BYTES, (block + 1) * DIGEST_BYTES);
      if (noted === "" || noted === ABSENT) continue;
      const bytes = await this.#readBlock(part, block, buffer);
      if (bytes !== undefined && sha256OfBytes(bytes) === noted) this.#take(block, bytes);
      if (block % BEAT_BLOCKS === 0) beat();
    }
    this.close();
  }

  /** Writes a block, and then notes that it is here. */
  async write(block: number, bytes: Uint8Array, sha256: Sha256): Promise<void> {
    const { part, record } = await this.#files();
    await part.seek(block * BLOCK_BYTES, Deno.SeekMode.Start);
    await writeFully(part, bytes);
    await record.seek(HEADER.length + block * DIGEST_BYTES, Deno.SeekMode.Start);
    await writeFully(record, Buffer.from(sha256, "hex"));
    this.#take(block, bytes);
  }

  /**
   * Checks the whole file. Blocks that came in order need not be read again.
   *
   * @param beat Called now and then: reading takes its time.
   * @throws {Failure} Where the digest is not that of the manifest; then nothing of it is kept.
   */
  async verify(beat: () => void): Promise<void> {
    const { part } = await this.#files();
    const buffer = new Uint8Array(Math.min(BLOCK_BYTES, this.#entry.bytes));
    for (; this.#next < blocksOf(this.#entry.bytes); this.#next++) {
      const bytes = await this.#readBlock(part, this.#next, buffer);
      if (bytes === undefined) break;
      this.#whole.update(bytes);
      if (this.#next % BEAT_BLOCKS === 0) beat();
    }
    // An earlier transfer may have been promised more.
    await part.truncate(this.#entry.bytes);
    const sha256 = sha256Of(this.#whole.digest("hex"));
    if (sha256 === this.#entry.sha256) return;
    await this.remove();
    throw wrongDigest(this.#entry, { promised: this.#entry.sha256, got: sha256 });
  }

  /** Moves the part, which is whole, to `path`. */
  async moveTo(path: string): Promise<void> {
    this.close();
    await Deno.rename(this.path, path);
    await Deno.remove(this.#recordPath);
    this.release();
  }

  /** Removes what is here. */
  async remove(): Promise<void> {
    this.close();
    await Deno.remove(this.path);
    await Deno.remove(this.#recordPath);
    this.release();
  }

  /** Closes the files; the next write opens them again. */
  close(): void {
    this.#open?.part.close();
    this.#open?.record.close();
    this.#open = undefined;
  }

  /** Leaves the part to whoever comes next. */
  release(): void {
    this.close();
    PartFile.#held.delete(this.path);
  }

  get #recordPath(): string {
    return this.path.replace(/\.part$/, ".blocks");
  }

  #take(block: number, bytes: Uint8Array): void {
    this.#map.add(block);
    if (block !== this.#next) return;
    this.#whole.update(bytes);
    this.#next++;
  }

  async #files(): Promise<OpenFiles> {
    if (this.#open !== undefined) return this.#open;
    const options = { read: true, write: true, create: true };
    const part = await Deno.open(this.path, options);
    try {
      const record = await Deno.open(this.#recordPath, options);
      this.#open = { part, record };
      await writeFully(record, HEADER);
      return this.#open;
    } catch (error) {
      if (this.#open === undefined) part.close();
      this.close();
      throw error;
    }
  }

  /** The noted digests, where there is a record that can be read. */
  async #readRecord(): Promise<Buffer | undefined> {
    try {
      await Deno.stat(this.path);
      const record = Buffer.from(await Deno.readFile(this.#recordPath));
      const isOurs = HEADER.equals(record.subarray(0, HEADER.length));
      if (isOurs) return record.subarray(HEADER.length);
      await Deno.remove(this.#recordPath);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
    return undefined;
  }

  async #readBlock(
    part: Deno.FsFile,
    block: number,
    buffer: Uint8Array,
  ): Promise<Uint8Array | undefined> {
    const bytes = buffer.subarray(0, bytesOfBlock(this.#entry.bytes, block));
    await part.seek(block * BLOCK_BYTES, Deno.SeekMode.Start);
    return await readFully(part, bytes) === bytes.length ? bytes : undefined;
  }
}
