/** How a file is cut into blocks. Pure arithmetic; knows nothing of which of them are where. */

/**
 * Bytes of a block: what is checked, written and noted at once, and sent again after a crash. Higher:
 * a kill or a bad byte costs more (0.4 s of werift's 10 MB/s) and each end holds more; lower: more
 * digests to say and to keep (at 4 MiB, 5 GB are 1,193 blocks and a record of 38 KB).
 */
export const BLOCK_BYTES = 4 * 1024 * 1024;

/**
 * How many blocks a file of `fileBytes` has; none where it is empty.
 *
 * @example
 * ```ts
 * import { BLOCK_BYTES, blocksOf } from "./block.ts";
 * import { deepEqual } from "node:assert/strict";
 * deepEqual([0, 1, BLOCK_BYTES, BLOCK_BYTES + 1].map(blocksOf), [0, 1, 1, 2]);
 * ```
 */
export function blocksOf(fileBytes: number): number {
  return Math.ceil(fileBytes / BLOCK_BYTES);
}

/** The bytes of block number `block` of a file of `fileBytes`; 0 where there is no such block. */
export function bytesOfBlock(fileBytes: number, block: number): number {
  return Math.max(0, Math.min(BLOCK_BYTES, fileBytes - block * BLOCK_BYTES));
}
