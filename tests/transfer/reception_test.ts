import { deepEqual, equal, throws } from "node:assert/strict";
import fc from "fast-check";
import type { Manifest } from "../../lib/protocol/manifest.ts";
import { sha256Of } from "../../lib/runtime/file_digest.ts";
import { Reception } from "../../lib/transfer/reception.ts";

function manifestOf(sizes: readonly number[]): Manifest {
  const sha256 = sha256Of("0".repeat(64));
  return { files: sizes.map((bytes, index) => ({ path: `file ${index}`, bytes, sha256 })) };
}

Deno.test("reception: wants what is not here, and nothing of files without bytes", () => {
  const reception = new Reception(manifestOf([10, 0, 20, 30]));
  reception.resume(2, 5);
  reception.resume(3, 30);
  deepEqual(reception.wants(), [{ index: 0, offset: 0 }, { index: 2, offset: 5 }]);
  deepEqual([reception.bytes, reception.bytesMax], [35, 60]);
});

Deno.test("reception: a file is whole with its last byte, and complete when verified", () => {
  const reception = new Reception(manifestOf([10]));
  equal(reception.take(0, 0, 4).whole, false);
  equal(reception.take(0, 4, 6).whole, true);
  equal(reception.complete, false);
  reception.verified(0);
  equal(reception.complete, true);
});

Deno.test("reception: a part that is larger than its file is not gone on from", () => {
  const reception = new Reception(manifestOf([10]));
  reception.resume(0, 11);
  deepEqual(reception.wants(), [{ index: 0, offset: 0 }]);
});

const wrong: [string, (reception: Reception) => void, RegExp][] = [
  ["a file that is not in the manifest", (it) => it.take(2, 0, 1), /one of 2 files, got number 2/],
  ["a gap", (it) => it.take(0, 1, 1), /byte 0 of file 0, got byte 1/],
  ["bytes again", (it) => (it.take(0, 0, 4), it.take(0, 0, 4)), /byte 4 of file 0, got byte 0/],
  ["too many bytes", (it) => it.take(0, 0, 11), /10 bytes of file 0, got 11/],
  ["a second file before the first is whole", (it) => (it.take(0, 0, 4), it.take(1, 0, 1)), /rest/],
];
for (const [what, act, message] of wrong) {
  Deno.test(`reception: refuses ${what}`, () => {
    throws(() => act(new Reception(manifestOf([10, 20]))), { name: "RangeError", message });
  });
}

Deno.test("reception: any order of pieces either completes exactly or is refused", () => {
  const piece = fc.record({
    index: fc.nat(3),
    offset: fc.nat(12),
    length: fc.integer({ min: 1, max: 12 }),
  });
  const sizes = fc.array(fc.nat(8), { minLength: 1, maxLength: 3 });
  fc.assert(fc.property(sizes, fc.array(piece, { maxLength: 20 }), (sizes, pieces) => {
    const reception = new Reception(manifestOf(sizes));
    const written = sizes.map(() => 0);
    for (const { index, offset, length } of pieces) {
      try {
        const { whole } = reception.take(index, offset, length);
        equal(offset, written[index], "bytes follow each other");
        written[index] = offset + length;
        equal(whole, written[index] === sizes[index]);
      } catch (error) {
        if (!(error instanceof RangeError)) throw error;
      }
    }
    equal(reception.bytes, written.reduce((sum, bytes) => sum + bytes, 0));
    for (const [index, bytes] of written.entries()) equal(bytes <= (sizes[index] ?? 0), true);
    for (const { index, offset } of reception.wants()) equal(offset, written[index]);
  }));
});

Deno.test("reception: what is wanted, taken in order, completes every manifest", () => {
  fc.assert(fc.property(fc.array(fc.nat(50), { maxLength: 6 }), fc.nat(49), (sizes, present) => {
    const reception = new Reception(manifestOf(sizes));
    for (const [index, bytes] of sizes.entries()) reception.resume(index, Math.min(present, bytes));
    for (const { index, offset } of reception.wants()) {
      const bytes = sizes[index] ?? 0;
      for (let at = offset; at < bytes; at += 7) {
        const { whole } = reception.take(index, at, Math.min(7, bytes - at));
        equal(whole, at + 7 >= bytes);
      }
    }
    deepEqual(reception.wants(), []);
    equal(reception.bytes, reception.bytesMax);
  }));
});
