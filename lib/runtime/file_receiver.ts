/**
 * Receives the files of a manifest into a folder, block by block. A file stands under its name only
 * when it is whole and its digest is right; what is not whole yet is kept aside, and a later transfer
 * goes on from it. Knows links and messages; what is on the disk is `LandingPlace`'s and `PartFile`'s.
 */

import { Failure } from "../base/failure.ts";
import type { JobId, Sha256 } from "../base/id.ts";
import { SECOND_MS } from "../base/time.ts";
import type { FileEntry, Manifest } from "../protocol/manifest.ts";
import type { TransferMessage, TransferPurpose } from "../protocol/transfer_message.ts";
import type { PeerLink } from "../rtc/peer_link.ts";
import { BLOCK_BYTES } from "../transfer/block.ts";
import { CREDIT_EVERY_BYTES, WINDOW_BYTES } from "../transfer/credit_window.ts";
import { Reception, wrongDigest } from "../transfer/reception.ts";
import { type Block, BlockAssembly } from "./block_assembly.ts";
import { nameFullDisk } from "./disk_room.ts";
import { sha256OfBytes } from "./file_digest.ts";
import { type LandingOptions, LandingPlace } from "./landing_place.ts";
import { tellPeer } from "./link_speech.ts";
import { PartFile } from "./part_file.ts";
import { StallWatch } from "./stall_watch.ts";

/** Between two signs of life while old files are read. */
const BEAT_EVERY_MS = SECOND_MS;

/** What is received, and where to. */
export interface ReceiveOptions extends LandingOptions {
  readonly jobId: JobId;
  readonly purpose: TransferPurpose;
  readonly manifest: Manifest;
  /** Resolves when the folders are ours; where it rejects, nothing can be received. */
  readonly ready?: Promise<unknown>;
  /** Bytes that are written, of all there are. */
  readonly progress?: (bytes: number, bytesMax: number) => void;
  /** A complaint that does not end the transfer. */
  readonly warned?: (complaint: string) => void;
  /** Between two looks at whether it gets on. */
  readonly lookEveryMs?: number;
}

/** One transfer, as its receiver. */
export class FileReceiver {
  readonly #link: PeerLink;
  readonly #options: ReceiveOptions;
  readonly #reception: Reception;
  readonly #landing: LandingPlace;
  readonly #watch: StallWatch;
  readonly #outcome = Promise.withResolvers<void>();
  readonly #closed = Promise.withResolvers<void>();
  readonly #kept = Promise.withResolvers<void>();
  readonly #assembly: BlockAssembly;
  readonly #parts = new Map<number, PartFile>();
  /** The files that were sent: those that the cache may lack. */
  readonly #sent: FileEntry[] = [];
  #work: Promise<void>;
  /** The part that is open. */
  #part: PartFile | undefined;
  /** The block whose digest must be said next. */
  #undigested: Block | undefined;
  #arrivedBytes = 0;
  #unwrittenBytes = 0;
  #creditedBytes = 0;
  #beatAt = 0;
  #over = false;

