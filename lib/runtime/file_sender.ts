/**
 * Sends the files of a manifest over a link, as fast as the receiver writes them: the blocks that it
 * asks for, in its order, each with its digest. Knows nothing of what the receiver has.
 */

import type { JobId } from "../base/id.ts";
import type { Manifest } from "../protocol/manifest.ts";
import type { BlockRun, TransferMessage, TransferPurpose } from "../protocol/transfer_message.ts";
import type { PeerLink } from "../rtc/peer_link.ts";
import { BLOCK_BYTES, blocksOf, bytesOfBlock } from "../transfer/block.ts";
import { CreditWindow } from "../transfer/credit_window.ts";
import { BLOCK_TRIES_MAX } from "../transfer/reception.ts";
import { readFully } from "./file_bytes.ts";
import { sha256OfBytes } from "./file_digest.ts";
import { tellPeer } from "./link_speech.ts";
import { StallWatch } from "./stall_watch.ts";

/** What the link may hold back before the next piece. Higher: more memory; lower: gaps on the wire. */
const BUFFERED_BYTES = 1024 * 1024;

/** What is sent, and where it is. */
export interface SendOptions {
  readonly jobId: JobId;
  readonly purpose: TransferPurpose;
  readonly manifest: Manifest;
  /** The file of this machine that holds the manifest's file of that index. */
  readonly pathOf: (index: number) => string;
  /** Whether all is to be sent, even what the receiver has in its cache. */
  readonly isFresh?: boolean;
  /** Bytes that the receiver has taken, of those that it wanted. */
  readonly progress?: (bytes: number, bytesMax: number) => void;
  /** Between two looks at whether it gets on. */
  readonly lookEveryMs?: number;
}

/** One transfer, as its sender. */
export class FileSender {
  readonly #link: PeerLink;
  readonly #options: SendOptions;
  readonly #window = new CreditWindow();
  readonly #watch: StallWatch;
  readonly #outcome = Promise.withResolvers<void>();
  readonly #blocksMax: number;
  #buffer = new Uint8Array();
  /** What is wanted, and not sent yet. */
  #runs: BlockRun[] = [];
  #blocksWanted = 0;
  #bytesWanted = 0;
  #opened: (() => void) | undefined;
  #sending: Promise<void> = Promise.resolve();
  #over = false;

