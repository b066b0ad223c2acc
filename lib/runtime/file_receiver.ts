/**
 * Receives the files of a manifest into a folder. A file stands under its name only when it is whole
 * and its digest is right; what is not whole yet is kept aside, and a later transfer goes on from it.
 */

import { createHash, type Hash } from "node:crypto";
import { dirname, join } from "node:path";
import { Failure } from "../base/failure.ts";
import type { JobId } from "../base/id.ts";
import type { FileEntry, Manifest } from "../protocol/manifest.ts";
import type { TransferMessage, TransferPurpose } from "../protocol/transfer_message.ts";
import type { PeerLink } from "../rtc/peer_link.ts";
import { CREDIT_EVERY_BYTES, WINDOW_BYTES } from "../transfer/credit_window.ts";
import { Reception } from "../transfer/reception.ts";
import { digestFile } from "./file_digest.ts";
import { tellPeer } from "./link_speech.ts";

/** What is received, and where to. */
export interface ReceiveOptions {
  readonly jobId: JobId;
  readonly purpose: TransferPurpose;
  readonly manifest: Manifest;
  /** Where whole files stand, each by its path in the manifest. */
  readonly folder: string;
  /** Where parts are kept, each by its digest. On the same file system as `folder`. */
  readonly partsFolder: string;
  /** Resolves when the folders are ours; where it rejects, nothing can be received. */
  readonly ready?: Promise<unknown>;
  /** Bytes that are written, of all there are. */
  readonly progress?: (bytes: number, bytesMax: number) => void;
}

interface OpenPart {
  readonly index: number;
  readonly file: Deno.FsFile;
  readonly digest: Hash;
}

/** One transfer, as its receiver. */
export class FileReceiver {
  readonly #link: PeerLink;
  readonly #options: ReceiveOptions;
  readonly #reception: Reception;
  readonly #outcome = Promise.withResolvers<void>();
  readonly #closed = Promise.withResolvers<void>();
  #work: Promise<void>;
  #part: OpenPart | undefined;
  #waitingBytes = 0;
  #receivedBytes = 0;
  #creditedBytes = 0;
  #over = false;

  constructor(link: PeerLink, options: ReceiveOptions) {
    this.#link = link;
    this.#options = options;
    this.#reception = new Reception(options.manifest);
    this.#work = this.#begin().catch((error: unknown) => this.#fail(error));
  }

  /**
   * Resolves when every file is in its place.
   *
   * @throws {Failure} Where bytes are not those that were promised.
   * @throws {Error} Where the transfer failed on either side, or the link closed.
   */
  get done(): Promise<void> {
    return this.#outcome.promise;
  }

  /** Resolves when the transfer is over and nothing touches its folders any more. */
  get closed(): Promise<void> {
    return this.#closed.promise;
  }

