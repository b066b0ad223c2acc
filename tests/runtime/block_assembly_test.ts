/** Blocks put together from pieces: which are copied, and what becomes of the memory. */

import { deepEqual, equal, throws } from "node:assert/strict";
import type { Manifest } from "../../lib/protocol/manifest.ts";
import { BlockAssembly } from "../../lib/runtime/block_assembly.ts";
import { sha256OfBytes } from "../../lib/runtime/file_digest.ts";
import { BLOCK_BYTES } from "../../lib/transfer/block.ts";
import { Reception } from "../../lib/transfer/reception.ts";

const MIB = 1024 * 1024;

/** An assembly of one file, all of which was asked for. */
function assemblyOf(bytes: number): BlockAssembly {
  const manifest: Manifest = {
    files: [{ path: "a.bin", bytes, sha256: sha256OfBytes(new Uint8Array([bytes & 0xff])) }],
  };
  const reception = new Reception(manifest);
  reception.plan();
  reception.ask();
  return new BlockAssembly(reception);
}

Deno.test("pieces come to stand where they belong, and their own memory is freed at once", () => {
  const assembly = assemblyOf(BLOCK_BYTES + 3);
  const pieces = [0, 1, 2, 3].map((value) => new Uint8Array(MIB).fill(value));
  const blocks = pieces.map((piece, at) => assembly.take(0, at * MIB, piece));
  deepEqual(blocks.slice(0, -1), [undefined, undefined, undefined]);
  deepEqual([0, 1, 2, 3].map((at) => blocks.at(-1)?.bytes[at * MIB + 7]), [0, 1, 2, 3]);
  deepEqual(pieces.map(({ buffer }) => buffer.byteLength), [0, 0, 0, 0]);
});

Deno.test("a block in one piece is not copied, and its memory stays", () => {
  const piece = new Uint8Array([1, 2, 3]);
  const block = assemblyOf(3).take(0, 0, piece);
  equal(block?.bytes, piece);
  deepEqual([...piece], [1, 2, 3]);
});

Deno.test("the memory of a block is used again once it is released, and not before", () => {
  const assembly = assemblyOf(3 * BLOCK_BYTES);
  const block = (index: number) => {
    const at = index * BLOCK_BYTES;
    assembly.take(0, at, new Uint8Array(MIB));
    return assembly.take(0, at + MIB, new Uint8Array(BLOCK_BYTES - MIB));
  };
  const [first, second] = [block(0), block(1)];
  if (first === undefined || second === undefined) throw new Error("Expected two blocks");
  equal(first.bytes.buffer === second.bytes.buffer, false);
  assembly.release(first);
  equal(block(2)?.bytes.buffer, first.bytes.buffer);
});

Deno.test("a piece that was not asked for is refused", () => {
  throws(() => assemblyOf(3).take(0, 1, new Uint8Array(1)), /Expected byte 0 of file 0/);
});
