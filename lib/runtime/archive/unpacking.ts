/**
 * Unpacks a ZIP archive that nobody vouches for. Bytes are counted while they are written, and a
 * refusal leaves no file that is not whole; knows nothing of what the files are.
 */

import { dirname, join } from "node:path";
import { crc32 } from "node:zlib";
import { isWithin } from "../mount_table.ts";
import { type ArchiveEntry, readDirectory } from "./directory.ts";
import { findDirectory, TAIL_BYTES } from "./directory_place.ts";
import { ArchiveRefused } from "./refusal.ts";

const HEADER_SIGNATURE = 0x04034b50;
const HEADER_BYTES = 30;
/** One read of packed bytes. */
const CHUNK_BYTES = 64 * 1024;

/**
 * Unpacks the archive at `path` into `folder`, which is empty and ours. Archives within it stay
 * packed: nothing is opened twice.
 *
 * @throws {ArchiveRefused} Where it is damaged, hostile or too large.
 * @throws {Error} Where it cannot be read, or the folder not be written.
 */
export async function unpackZip(path: string, folder: string): Promise<void> {
  using file = await Deno.open(path);
  const fileBytes = (await file.stat()).size;
  const tailBytes = Math.min(fileBytes, TAIL_BYTES);
  const place = findDirectory(await readAt(file, fileBytes - tailBytes, tailBytes), fileBytes);
  if (place.offset + place.bytes > fileBytes) {
    throw new ArchiveRefused("damaged", "Expected a table of contents within the file, got none");
  }
  const entries = readDirectory(await readAt(file, place.offset, place.bytes), place);
  for (const [index, entry] of entries.entries()) {
    const target = join(folder, ...entry.name.split("/"));
    if (!isWithin(folder, target)) {
      throw new ArchiveRefused("name", `Expected names below the folder, got ${entry.name}`);
    }
    if (entry.isFolder) await Deno.mkdir(target, { recursive: true, mode: 0o700 });
    else {
      await Deno.mkdir(dirname(target), { recursive: true, mode: 0o700 });
      const end = nextOffset(entries, entry, place.offset);
      await unpackEntry(file, entry, { target, end, number: index + 1 });
    }
  }
}

/** Where the bytes of `entry` must end: at the next one's header, or at the table. */
function nextOffset(entries: readonly ArchiveEntry[], entry: ArchiveEntry, table: number): number {
  return entries.reduce(
    (end, { offset }) => offset > entry.offset && offset < end ? offset : end,
    table,
  );
}

async function unpackEntry(
  file: Deno.FsFile,
  entry: ArchiveEntry,
  { target, end, number }: { target: string; end: number; number: number },
): Promise<void> {
  const offset = await bodyOffset(file, entry);
  if (offset + entry.packedBytes > end) {
    throw new ArchiveRefused(
      "overlap",
      `Expected entry ${number} to end at ${end}, got it over others`,
    );
  }
  // Never over what is there: names that are one on this system alone would meet here.
  using output = await Deno.open(target, { write: true, createNew: true, mode: 0o600 });
  let isWhole = false;
  try {
    let bytes = 0;
    let sum = 0;
    for await (const piece of unpacked(file, offset, entry)) {
      bytes += piece.length;
      if (bytes > entry.bytes) {
        throw new ArchiveRefused(
          "too_large",
          `Expected ${entry.bytes} bytes in entry ${number}, got more`,
        );
      }
      sum = crc32(piece, sum);
      await writeAll(output, piece);
    }
    if (bytes !== entry.bytes || sum !== entry.crc32) {
      throw new ArchiveRefused(
        "checksum",
        `Expected entry ${number} as it was packed, got ${bytes} of ${entry.bytes} bytes or other ones`,
      );
    }
    isWhole = true;
  } finally {
    if (!isWhole) await Deno.remove(target);
  }
}

/** Where the bytes of `entry` begin, once its own header agrees with the table. */
async function bodyOffset(file: Deno.FsFile, entry: ArchiveEntry): Promise<number> {
  const header = await readAt(file, entry.offset, HEADER_BYTES);
  const view = new DataView(header.buffer, header.byteOffset, header.byteLength);
  const nameBytes = view.getUint16(26, true);
  const name = await readAt(file, entry.offset + HEADER_BYTES, nameBytes);
  const told = new TextDecoder().decode(name);
  const agrees = view.getUint32(0, true) === HEADER_SIGNATURE &&
    view.getUint16(6, true) === entry.flags &&
    (view.getUint16(8, true) === 8) === entry.isDeflated &&
    told === (entry.isFolder ? `${entry.name}/` : entry.name);
  if (!agrees) {
    throw new ArchiveRefused(
      "damaged",
      `Expected ${
        JSON.stringify(entry.name)
      } to be called so at its own place too, got another header`,
    );
  }
  return entry.offset + HEADER_BYTES + nameBytes + view.getUint16(28, true);
}

async function* unpacked(
  file: Deno.FsFile,
  offset: number,
  { packedBytes, isDeflated, name }: ArchiveEntry,
): AsyncGenerator<Uint8Array> {
  const packed = ReadableStream.from(pieces(file, offset, packedBytes));
  if (!isDeflated) return yield* packed;
  try {
    // Refuses what follows the end of the deflated bytes, too.
    yield* packed.pipeThrough(new DecompressionStream("deflate-raw"));
  } catch (cause) {
    if (!(cause instanceof TypeError)) throw cause;
    throw new ArchiveRefused(
      "damaged",
      `Expected ${JSON.stringify(name)} to unpack, got an error`,
      {
        cause,
      },
    );
  }
}

async function* pieces(
  file: Deno.FsFile,
  offset: number,
  bytes: number,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  for (let at = 0; at < bytes; at += CHUNK_BYTES) {
    yield await readAt(file, offset + at, Math.min(CHUNK_BYTES, bytes - at));
  }
}

async function readAt(
  file: Deno.FsFile,
  offset: number,
  bytes: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const buffer = new Uint8Array(bytes);
  await file.seek(offset, Deno.SeekMode.Start);
  for (let filled = 0; filled < bytes;) {
    const count = await file.read(buffer.subarray(filled));
    if (count === null) {
      throw new ArchiveRefused("damaged", `Expected ${bytes} bytes at ${offset}, got ${filled}`);
    }
    filled += count;
  }
  return buffer;
}

async function writeAll(file: Deno.FsFile, bytes: Uint8Array): Promise<void> {
  for (let rest = bytes; rest.length > 0;) rest = rest.subarray(await file.write(rest));
}