  constructor(link: PeerLink, options: SendOptions) {
    this.#link = link;
    this.#options = options;
    const { jobId: job_id, purpose, manifest, isFresh } = options;
    this.#blocksMax = manifest.files.reduce((sum, { bytes }) => sum + blocksOf(bytes), 0) *
      BLOCK_TRIES_MAX;
    this.#watch = new StallWatch(
      () => {},
      // Its owner hears of the link's end, and may come again over another one.
      (reason) => link.close(reason),
      options.lookEveryMs,
    );
    const fresh = isFresh === true ? { is_fresh: true } : {};
    this.#say({ type: "transfer_offer", job_id, purpose, manifest, ...fresh });
  }

  /**
   * Resolves when the receiver has every file.
   *
   * @throws {Error} Where the transfer failed on either side, or the link closed.
   */
  get done(): Promise<void> {
    return this.#outcome.promise;
  }

  /** Resolves when no file is open any more, once the transfer or its link is over. */
  get closed(): Promise<void> {
    return this.#sending;
  }

  /** Takes a message; one about another transfer is not for us. */
  receive(message: TransferMessage): void {
    const { jobId, purpose } = this.#options;
    if (this.#over || message.job_id !== jobId || message.purpose !== purpose) return;
    this.#watch.progress();
    switch (message.type) {
      case "transfer_want":
        return this.#want(message.runs);
      case "transfer_credit":
        this.#window.received(message.received_bytes);
        // Before its first want, a receiver only says that it lives.
        if (this.#bytesWanted > 0) this.#progress();
        return this.#opened?.();
      case "transfer_done":
        return this.#end(() => this.#outcome.resolve());
      case "transfer_failed":
        return this.end(new Error(`The receiver gave up: ${message.reason}`));
      case "transfer_offer":
      case "transfer_block":
        return;
    }
    message satisfies never;
  }

  /** The transfer cannot go on: the link closed, or nobody wants it any more. */
  end(reason: Error): void {
    this.#end(() => this.#outcome.reject(reason));
  }

  #want(runs: readonly BlockRun[]): void {
    const { files } = this.#options.manifest;
    for (const { index, first, count } of runs) {
      const blocks = blocksOf(files[index]?.bytes ?? 0);
      this.#blocksWanted += count;
      // A receiver asks for each block a few times at most; one that asks for ever is cut off.
      if (first + count > blocks || this.#blocksWanted > this.#blocksMax) {
        const wanted = `blocks ${first} to ${first + count - 1} of file ${index}`;
        return this.#fail(
          new Error(`Expected wants of ${files.length} files' blocks, got ${wanted}`),
        );
      }
      for (let block = first; block < first + count; block++) {
        this.#bytesWanted += bytesOfBlock(files[index]?.bytes ?? 0, block);
      }
    }
    this.#progress();
    const isIdle = this.#runs.length === 0;
    this.#runs.push(...runs);
    if (!isIdle || runs.length === 0) return;
    this.#sending = this.#sending.then(() => this.#send())
      .catch((error: unknown) => this.#fail(error));
  }

  #progress(): void {
    this.#options.progress?.(this.#window.receivedBytes, this.#bytesWanted);
  }

  async #send(): Promise<void> {
    for (let at = 0; at < this.#runs.length && !this.#over; at++) {
      const run = this.#runs[at];
      if (run !== undefined) await this.#sendRun(run);
    }
    this.#runs = [];
  }

  async #sendRun({ index, first, count }: BlockRun): Promise<void> {
    using file = await Deno.open(this.#options.pathOf(index));
    await file.seek(first * BLOCK_BYTES, Deno.SeekMode.Start);
    for (let block = first; block < first + count && !this.#over; block++) {
      await this.#sendBlock(file, index, block);
    }
  }

  async #sendBlock(file: Deno.FsFile, index: number, block: number): Promise<void> {
    const { manifest, jobId: job_id, purpose } = this.#options;
    const { path = "", bytes: fileBytes = 0 } = manifest.files[index] ?? {};
    const blockBytes = bytesOfBlock(fileBytes, block);
    if (this.#buffer.length < blockBytes) this.#buffer = new Uint8Array(blockBytes);
    const bytes = this.#buffer.subarray(0, blockBytes);
    if (await readFully(file, bytes) < blockBytes) {
      throw new Error(`${path} became shorter while it was sent`);
    }
    // Piece by piece: werift slows down by a tenth where it is handed a MiB at once (measured).
    for (let at = 0; at < blockBytes;) {
      const piece = bytes.subarray(at, at + this.#link.pieceBytes);
      await this.#room(piece.length);
      if (this.#over) return;
      this.#link.sendData(index, block * BLOCK_BYTES + at, piece);
      this.#window.sent(piece.length);
      at += piece.length;
    }
    // The digest of a file of one block is in the manifest.
    if (fileBytes <= BLOCK_BYTES) return;
    const sha256 = sha256OfBytes(bytes);
    this.#say({ type: "transfer_block", job_id, purpose, index, block, sha256 });
  }

  /** Waits until the link and the receiver have room for `bytes`. */
  async #room(bytes: number): Promise<void> {
    await this.#link.drainedTo(BUFFERED_BYTES);
    while (this.#window.openBytes < bytes && !this.#over) {
      await new Promise<void>((resolve) => this.#opened = resolve);
    }
  }

  #fail(error: unknown): void {
    if (this.#over) return;
    const { jobId: job_id, purpose } = this.#options;
    const reason = error instanceof Error ? error.message : String(error);
    this.#say({ type: "transfer_failed", job_id, purpose, reason: reason.slice(0, 1_000) });
    this.end(new Error(`The files cannot be sent: ${reason}`, { cause: error }));
  }

  #end(tell: () => void): void {
    if (this.#over) return;
    this.#over = true;
    this.#watch[Symbol.dispose]();
    this.#opened?.();
    tell();
  }

  #say(message: TransferMessage): void {
    tellPeer(this.#link, message);
  }
}
