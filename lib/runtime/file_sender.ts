/** Sends the files of a manifest over a link, as fast as the receiver writes them. */

import type { JobId } from "../base/id.ts";
import type { Manifest } from "../protocol/manifest.ts";
import type { TransferMessage, TransferPurpose } from "../protocol/transfer_message.ts";
import type { PeerLink } from "../rtc/peer_link.ts";
import { CreditWindow } from "../transfer/credit_window.ts";
import { tellPeer } from "./link_speech.ts";

/** One read, and one call of the link. */
const CHUNK_BYTES = 256 * 1024;
/** What the link may hold back before the next read. Higher: more memory; lower: gaps on the wire. */
const BUFFERED_BYTES = 1024 * 1024;

/** What is sent, and where it is. */
export interface SendOptions {
  readonly jobId: JobId;
  readonly purpose: TransferPurpose;
  readonly manifest: Manifest;
  /** The file of this machine that holds the manifest's file of that index. */
  readonly pathOf: (index: number) => string;
  /** Bytes that the receiver has written, of those that it wanted. */
  readonly progress?: (bytes: number, bytesMax: number) => void;
}

/** One transfer, as its sender. */
export class FileSender {
  readonly #link: PeerLink;
  readonly #options: SendOptions;
  readonly #window = new CreditWindow();
  readonly #buffer = new Uint8Array(CHUNK_BYTES);
  readonly #outcome = Promise.withResolvers<void>();
  #bytesMax = 0;
  #opened: (() => void) | undefined;
  #sending: Promise<void> | undefined;
  #over = false;

  constructor(link: PeerLink, options: SendOptions) {
    this.#link = link;
    this.#options = options;
    const { jobId: job_id, purpose, manifest } = options;
    this.#say({ type: "transfer_offer", job_id, purpose, manifest });
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
    return this.#sending ?? Promise.resolve();
  }

  /** Takes a message; one about another transfer is not for us. */
  receive(message: TransferMessage): void {
    const { jobId, purpose } = this.#options;
    if (this.#over || message.job_id !== jobId || message.purpose !== purpose) return;
    switch (message.type) {
      case "transfer_want":
        this.#sending ??= this.#send(message.files)
          .catch((error: unknown) => this.#fail(error));
        return;
      case "transfer_credit":
        this.#window.received(message.received_bytes);
        this.#options.progress?.(this.#window.receivedBytes, this.#bytesMax);
        this.#opened?.();
        return;
      case "transfer_done":
        this.#over = true;
        return this.#outcome.resolve();
      case "transfer_failed":
        return this.end(new Error(`The receiver gave up: ${message.reason}`));
      case "transfer_offer":
        return;
    }
    message satisfies never;
  }

  /** The transfer cannot go on: the link closed, or nobody wants it any more. */
  end(reason: Error): void {
    if (this.#over) return;
    this.#over = true;
    this.#opened?.();
    this.#outcome.reject(reason);
  }

  async #send(wants: readonly { index: number; offset: number }[]): Promise<void> {
    const files = this.#options.manifest.files;
    if (wants.length > files.length) {
      throw new Error(`The receiver wants ${wants.length} files of ${files.length}`);
    }
    this.#bytesMax = wants.reduce((sum, { index, offset }) => {
      return sum + Math.max(0, (files[index]?.bytes ?? 0) - offset);
    }, 0);
    this.#options.progress?.(0, this.#bytesMax);
    for (const { index, offset } of wants) {
      const entry = files[index];
      if (entry === undefined) {
        throw new Error(`The receiver wants file ${index} of ${files.length}`);
      }
      using file = await Deno.open(this.#options.pathOf(index));
      await file.seek(offset, Deno.SeekMode.Start);
      for (let at = offset; at < entry.bytes && !this.#over;) {
        await this.#room();
        const length = await file.read(this.#chunk(entry.bytes - at));
        if (length === null) throw new Error(`${entry.path} became shorter while it was sent`);
        if (this.#over) return;
        this.#link.sendData(index, at, this.#buffer.subarray(0, length));
        this.#window.sent(length);
        at += length;
      }
    }
  }

  #chunk(rest: number): Uint8Array {
    return this.#buffer.subarray(0, Math.min(CHUNK_BYTES, rest, this.#window.openBytes));
  }

  /** Waits until the link and the receiver have room. */
  async #room(): Promise<void> {
    await this.#link.drainedTo(BUFFERED_BYTES);
    while (this.#window.openBytes === 0 && !this.#over) {
      await new Promise<void>((resolve) => this.#opened = resolve);
    }
  }

  #fail(error: unknown): void {
    const { jobId: job_id, purpose } = this.#options;
    const reason = error instanceof Error ? error.message : String(error);
    if (this.#over) return;
    this.#say({ type: "transfer_failed", job_id, purpose, reason: reason.slice(0, 1_000) });
    this.end(new Error(`The files cannot be sent: ${reason}`, { cause: error }));
  }

  #say(message: TransferMessage): void {
    tellPeer(this.#link, message);
  }
}
