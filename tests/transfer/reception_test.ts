import { deepEqual, equal, ok, throws } from "node:assert/strict";
import fc from "fast-check";
import type { Manifest } from "../../lib/protocol/manifest.ts";
import { WANTED_RUNS_MAX } from "../../lib/protocol/transfer_message.ts";
import { sha256Of } from "../../lib/runtime/file_digest.ts";
import { BLOCK_BYTES, blocksOf } from "../../lib/transfer/block.ts";
import { BlockMap } from "../../lib/transfer/block_map.ts";
import { BLOCK_TRIES_MAX, Reception } from "../../lib/transfer/reception.ts";

const DIGEST = sha256Of("0".repeat(64));
const WRONG = { promised: DIGEST, got: sha256Of("1".repeat(64)) };

/** Files of those sizes, each with bytes of its own. */
function manifestOf(sizes: readonly number[]): Manifest {
  return {
    files: sizes.map((bytes, index) => ({
      path: `file ${index}`,
      bytes,
      sha256: sha256Of(String(index).padStart(64, "0")),
    })),
  };
}

function receptionOf(sizes: readonly number[]): Reception {
  const reception = new Reception(manifestOf(sizes));
  reception.plan();
  reception.ask();
  return reception;
}

/** Takes a whole block in one piece. */
function takeBlock(reception: Reception, index: number, block: number, bytes = BLOCK_BYTES): void {
  ok(reception.take(index, block * BLOCK_BYTES, bytes).isLast);
}

Deno.test("reception: wants the blocks that are not here, and nothing of files in their place", () => {
  const reception = new Reception(manifestOf([3 * BLOCK_BYTES, 0, BLOCK_BYTES, 10]));
  const map = new BlockMap(3 * BLOCK_BYTES);
  map.add(1);
  reception.resume(0, map);
  reception.placed(2);
  reception.plan();
  deepEqual(reception.ask(), [
    { index: 0, first: 0, count: 1 },
    { index: 0, first: 2, count: 1 },
    { index: 3, first: 0, count: 1 },
  ]);
  deepEqual(reception.ask(), [], "asked once");
  deepEqual([reception.bytes, reception.bytesMax], [2 * BLOCK_BYTES, 4 * BLOCK_BYTES + 10]);
});

Deno.test("reception: bytes that two files share are wanted once", () => {
  const entry = { bytes: 10, sha256: DIGEST };
  const reception = new Reception({
    files: [{ path: "a", ...entry }, { path: "b", ...entry }, { path: "c", ...entry, bytes: 11 }],
  });
  reception.plan();
  deepEqual(reception.ask().map(({ index }) => index), [0, 2]);
  deepEqual([reception.twinsOf(0), reception.isTwin(1), reception.isTwin(2)], [[1], true, false]);
});

Deno.test("reception: a list that fits into no message is asked for in parts", () => {
  const map = new BlockMap(2 * WANTED_RUNS_MAX * BLOCK_BYTES + 1);
  for (let block = 1; block < 2 * WANTED_RUNS_MAX; block += 2) map.add(block);
  const reception = new Reception(manifestOf([2 * WANTED_RUNS_MAX * BLOCK_BYTES + 1]));
  reception.resume(0, map);
  reception.plan();
  deepEqual([reception.ask(), reception.ask(), reception.ask()].map(({ length }) => length), [
    WANTED_RUNS_MAX,
    1,
    0,
  ]);
});

Deno.test("reception: a block is its pieces, a file its blocks", () => {
  const reception = receptionOf([BLOCK_BYTES + 10]);
  equal(reception.take(0, 0, BLOCK_BYTES - 1).isLast, false);
  deepEqual(reception.take(0, BLOCK_BYTES - 1, 1), {
    file: manifestOf([BLOCK_BYTES + 10]).files[0],
    block: 0,
    at: BLOCK_BYTES - 1,
    blockBytes: BLOCK_BYTES,
    isLast: true,
  });
  equal(reception.accept(0, 0), false);
  equal(reception.isIdle, false);
  takeBlock(reception, 0, 1, 10);
  equal(reception.isIdle, true);
  equal(reception.accept(0, 1), true);
  equal(reception.isComplete, false, "not in its place yet");
  reception.placed(0);
  deepEqual([reception.isComplete, reception.bytes], [true, BLOCK_BYTES + 10]);
});

