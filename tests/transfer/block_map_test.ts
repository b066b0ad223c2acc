import { deepEqual, equal } from "node:assert/strict";
import fc from "fast-check";
import { BLOCK_BYTES, blocksOf, bytesOfBlock } from "../../lib/transfer/block.ts";
import { BlockMap } from "../../lib/transfer/block_map.ts";

Deno.test("block map: what is missing comes in stretches as long as can be", () => {
  const map = new BlockMap(6 * BLOCK_BYTES - 1);
  deepEqual(map.missing(), [{ first: 0, count: 6 }]);
  for (const block of [0, 3, 3, 9, -1, 0.5]) map.add(block);
  deepEqual(map.missing(), [{ first: 1, count: 2 }, { first: 4, count: 2 }]);
  equal(map.bytes, 2 * BLOCK_BYTES);
  map.add(5);
  equal(map.bytes, 3 * BLOCK_BYTES - 1, "the last block is shorter");
});

Deno.test("block map: a copy goes its own way", () => {
  const map = new BlockMap(3 * BLOCK_BYTES);
  map.add(1);
  const copy = map.copy();
  map.add(0);
  deepEqual([copy.missing(), copy.bytes], [
    [{ first: 0, count: 1 }, { first: 2, count: 1 }],
    BLOCK_BYTES,
  ]);
});

Deno.test("block map: an empty file is whole", () => {
  const map = new BlockMap(0);
  deepEqual([map.isWhole, map.bytes, map.missing()], [true, 0, []]);
});

const fileBytes = fc.integer({ min: 1, max: 20 * BLOCK_BYTES });

Deno.test("blocks: cut a file into pieces that are all of it", () => {
  fc.assert(fc.property(fileBytes, (bytes) => {
    const blocks = Array.from(
      { length: blocksOf(bytes) },
      (_, block) => bytesOfBlock(bytes, block),
    );
    equal(blocks.reduce((sum, length) => sum + length, 0), bytes);
    equal(blocks.every((length) => length > 0 && length <= BLOCK_BYTES), true);
    equal(bytesOfBlock(bytes, blocks.length), 0);
  }));
});

Deno.test("block map: what is here and what is missing are all of the file, and no block is both", () => {
  fc.assert(fc.property(fileBytes, fc.array(fc.nat(25)), (bytes, added) => {
    const map = new BlockMap(bytes);
    for (const block of added) map.add(block);
    const missing = map.missing().flatMap(({ first, count }) =>
      Array.from({ length: count }, (_, at) => first + at)
    );
    const present = [...new Set(added)].filter((block) => block < blocksOf(bytes));
    deepEqual([...present, ...missing].toSorted((a, b) => a - b), [
      ...Array(blocksOf(bytes)).keys(),
    ]);
    for (const block of missing) equal(map.has(block), false);
    for (const block of present) equal(map.has(block), true);
    equal(map.bytes, present.reduce((sum, block) => sum + bytesOfBlock(bytes, block), 0));
    equal(map.isWhole, missing.length === 0);
  }));
});
