/** Puts the pieces of blocks together as they arrive. Knows nothing of digests, disks or links. */

import type { FileEntry } from "../protocol/manifest.ts";
import { BLOCK_BYTES } from "../transfer/block.ts";
import type { Reception } from "../transfer/reception.ts";

/** A block that is whole, and not checked yet. */
export interface Block {
  /** Index of its file in the manifest. */
  readonly index: number;
  readonly file: FileEntry;
  readonly block: number;
  readonly bytes: Uint8Array;
}

/** The block that arrives, and buffers for those to come. */
export class BlockAssembly {
  readonly #reception: Reception;
  /** A buffer is 4 MiB: to be used again, and not left to the collector to find. */
  readonly #spare: Uint8Array<ArrayBuffer>[] = [];
  #buffer: Uint8Array<ArrayBuffer> | undefined;

  constructor(reception: Reception) {
    this.#reception = reception;
  }

  /**
   * Takes data. Gives the block that is whole with it.
   *
   * @param bytes Ours, with their buffer: where they are copied, that is detached.
   * @throws {RangeError} Where it is not the next of what was asked for.
   */
  take(index: number, offset: number, bytes: Uint8Array): Block | undefined {
    const { file, block, at, blockBytes, isLast } = this.#reception.take(
      index,
      offset,
      bytes.length,
    );
    // A small file that came in one piece is not copied.
    if (at === 0 && isLast) return { index, file, block, bytes };
    this.#buffer ??= this.#spare.pop() ?? new Uint8Array(BLOCK_BYTES);
    this.#buffer.set(bytes, at);
    // Left to the collector, they grow to 64 MiB before it looks.
    if (bytes.buffer instanceof ArrayBuffer) bytes.buffer.transfer(0);
    if (!isLast) return undefined;
    const whole = this.#buffer.subarray(0, blockBytes);
    this.#buffer = undefined;
    return { index, file, block, bytes: whole };
  }

  /** The bytes of that block are needed no more. */
  release({ bytes: { buffer } }: Block): void {
    if (buffer instanceof ArrayBuffer && buffer.byteLength === BLOCK_BYTES) {
      this.#spare.push(new Uint8Array(buffer));
    }
  }
}