Deno.test("reception: a wrong block is asked for again, and not for ever", () => {
  const reception = receptionOf([2 * BLOCK_BYTES]);
  takeBlock(reception, 0, 0);
  reception.refuse(0, 0, WRONG);
  takeBlock(reception, 0, 1);
  equal(reception.accept(0, 1), false);
  for (let tries = 2; tries <= BLOCK_TRIES_MAX; tries++) {
    deepEqual(reception.ask(), [{ index: 0, first: 0, count: 1 }]);
    takeBlock(reception, 0, 0);
    if (tries < BLOCK_TRIES_MAX) reception.refuse(0, 0, WRONG);
  }
  throws(() => reception.refuse(0, 0, WRONG), {
    kind: "corrupt",
    message: /Expected block 0 of file 0 with SHA-256 0{64}, got 1{64}/,
  });
});

const wrong: [string, (reception: Reception) => void, RegExp][] = [
  ["a file that was not asked for", (it) => it.take(2, 0, 1), /of file 0.*got byte 0 of file 2/],
  ["a gap", (it) => it.take(0, 1, 1), /byte 0 of file 0.*got byte 1/],
  ["bytes again", (it) => (it.take(0, 0, 4), it.take(0, 0, 4)), /byte 4 of file 0.*got byte 0/],
  ["too many bytes", (it) => it.take(0, 0, 11), /10 bytes of block 0 of file 0, got 11/],
  ["a second file before the first is whole", (it) => it.take(1, 0, 1), /byte 0 of file 0/],
  ["more than was asked for", (it) => {
    it.take(0, 0, 10);
    it.take(1, 0, 20);
    it.take(1, 0, 20);
  }, /Expected no data/],
];
for (const [what, act, message] of wrong) {
  Deno.test(`reception: refuses ${what}`, () => {
    throws(() => act(receptionOf([10, 20])), { name: "RangeError", message });
  });
}

Deno.test("reception: data before anything was asked for is refused", () => {
  throws(() => new Reception(manifestOf([10])).take(0, 0, 10), /Expected no data/);
});

const sizes = fc.array(fc.nat(4 * BLOCK_BYTES), { maxLength: 6 });

Deno.test("reception: any order of pieces is either the one that was asked for, or refused", () => {
  const piece = fc.record({
    index: fc.nat(3),
    offset: fc.nat(12),
    length: fc.integer({ min: 1, max: 12 }),
  });
  const small = fc.array(fc.integer({ min: 1, max: 8 }), { minLength: 1, maxLength: 3 });
  fc.assert(fc.property(small, fc.array(piece, { maxLength: 20 }), (sizes, pieces) => {
    const reception = receptionOf(sizes);
    const taken = sizes.map(() => 0);
    for (const { index, offset, length } of pieces) {
      try {
        const { isLast } = reception.take(index, offset, length);
        const whole = sizes.findIndex((bytes, at) => (taken[at] ?? 0) < bytes);
        deepEqual([index, offset], [whole, taken[index]], "the next bytes");
        taken[index] = offset + length;
        equal(isLast, taken[index] === sizes[index]);
      } catch (error) {
        if (!(error instanceof RangeError)) throw error;
      }
    }
    for (const [index, bytes] of taken.entries()) ok(bytes <= (sizes[index] ?? 0));
  }));
});

Deno.test("reception: what is asked for completes every manifest, whatever was here and went wrong", () => {
  const present = fc.array(fc.nat(3));
  fc.assert(fc.property(sizes, present, fc.infiniteStream(fc.boolean()), (sizes, present, bad) => {
    const reception = new Reception(manifestOf(sizes));
    for (const [index, bytes] of sizes.entries()) {
      const map = new BlockMap(bytes);
      for (const block of present) map.add(block);
      reception.resume(index, map);
      if (map.isWhole) reception.placed(index);
    }
    reception.plan();
    const refused = new Set<string>();
    const blocks = sizes.reduce((sum, bytes) => sum + blocksOf(bytes), 0);
    let asked = 0;
    for (let runs = reception.ask(); runs.length > 0; runs = reception.ask()) {
      for (const { index, first, count } of runs) {
        for (let block = first; block < first + count; block++, asked++) {
          const rest = (sizes[index] ?? 0) - block * BLOCK_BYTES;
          takeBlock(reception, index, block, Math.min(BLOCK_BYTES, rest));
          const name = `${index} ${block}`;
          if (bad.next().value === true && !refused.has(name)) {
            refused.add(name);
            reception.refuse(index, block, WRONG);
          } else if (reception.accept(index, block)) {
            reception.placed(index);
          }
        }
      }
    }
    deepEqual([reception.isComplete, reception.isIdle], [true, true]);
    equal(reception.bytes, reception.bytesMax);
    ok(asked <= blocks + refused.size, "no block for nothing");
  }));
});
