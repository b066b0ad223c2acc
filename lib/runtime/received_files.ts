/**
 * The files of one transfer on their receiver's disk: what is here already, blocks as they are written,
 * and files as they come to be whole. Knows nothing of links, nor of what is on its way.
 */

import type { Sha256 } from "../base/id.ts";
import type { FileEntry, Manifest } from "../protocol/manifest.ts";
import { BLOCK_BYTES } from "../transfer/block.ts";
import { type Reception, wrongDigest } from "../transfer/reception.ts";
import type { Block } from "./block_assembly.ts";
import { sha256OfBytes } from "./file_digest.ts";
import { type LandingOptions, LandingPlace } from "./landing_place.ts";
import { PartFile } from "./part_file.ts";

/** Where the files stand, and who hears of them. */
export interface ReceivedFilesOptions {
  readonly manifest: Manifest;
  readonly landing: LandingOptions;
  /** Told what is here. */
  readonly reception: Reception;
  /** Called now and then: reading old files takes its time. */
  readonly beat: () => void;
}

/** The files of one transfer. */
export class ReceivedFiles {
  readonly #manifest: Manifest;
  readonly #partsFolder: string;
  readonly #reception: Reception;
  readonly #landing: LandingPlace;
  readonly #beat: () => void;
  readonly #parts = new Map<number, PartFile>();
  /** The files that were sent: those that the cache may lack. */
  readonly #sent: FileEntry[] = [];
  /** The part that is open. */
  #part: PartFile | undefined;

  constructor({ manifest, landing, reception, beat }: ReceivedFilesOptions) {
    this.#manifest = manifest;
    this.#partsFolder = landing.partsFolder;
    this.#landing = new LandingPlace(landing);
    this.#reception = reception;
    this.#beat = beat;
  }

  /**
   * Looks for what need not be sent. Ends early where the transfer is over.
   *
   * @param isOver Whether it is.
   * @throws {Failure} Where there is no room for the rest.
   */
  async prepare(isOver: () => boolean): Promise<void> {
    await this.#landing.prepare();
    await this.#look(isOver, (_index, entry) => this.#landing.find(entry, this.#beat));
    await this.#look(isOver, (index, entry) => this.#resume(index, entry));
    if (isOver()) return;
    await this.#landing.requireRoom(this.#reception.bytesMax - this.#reception.bytes);
    await this.#look(isOver, (_index, entry) => this.#landing.borrow(entry, this.#beat));
  }

  /**
   * Writes a block that is right; with its last one, the file comes to its place.
   *
   * @throws {Failure} Where the digest of the whole file is not that of the manifest.
   */
  async write({ index, file, block, bytes }: Block, sha256: Sha256): Promise<void> {
    if (file.bytes <= BLOCK_BYTES) {
      await this.#landing.write(file, bytes);
      this.#sent.push(file);
      return await this.#placed(index, file);
    }
    const part = this.#partOf(index, file);
    if (this.#part !== part) this.#part?.close();
    this.#part = part;
    await part.write(block, bytes, sha256);
    if (this.#reception.accept(index, block)) await this.#complete(index, file, part);
  }

  /** Leaves the parts to whoever comes next. */
  release(): void {
    for (const part of this.#parts.values()) part.release();
  }

  /** Gives the cache what was sent. */
  async keep(): Promise<void> {
    for (const file of this.#sent) await this.#landing.keep(file);
  }

  /** Looks for each file that is not in its place; those for which `find` gives true are from then on. */
  async #look(
    isOver: () => boolean,
    find: (index: number, entry: FileEntry) => Promise<boolean>,
  ): Promise<void> {
    for (const [index, entry] of this.#manifest.files.entries()) {
      if (isOver()) return;
      if (this.#reception.isTwin(index) || this.#reception.isInPlace(index)) continue;
      if (await find(index, entry)) await this.#placed(index, entry);
    }
  }

  /** Goes on from what an earlier transfer left of a file. Gives whether that is all of it. */
  async #resume(index: number, entry: FileEntry): Promise<boolean> {
    if (entry.bytes === 0) {
      const bytes = new Uint8Array();
      const digests = { promised: entry.sha256, got: sha256OfBytes(bytes) };
      if (digests.got !== digests.promised) throw wrongDigest(entry, digests);
      await this.#landing.write(entry, bytes);
      return true;
    }
    if (entry.bytes <= BLOCK_BYTES) return false;
    const part = this.#partOf(index, entry);
    await part.recover(this.#beat);
    this.#reception.resume(index, part.map);
    if (!part.map.isWhole) return false;
    await this.#complete(index, entry, part);
    return true;
  }

  async #complete(index: number, file: FileEntry, part: PartFile): Promise<void> {
    await part.verify(this.#beat);
    await this.#landing.take(file, part);
    this.#parts.delete(index);
    this.#sent.push(file);
    await this.#placed(index, file);
  }

  /** A file is in its place, and so are those that have the same bytes. */
  async #placed(index: number, file: FileEntry): Promise<void> {
    this.#reception.placed(index);
    for (const twin of this.#reception.twinsOf(index)) {
      const entry = this.#manifest.files[twin];
      if (entry !== undefined) await this.#landing.repeat(entry, file, this.#beat);
      this.#reception.placed(twin);
    }
  }

  #partOf(index: number, entry: FileEntry): PartFile {
    const held = this.#parts.get(index);
    if (held !== undefined) return held;
    const part = PartFile.hold(this.#partsFolder, entry);
    this.#parts.set(index, part);
    return part;
  }
}
