/** Which blocks of one file are here. Knows nothing of bytes, digests or where it is kept. */

import { blocksOf, bytesOfBlock } from "./block.ts";

/** Blocks that follow each other. */
export interface Stretch {
  readonly first: number;
  readonly count: number;
}

/** The blocks of one file. */
export class BlockMap {
  readonly #fileBytes: number;
  readonly #present: Uint8Array;
  #bytes = 0;
  #missing: number;

  /** @param fileBytes The size of the file in bytes. None of its blocks is here yet. */
  constructor(fileBytes: number) {
    this.#fileBytes = fileBytes;
    this.#missing = blocksOf(fileBytes);
    this.#present = new Uint8Array(this.#missing);
  }

  /** Another map with the same blocks, which goes its own way from then on. */
  copy(): BlockMap {
    const copy = new BlockMap(this.#fileBytes);
    for (const [block, present] of this.#present.entries()) if (present === 1) copy.add(block);
    return copy;
  }

  /** Bytes of the blocks that are here. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Whether no block is missing. */
  get isWhole(): boolean {
    return this.#missing === 0;
  }

  /** Whether that block is here. */
  has(block: number): boolean {
    return this.#present[block] === 1;
  }

  /** That block is here. Twice, or one that the file does not have, changes nothing. */
  add(block: number): void {
    if (this.#present[block] !== 0) return;
    this.#present[block] = 1;
    this.#missing--;
    this.#bytes += bytesOfBlock(this.#fileBytes, block);
  }

  /** What is missing, from the first block to the last, in stretches as long as can be. */
  missing(): Stretch[] {
    const stretches: Stretch[] = [];
    for (let first = this.#present.indexOf(0); first !== -1;) {
      const next = this.#present.indexOf(1, first);
      const end = next === -1 ? this.#present.length : next;
      stretches.push({ first, count: end - first });
      first = this.#present.indexOf(0, end);
    }
    return stretches;
  }
}
