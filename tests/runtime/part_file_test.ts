/** What is on the disk of a file that arrives, and what a crash may have done to it. */

import { deepEqual, equal, rejects } from "node:assert/strict";
import { join } from "node:path";
import type { FileEntry } from "../../lib/protocol/manifest.ts";
import { sha256OfBytes } from "../../lib/runtime/file_digest.ts";
import { PartFile } from "../../lib/runtime/part_file.ts";
import { BLOCK_BYTES } from "../../lib/transfer/block.ts";
import { withFolder } from "./condition.ts";
import { names, noise } from "./transfer_scene.ts";

const BYTES = noise(3 * BLOCK_BYTES + 5);
const ENTRY: FileEntry = { path: "big.bin", bytes: BYTES.length, sha256: sha256OfBytes(BYTES) };

function blockOf(block: number): Uint8Array {
  return BYTES.subarray(block * BLOCK_BYTES, (block + 1) * BLOCK_BYTES);
}

async function writeBlocks(part: PartFile, ...blocks: number[]): Promise<void> {
  for (const block of blocks) {
    await part.write(block, blockOf(block), sha256OfBytes(blockOf(block)));
  }
}

/** A part as a crash leaves it. */
async function leave(folder: string, ...blocks: number[]): Promise<string> {
  const part = PartFile.hold(folder, ENTRY);
  await writeBlocks(part, ...blocks);
  part.release();
  return part.path;
}

/** The blocks that are found afterwards. */
async function found(folder: string): Promise<number[]> {
  const part = PartFile.hold(folder, ENTRY);
  await part.recover(() => {});
  part.release();
  return [0, 1, 2, 3].filter((block) => part.map.has(block));
}

for (const order of [[0, 1, 2, 3], [3, 1, 0, 2]]) {
  Deno.test(`part: blocks in the order ${order} are the file`, () =>
    withFolder(async (folder) => {
      const part = PartFile.hold(folder, ENTRY);
      await writeBlocks(part, ...order);
      await part.verify(() => {});
      await part.moveTo(join(folder, "whole"));
      deepEqual(await Deno.readFile(join(folder, "whole")), BYTES);
      deepEqual(await names(folder), ["whole"]);
    }));
}

Deno.test("part: what was written is found again, and the rest completes it", () =>
  withFolder(async (folder) => {
    await leave(folder, 0, 2);
    deepEqual(await found(folder), [0, 2]);
    const part = PartFile.hold(folder, ENTRY);
    await part.recover(() => {});
    await writeBlocks(part, 3, 1);
    await part.verify(() => {});
    await part.moveTo(join(folder, "whole"));
    deepEqual(await Deno.readFile(join(folder, "whole")), BYTES);
  }));

const crashes: [string, (path: string, record: string) => Promise<void>, number[]][] = [
  ["no record", (_path, record) => Deno.remove(record), []],
  ["no part", (path) => Deno.remove(path), []],
  ["an empty record", (_path, record) => Deno.truncate(record, 0), []],
  ["a record of another version", (_path, record) => Deno.writeFile(record, noise(200)), []],
  ["a record that is cut off in a digest", (_path, record) => Deno.truncate(record, 32 + 70), [
    0,
    1,
  ]],
  ["a part that is cut off in a block", (path) => Deno.truncate(path, BLOCK_BYTES + 3), [0]],
  ["a part whose data never reached the disk", async (path) => {
    using file = await Deno.open(path, { write: true });
    await file.seek(BLOCK_BYTES, Deno.SeekMode.Start);
    await file.write(new Uint8Array(4_096));
  }, [0, 2, 3]],
  ["a part with more behind it", (path) => Deno.truncate(path, 5 * BLOCK_BYTES), [0, 1, 2, 3]],
];
for (const [what, crash, blocks] of crashes) {
  Deno.test(`part: after a crash with ${what} nothing wrong is trusted`, () =>
    withFolder(async (folder) => {
      const path = await leave(folder, 0, 1, 2, 3);
      await crash(path, path.replace(/part$/, "blocks"));
      deepEqual(await found(folder), blocks);
      const part = PartFile.hold(folder, ENTRY);
      await part.recover(() => {});
      await writeBlocks(part, ...[0, 1, 2, 3].filter((block) => !part.map.has(block)));
      await part.verify(() => {});
      await part.moveTo(join(folder, "whole"));
      deepEqual(await Deno.readFile(join(folder, "whole")), BYTES);
    }));
}

Deno.test("part: right blocks of another file are refused as a whole, and removed", () =>
  withFolder(async (folder) => {
    const part = PartFile.hold(folder, { ...ENTRY, sha256: sha256OfBytes(noise(1)) });
    await writeBlocks(part, 0, 1, 2, 3);
    await rejects(part.verify(() => {}), { kind: "corrupt" });
    deepEqual(await names(folder), []);
  }));

Deno.test("part: one that is held is not given to another, and is once it is free", () =>
  withFolder((folder) => {
    const first = PartFile.hold(folder, ENTRY);
    const second = PartFile.hold(folder, ENTRY);
    equal(first.path === second.path, false);
    first.release();
    const third = PartFile.hold(folder, ENTRY);
    equal(third.path, first.path);
    second.release();
    third.release();
    return Promise.resolve();
  }));