  /** Takes data of one of the files. Writing follows in order; the sender's window bounds the wait. */
  data(index: number, offset: number, bytes: Uint8Array): void {
    if (this.#over) return;
    this.#waitingBytes += bytes.length;
    if (this.#waitingBytes > WINDOW_BYTES) {
      const got = `${this.#waitingBytes} bytes that are not written yet`;
      return this.#fail(new Error(`Expected the sender to wait for credit, got ${got}`));
    }
    this.#work = this.#work
      .then(() => this.#over ? undefined : this.#write(index, offset, bytes))
      .catch((error: unknown) => this.#fail(error));
  }

  /** Takes a message; one about another transfer is not for us. */
  receive(message: TransferMessage): void {
    const { jobId, purpose } = this.#options;
    if (message.job_id !== jobId || message.purpose !== purpose) return;
    if (message.type !== "transfer_failed") return;
    this.end(new Error(`The sender gave up: ${message.reason}`));
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
    const { manifest, partsFolder, folder, jobId: job_id, purpose } = this.#options;
    await this.#options.ready;
    if (this.#over) return;
    await Deno.mkdir(partsFolder, { recursive: true });
    await Deno.mkdir(folder, { recursive: true });
    for (const [index, entry] of manifest.files.entries()) {
      if (this.#over) return;
      await this.#resume(index, entry);
    }
    if (this.#over) return;
    this.#options.progress?.(this.#reception.bytes, this.#reception.bytesMax);
    tellPeer(this.#link, {
      type: "transfer_want",
      job_id,
      purpose,
      files: this.#reception.wants(),
    });
    this.#finishIfComplete();
  }

  /** Goes on from what an earlier transfer left of a file. */
  async #resume(index: number, entry: FileEntry): Promise<void> {
    const part = this.#partPath(index, entry);
    if (entry.bytes === 0) await Deno.writeFile(part, new Uint8Array());
    const present = await sizeOf(part);
    if (present === undefined) return;
    if (present < entry.bytes) return this.#reception.resume(index, present);
    const { bytes, sha256 } = await digestFile(part);
    if (sha256 === entry.sha256) {
      this.#reception.resume(index, bytes);
      return await this.#move(index, entry);
    }
    await Deno.remove(part);
    if (entry.bytes === 0) throw digestFailure(entry, sha256);
  }

  async #write(index: number, offset: number, bytes: Uint8Array): Promise<void> {
    const { file, whole } = this.#reception.take(index, offset, bytes.length);
    const part = await this.#open(index, file, offset);
    for (let written = 0; written < bytes.length;) {
      written += await part.file.write(bytes.subarray(written));
    }
    part.digest.update(bytes);
    this.#waitingBytes -= bytes.length;
    this.#receivedBytes += bytes.length;
    this.#options.progress?.(this.#reception.bytes, this.#reception.bytesMax);
    if (whole) await this.#finish(index, file, part.digest.digest("hex"));
    this.#credit(whole);
    this.#finishIfComplete();
  }

  async #open(index: number, entry: FileEntry, offset: number): Promise<OpenPart> {
    if (this.#part?.index === index) return this.#part;
    this.#closePart();
    const path = this.#partPath(index, entry);
    const digest = createHash("sha256");
    if (offset > 0) {
      // The part of an earlier transfer: its bytes count in the digest.
      for await (const chunk of (await Deno.open(path)).readable) digest.update(chunk);
    }
    const file = await Deno.open(path, { create: true, append: true });
    this.#part = { index, file, digest };
    return this.#part;
  }

  async #finish(index: number, entry: FileEntry, sha256: string): Promise<void> {
    this.#closePart();
    if (sha256 !== entry.sha256) {
      await Deno.remove(this.#partPath(index, entry));
      throw digestFailure(entry, sha256);
    }
    await this.#move(index, entry);
  }

  async #move(index: number, entry: FileEntry): Promise<void> {
    const path = join(this.#options.folder, entry.path);
    await Deno.mkdir(dirname(path), { recursive: true });
    await Deno.rename(this.#partPath(index, entry), path);
    this.#reception.verified(index);
  }

  #finishIfComplete(): void {
    if (this.#over || !this.#reception.complete) return;
    const { jobId: job_id, purpose } = this.#options;
    tellPeer(this.#link, { type: "transfer_done", job_id, purpose });
    this.#settle(() => this.#outcome.resolve());
  }

  #credit(now: boolean): void {
    if (!now && this.#receivedBytes - this.#creditedBytes < CREDIT_EVERY_BYTES) return;
    this.#creditedBytes = this.#receivedBytes;
    const { jobId: job_id, purpose } = this.#options;
    const received_bytes = this.#receivedBytes;
    tellPeer(this.#link, { type: "transfer_credit", job_id, purpose, received_bytes });
  }

  #fail(error: unknown): void {
    if (this.#over) return;
    const { jobId: job_id, purpose } = this.#options;
    const reason = error instanceof Error ? error.message : String(error);
    tellPeer(this.#link, {
      type: "transfer_failed",
      job_id,
      purpose,
      reason: reason.slice(0, 1_000),
    });
    if (error instanceof Failure) return this.end(error);
    this.end(new Error(`The files cannot be received: ${reason}`, { cause: error }));
  }

  #settle(tell: () => void): void {
    if (this.#over) return;
    this.#over = true;
    this.#work.then(() => {
      this.#closePart();
      this.#closed.resolve();
    });
    tell();
  }

  #closePart(): void {
    this.#part?.file.close();
    this.#part = undefined;
  }

  /** With the index, since a manifest may name the same bytes twice. */
  #partPath(index: number, entry: FileEntry): string {
    return join(this.#options.partsFolder, `${entry.sha256}.${index}`);
  }
}

function digestFailure({ path, sha256: promised }: FileEntry, sha256: string): Failure {
  return new Failure("corrupt", `Expected ${path} with SHA-256 ${promised}, got ${sha256}`);
}

async function sizeOf(path: string): Promise<number | undefined> {
  try {
    return (await Deno.stat(path)).size;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