  constructor(link: PeerLink, options: ReceiveOptions) {
    this.#link = link;
    this.#options = options;
    this.#reception = new Reception(options.manifest);
    this.#assembly = new BlockAssembly(this.#reception);
    this.#landing = new LandingPlace(options);
    this.#watch = new StallWatch(
      () => this.#credit(true),
      // Its owner hears of the link's end, and may come again over another one.
      (reason) => link.close(reason),
      options.lookEveryMs,
    );
    this.#work = this.#guarded(() => this.#begin());
  }

  /**
   * Resolves when every file is in its place.
   *
   * @throws {Failure} Where bytes are not those that were promised, or there is no room for them.
   * @throws {Error} Where the transfer failed on either side, or the link closed.
   */
  get done(): Promise<void> {
    return this.#outcome.promise;
  }

  /** Resolves when the transfer is over and nothing writes to its folders any more. */
  get closed(): Promise<void> {
    return this.#closed.promise;
  }

  /** Resolves after `closed`, when the cache has what it keeps. */
  get kept(): Promise<void> {
    return this.#kept.promise;
  }

  /** Takes data of one of the files. Writing follows in order; the sender's window bounds the wait. */
  data(index: number, offset: number, bytes: Uint8Array): void {
    if (this.#over) return;
    this.#watch.progress();
    this.#arrivedBytes += bytes.length;
    if (this.#arrivedBytes - this.#creditedBytes > WINDOW_BYTES) {
      const got = `${this.#arrivedBytes - this.#creditedBytes} bytes without`;
      return this.#fail(new Error(`Expected the sender to wait for credit, got ${got}`));
    }
    try {
      if (this.#undigested !== undefined) {
        throw new Error(`Expected the digest of block ${this.#undigested.block}, got data`);
      }
      const block = this.#assembly.take(index, offset, bytes);
      if (block === undefined) return this.#credit(false);
      this.#unwrittenBytes += block.bytes.length;
      if (block.file.bytes > BLOCK_BYTES) this.#undigested = block;
      else this.#land(block, block.file.sha256);
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Takes a message; one about another transfer is not for us. */
  receive(message: TransferMessage): void {
    const { jobId, purpose } = this.#options;
    if (this.#over || message.job_id !== jobId || message.purpose !== purpose) return;
    if (message.type === "transfer_failed") {
      return this.end(new Error(`The sender gave up: ${message.reason}`));
    }
    if (message.type !== "transfer_block") return;
    const block = this.#undigested;
    if (block?.index !== message.index || block.block !== message.block) {
      const got = `one of block ${message.block} of file ${message.index}`;
      return this.#fail(new Error(`Expected the digest of the block before it, got ${got}`));
    }
    this.#undigested = undefined;
    this.#land(block, message.sha256);
  }

  /** The transfer cannot go on: the link closed, or the sender began anew. What is here is kept. */
  end(reason: Error): void {
    this.#settle(() => this.#outcome.reject(reason));
  }

  /** Nobody wants the files any more: the sender is told. What is here is kept. */
  giveUp(reason: string): void {
    this.#fail(new Error(reason));
  }

  async #begin(): Promise<void> {
    await this.#options.ready;
    if (this.#over) return;
    await this.#landing.prepare();
    const beat = () => this.#beat();
    await this.#look((_index, entry) => this.#landing.find(entry, beat));
    await this.#look((index, entry) => this.#resume(index, entry));
    if (this.#over) return;
    await this.#landing.requireRoom(this.#reception.bytesMax - this.#reception.bytes);
    await this.#look((_index, entry) => this.#landing.borrow(entry, beat));
    if (this.#over) return;
    this.#reception.plan();
    this.#progress();
    this.#ask();
    this.#finishIfComplete();
  }

  /** Looks for each file that is not in its place; those for which `find` gives true are from then on. */
  async #look(find: (index: number, entry: FileEntry) => Promise<boolean>): Promise<void> {
    for (const [index, entry] of this.#options.manifest.files.entries()) {
      if (this.#over) return;
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
    await part.recover(() => this.#beat());
    this.#reception.resume(index, part.map);
    if (!part.map.isWhole) return false;
    await this.#complete(index, entry, part);
    return true;
  }

  /**
   * Has a block checked and written after those before it; also where the transfer ends meanwhile, so
   * that it need not come again.
   */
  #land(block: Block, sha256: Sha256): void {
    this.#work = this.#work.then(() => this.#guarded(() => this.#check(block, sha256)));
  }

  async #check(block: Block, promised: Sha256): Promise<void> {
    const { index, bytes } = block;
    const got = sha256OfBytes(bytes);
    if (got === promised) await this.#write(block, got);
    else this.#reception.refuse(index, block.block, { promised, got });
    this.#assembly.release(block);
    this.#unwrittenBytes -= bytes.length;
    if (this.#over) return;
    this.#watch.progress();
    this.#progress();
    const isIdle = this.#reception.isIdle && this.#unwrittenBytes === 0;
    this.#credit(isIdle);
    if (isIdle && !this.#reception.isComplete) this.#ask();
    this.#finishIfComplete();
  }

  async #write({ index, file, block, bytes }: Block, sha256: Sha256): Promise<void> {
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

  async #complete(index: number, file: FileEntry, part: PartFile): Promise<void> {
    await part.verify(() => this.#beat());
    await this.#landing.take(file, part);
    this.#parts.delete(index);
    this.#sent.push(file);
    await this.#placed(index, file);
  }

  /** A file is in its place, and so are those that have the same bytes. */
  async #placed(index: number, file: FileEntry): Promise<void> {
    this.#reception.placed(index);
    for (const twin of this.#reception.twinsOf(index)) {
      const entry = this.#options.manifest.files[twin];
      if (entry !== undefined) await this.#landing.repeat(entry, file, () => this.#beat());
      this.#reception.placed(twin);
    }
  }

  #partOf(index: number, entry: FileEntry): PartFile {
    const held = this.#parts.get(index);
    if (held !== undefined) return held;
    const part = PartFile.hold(this.#options.partsFolder, entry);
    this.#parts.set(index, part);
    return part;
  }

  #ask(): void {
    const { jobId: job_id, purpose } = this.#options;
    tellPeer(this.#link, {
      type: "transfer_want",
      job_id,
      purpose,
      runs: [...this.#reception.ask()],
    });
  }

  #progress(): void {
    this.#options.progress?.(this.#reception.bytes, this.#reception.bytesMax);
  }

  /** Old files are read, which gets us on; the sender hears of it, or it would take us for dead. */
  #beat(): void {
    this.#watch.progress();
    const now = performance.now();
    if (this.#over || now - this.#beatAt < BEAT_EVERY_MS) return;
    this.#beatAt = now;
    this.#credit(true);
  }

  /** What waits to be written is not credited: that is how a slow disk slows the sender down. */
  #credit(now: boolean): void {
    const takenBytes = this.#arrivedBytes - this.#unwrittenBytes;
    if (this.#over || !now && takenBytes - this.#creditedBytes < CREDIT_EVERY_BYTES) return;
    this.#creditedBytes = Math.max(this.#creditedBytes, takenBytes);
    const { jobId: job_id, purpose } = this.#options;
    const received_bytes = this.#creditedBytes;
    tellPeer(this.#link, { type: "transfer_credit", job_id, purpose, received_bytes });
  }

  #finishIfComplete(): void {
    if (this.#over || !this.#reception.isComplete) return;
    const { jobId: job_id, purpose } = this.#options;
    tellPeer(this.#link, { type: "transfer_done", job_id, purpose });
    this.#settle(() => this.#outcome.resolve());
  }

  async #guarded(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.#fail(await nameFullDisk(error, this.#options.partsFolder));
    }
  }

  #fail(error: unknown): void {
    if (this.#over) return;
    const { jobId: job_id, purpose } = this.#options;
    const message = error instanceof Error ? error.message : String(error);
    const reason = message.slice(0, 1_000);
    tellPeer(this.#link, { type: "transfer_failed", job_id, purpose, reason });
    if (error instanceof Failure) return this.end(error);
    this.end(new Error(`The files cannot be received: ${message}`, { cause: error }));
  }

  #settle(tell: () => void): void {
    if (this.#over) return;
    this.#over = true;
    this.#watch[Symbol.dispose]();
    this.#work.then(() => {
      for (const part of this.#parts.values()) part.release();
      this.#closed.resolve();
      this.#keep().then(this.#kept.resolve);
    });
    tell();
  }

  /** Apart from the transfer: a job need not wait for the copies of its inputs. */
  async #keep(): Promise<void> {
    try {
      for (const file of this.#sent) await this.#landing.keep(file);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      this.#options.warned?.(`A file cannot be cached: ${reason}`);
    }
  }
}
