/** Digests and sizes of files, for the manifests of transfers. */

import { createHash } from "node:crypto";
import { join } from "node:path";
import { isSha256, type Sha256 } from "../base/id.ts";
import { decode } from "../protocol/decode.ts";
import { LINK_MESSAGE_BYTES_MAX } from "../base/limits.ts";
import { utf8Length } from "../base/utf8.ts";
import { nameFault, nameKey } from "../protocol/file_name.ts";
import {
  type FileEntry,
  FILES_MAX,
  type Manifest,
  relativePathSchema,
  TRANSFER_BYTES_MAX,
} from "../protocol/manifest.ts";
import { writeFully } from "./file_bytes.ts";

/** One read. */
const CHUNK_BYTES = 1024 * 1024;
/** A list of files that fits into a message, and leaves room for what else the message says. */
const MANIFEST_BYTES_MAX = LINK_MESSAGE_BYTES_MAX - 16 * 1024;

/** Size and SHA-256 of a file. */
export interface FileDigest {
  readonly bytes: number;
  readonly sha256: Sha256;
}

/**
 * The SHA-256 of the file at `path`, and its size in bytes.
 *
 * @param beat Called after each read: a large file takes its time.
 */
export async function digestFile(path: string, beat: () => void = () => {}): Promise<FileDigest> {
  return await digestEach(path, () => Promise.resolve(beat()));
}

/**
 * Copies the file at `from` to `to`, and gives what was copied. In one pass: what is read to be
 * written is what is digested.
 *
 * @param beat Called after each write.
 */
export async function copyFile(from: string, to: string, beat: () => void): Promise<FileDigest> {
  using copy = await Deno.open(to, { write: true, create: true, truncate: true, mode: 0o600 });
  return await digestEach(from, async (bytes) => {
    await writeFully(copy, bytes);
    beat();
  });
}

async function digestEach(
  path: string,
  use: (bytes: Uint8Array) => Promise<void>,
): Promise<FileDigest> {
  const digest = createHash("sha256");
  using file = await Deno.open(path);
  // No larger than the file: thousands of small ones are digested one after the other.
  const { size } = await file.stat();
  const buffer = new Uint8Array(Math.max(1, Math.min(CHUNK_BYTES, size)));
  let bytes = 0;
  for (
    let length = await file.read(buffer);
    length !== null;
    length = await file.read(buffer)
  ) {
    const part = buffer.subarray(0, length);
    digest.update(part);
    await use(part);
    bytes += length;
  }
  return { bytes, sha256: sha256Of(digest.digest("hex")) };
}

/** The SHA-256 of `bytes`. */
export function sha256OfBytes(bytes: Uint8Array): Sha256 {
  return sha256Of(createHash("sha256").update(bytes).digest("hex"));
}

/** A digest as a name. */
export function sha256Of(hex: string): Sha256 {
  if (!isSha256(hex)) throw new Error(`Expected 64 hexadecimal digits, got ${hex}`);
  return hex;
}

/**
 * The manifest of the regular files under `folder` that can travel, sorted by path. Links are none of
 * them: what they point at may not be ours to send. Where there are too many, those in folders of
 * folders are left out first.
 *
 * @param leftOut Told of each file that cannot travel, and why.
 * @throws {Error} Where the folder cannot be read.
 */
export async function describeFolder(
  folder: string,
  leftOut: (path: string, why: string) => void = () => {},
): Promise<Manifest> {
  const files: FileEntry[] = [];
  const keys = new Set<string>();
  let listBytes = utf8Length(JSON.stringify({ files }));
  let bytes = 0;
  const depth = (path: string) => path.split("/").length;
  const paths = (await pathsUnder(folder, "")).toSorted();
  for (const path of paths.toSorted((one, other) => depth(one) - depth(other))) {
    const named = decode(path, relativePathSchema);
    if (!named.ok) {
      leftOut(path, nameFault(path) ?? named.reason);
      continue;
    }
    const entry = { path, ...await digestFile(join(folder, path)) };
    const entryBytes = utf8Length(`${JSON.stringify(entry)},`);
    const isTooMuch = files.length === FILES_MAX || listBytes + entryBytes > MANIFEST_BYTES_MAX ||
      bytes + entry.bytes > TRANSFER_BYTES_MAX;
    if (keys.has(nameKey(path))) {
      leftOut(path, "another file's name differs in its letters' case alone");
    } else if (isTooMuch) leftOut(path, "there are too many files, or too large ones");
    else {
      files.push(entry);
      keys.add(nameKey(path));
      listBytes += entryBytes;
      bytes += entry.bytes;
    }
  }
  return { files: files.toSorted((one, other) => one.path < other.path ? -1 : 1) };
}

async function pathsUnder(folder: string, prefix: string): Promise<string[]> {
  const paths: string[] = [];
  for await (const entry of Deno.readDir(join(folder, prefix))) {
    const path = prefix === "" ? entry.name : `${prefix}/${entry.name}`;
    if (entry.isDirectory) paths.push(...await pathsUnder(folder, path));
    else if (entry.isFile) paths.push(path);
  }
  return paths;
}
