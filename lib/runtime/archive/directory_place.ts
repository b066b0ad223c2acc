/**
 * Where the table of contents of a ZIP archive is (PKWARE APPNOTE 6.3.10, 4.3.14 to 4.3.16). Knows the
 * last bytes of the file alone.
 */

import { ArchiveRefused } from "./refusal.ts";

/** Entries of an archive. Higher: more small files; lower: image sequences fail. */
export const ENTRIES_MAX = 20_000;
/** Bytes of the table. */
const DIRECTORY_BYTES_MAX = 16 * 1024 ** 2;
/** Bytes of an entry in the table, without its name and what follows it. */
export const ENTRY_BYTES = 46;
const END_SIGNATURE = 0x06054b50;
const END_BYTES = 22;
const END64_SIGNATURE = 0x06064b50;
const END64_BYTES = 56;
const LOCATOR64_SIGNATURE = 0x07064b50;
const LOCATOR64_BYTES = 20;
/** Bytes at the end of the file in which the end of the table must be. */
export const TAIL_BYTES = END_BYTES + LOCATOR64_BYTES + END64_BYTES + 0xffff;

/** Where the table is, in bytes of the file. */
export interface DirectoryPlace {
  readonly offset: number;
  readonly bytes: number;
  readonly entries: number;
}

/**
 * Finds the table by the last bytes of the file.
 *
 * @param tail The last bytes, {@linkcode TAIL_BYTES} of them or the whole file.
 * @throws {ArchiveRefused} Where there is none, or it is in parts or contradicts itself.
 */
export function findDirectory(tail: Uint8Array, fileBytes: number): DirectoryPlace {
  const view = viewOf(tail);
  const at = endOf(view);
  if (at === undefined) {
    throw new ArchiveRefused("damaged", "Expected a whole ZIP archive, got one without its end");
  }
  const disks = [view.getUint16(at + 4, true), view.getUint16(at + 6, true)];
  const [here, all] = [view.getUint16(at + 8, true), view.getUint16(at + 10, true)];
  if (disks.some((disk) => disk !== 0 && disk !== 0xffff) || here !== all) {
    throw new ArchiveRefused("unsupported", "Expected an archive in one part, got one in several");
  }
  const plain = {
    entries: all,
    bytes: view.getUint32(at + 12, true),
    offset: view.getUint32(at + 16, true),
  };
  const endAt = fileBytes - tail.length + at;
  const place = place64(view, at, endAt) ?? { ...plain, end: endAt };
  // Between the table and its end nothing fits: other readers would see other tables.
  if (place.offset + place.bytes !== place.end) {
    throw new ArchiveRefused(
      "damaged",
      `Expected the table of contents to end at byte ${place.end}, got ${
        place.offset + place.bytes
      }`,
    );
  }
  if (place.entries > ENTRIES_MAX || place.bytes > DIRECTORY_BYTES_MAX) {
    throw new ArchiveRefused(
      "too_large",
      `Expected at most ${ENTRIES_MAX} entries, got ${place.entries}`,
    );
  }
  if (place.bytes < place.entries * ENTRY_BYTES) {
    throw new ArchiveRefused(
      "damaged",
      "Expected a table of contents as long as it says, got less",
    );
  }
  return { offset: place.offset, bytes: place.bytes, entries: place.entries };
}

/** The end that reaches to the last byte with its comment. One that does not is somebody's decoy. */
function endOf(view: DataView): number | undefined {
  for (let at = view.byteLength - END_BYTES; at >= 0; at--) {
    if (view.getUint32(at, true) !== END_SIGNATURE) continue;
    if (at + END_BYTES + view.getUint16(at + 20, true) === view.byteLength) return at;
  }
  return undefined;
}

/** The larger numbers of ZIP64, where the archive has them. */
function place64(view: DataView, at: number, endAt: number) {
  const locatorAt = at - LOCATOR64_BYTES;
  if (locatorAt < 0 || view.getUint32(locatorAt, true) !== LOCATOR64_SIGNATURE) return undefined;
  const shift = endAt - at;
  const recordAt = safe(view.getBigUint64(locatorAt + 8, true)) - shift;
  const isThere = recordAt >= 0 && recordAt + END64_BYTES <= locatorAt &&
    view.getUint32(recordAt, true) === END64_SIGNATURE;
  if (!isThere || safe(view.getBigUint64(recordAt + 4, true)) + 12 !== locatorAt - recordAt) {
    throw new ArchiveRefused("damaged", "Expected a ZIP64 end before the end, got none there");
  }
  const [here, all] = [
    safe(view.getBigUint64(recordAt + 24, true)),
    safe(view.getBigUint64(recordAt + 32, true)),
  ];
  const place = {
    entries: all,
    bytes: safe(view.getBigUint64(recordAt + 40, true)),
    offset: safe(view.getBigUint64(recordAt + 48, true)),
    end: recordAt + shift,
  };
  // Both ends must tell the same where the smaller one can tell it.
  const agrees = (small: number, none: number, large: number) => small === none || small === large;
  if (
    here !== all || !agrees(view.getUint16(at + 10, true), 0xffff, all) ||
    !agrees(view.getUint32(at + 12, true), 0xffffffff, place.bytes) ||
    !agrees(view.getUint32(at + 16, true), 0xffffffff, place.offset)
  ) {
    throw new ArchiveRefused(
      "damaged",
      "Expected both ends of the archive to agree, got two tables",
    );
  }
  return place;
}

/**
 * A size as a number.
 *
 * @throws {ArchiveRefused} Where no file has that many bytes.
 */
export function safe(value: bigint): number {
  if (value <= BigInt(Number.MAX_SAFE_INTEGER)) return Number(value);
  throw new ArchiveRefused("too_large", `Expected sizes that exist, got ${value} bytes`);
}

/** The numbers in `bytes`. */
export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
