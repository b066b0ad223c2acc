/**
 * Receives the files of a manifest into a folder, block by block. A file stands under its name only
 * when it is whole and its digest is right; what is not whole yet is kept aside, and a later transfer
 * goes on from it. Knows links and messages; what is on the disk is `ReceivedFiles`' to know.
 */

import { Failure } from "../base/failure.ts";
import type { JobId, Sha256 } from "../base/id.ts";
import { SECOND_MS } from "../base/time.ts";
import type { Manifest } from "../protocol/manifest.ts";
import type { TransferMessage, TransferPurpose } from "../protocol/transfer_message.ts";
import type { PeerLink } from "../rtc/peer_link.ts";
import { BLOCK_BYTES } from "../transfer/block.ts";
import { CREDIT_EVERY_BYTES, WINDOW_BYTES } from "../transfer/credit_window.ts";
import { Reception } from "../transfer/reception.ts";
import { type Block, BlockAssembly } from "./block_assembly.ts";
import { nameFullDisk } from "./disk_room.ts";
import { sha256OfBytes } from "./file_digest.ts";
import type { LandingOptions } from "./landing_place.ts";
import { tellPeer } from "./link_speech.ts";
import { ReceivedFiles } from "./received_files.ts";
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
  readonly #files: ReceivedFiles;
  readonly #watch: StallWatch;
  readonly #outcome = Promise.withResolvers<void>();
  readonly #closed = Promise.withResolvers<void>();
  readonly #kept = Promise.withResolvers<void>();
  readonly #assembly: BlockAssembly;
  #work: Promise<void>;
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
    this.#files = new ReceivedFiles({
      manifest: options.manifest,
      landing: options,
      reception: this.#reception,
      beat: () => this.#beat(),
    });
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
    await this.#files.prepare(() => this.#over);
    if (this.#over) return;
    this.#reception.plan();
    this.#progress();
    this.#ask();
    this.#finishIfComplete();
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
    if (got === promised) await this.#files.write(block, got);
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
      this.#files.release();
      this.#closed.resolve();
      this.#keep().then(this.#kept.resolve);
    });
    tell();
  }

  /** Apart from the transfer: a job need not wait for the copies of its inputs. */
  async #keep(): Promise<void> {
    try {
      await this.#files.keep();
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      this.#options.warned?.(`A file cannot be cached: ${reason}`);
    }
  }
}
