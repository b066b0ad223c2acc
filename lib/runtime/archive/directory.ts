/**
 * The table of contents of a ZIP archive (PKWARE APPNOTE 6.3.10), read strictly: whatever two readers
 * could understand differently is refused. Knows bytes; unpacks nothing.
 */

import { type DirectoryPlace, ENTRY_BYTES, safe, viewOf } from "./directory_place.ts";
import { nameFault, nameKey } from "../../protocol/file_name.ts";
import { ArchiveRefused } from "./refusal.ts";

/** Bytes of all entries, unpacked. */
const UNPACKED_BYTES_MAX = 256 * 1024 ** 3;
/** Unpacked bytes for each packed one. Deflate reaches 1,032; frames and labels stay below 100. */
const RATIO_MAX = 200;
/** Below so many bytes a ratio says nothing. */
const RATIO_FROM_BYTES = 1024 ** 2;
const ENTRIES_RATIO_FROM_BYTES = 16 * RATIO_FROM_BYTES;

const ENTRY_SIGNATURE = 0x02014b50;
const ZIP64_FIELD = 0x0001;
const UNICODE_PATH_FIELD = 0x7075;

/** Encrypted, patched or with a masked table: bits 0, 5, 6 and 13. */
const FLAGS_REFUSED = 0b0010_0000_0110_0001;
const FLAG_UTF8 = 0x0800;
const METHODS: ReadonlySet<number> = new Set([0, 8]);

/** A file or a folder in an archive. */
export interface ArchiveEntry {
  /** Checked: it may become a file below any folder. */
  readonly name: string;
  readonly isFolder: boolean;
  readonly isDeflated: boolean;
  readonly crc32: number;
  readonly packedBytes: number;
  readonly bytes: number;
  /** Where its own header begins. */
  readonly offset: number;
  readonly flags: number;
}

/**
 * Reads the table.
 *
 * @param table The bytes of {@linkcode DirectoryPlace}.
 * @throws {ArchiveRefused} Where an entry may not become a file, or the table contradicts itself.
 */
export function readDirectory(table: Uint8Array, place: DirectoryPlace): ArchiveEntry[] {
  const view = viewOf(table);
  const entries: ArchiveEntry[] = [];
  let at = 0;
  while (entries.length < place.entries) {
    if (at + ENTRY_BYTES > table.length || view.getUint32(at, true) !== ENTRY_SIGNATURE) {
      throw new ArchiveRefused(
        "damaged",
        `Expected ${place.entries} entries, got ${entries.length} and then something else`,
      );
    }
    const nameBytes = view.getUint16(at + 28, true);
    const extraBytes = view.getUint16(at + 30, true);
    const next = at + ENTRY_BYTES + nameBytes + extraBytes + view.getUint16(at + 32, true);
    if (next > table.length) {
      throw new ArchiveRefused(
        "damaged",
        "Expected an entry within the table, got one that leaves it",
      );
    }
    const nameAt = at + ENTRY_BYTES;
    entries.push(readEntry(
      new DataView(table.buffer, table.byteOffset + at, ENTRY_BYTES),
      table.subarray(nameAt, nameAt + nameBytes),
      table.subarray(nameAt + nameBytes, nameAt + nameBytes + extraBytes),
    ));
    at = next;
  }
  if (at !== table.length) {
    throw new ArchiveRefused("damaged", "Expected the table to end with its last entry, got more");
  }
  checkWhole(entries, place.offset);
  return entries;
}

function readEntry(view: DataView, nameBytes: Uint8Array, extra: Uint8Array): ArchiveEntry {
  const flags = view.getUint16(8, true);
  const method = view.getUint16(10, true);
  const raw = decodeName(nameBytes, (flags & FLAG_UTF8) !== 0);
  const label = JSON.stringify(raw.slice(0, 100));
  if ((flags & FLAGS_REFUSED) !== 0) {
    throw new ArchiveRefused("unsupported", `Expected plain entries, got the encrypted ${label}`);
  }
  if (!METHODS.has(method)) {
    throw new ArchiveRefused(
      "unsupported",
      `Expected entries that are stored or deflated, got ${label} by method ${method}`,
    );
  }
  const sizes = sizes64(extra, {
    bytes: view.getUint32(24, true),
    packedBytes: view.getUint32(20, true),
    offset: view.getUint32(42, true),
  }, label);
  const isFolder = raw.endsWith("/");
  const name = isFolder ? raw.slice(0, -1) : raw;
  const fault = nameFault(name);
  if (fault !== undefined) {
    throw new ArchiveRefused("name", `Expected names that can be files, got ${label}: ${fault}`);
  }
  requireFile(view.getUint32(38, true), isFolder, label);
  const { bytes, packedBytes } = sizes;
  const isDeflated = method === 8;
  if (!isDeflated && bytes !== packedBytes || isFolder && bytes !== 0) {
    throw new ArchiveRefused("damaged", `Expected the sizes of ${label} to agree, got others`);
  }
  if (bytes > RATIO_FROM_BYTES && bytes > RATIO_MAX * packedBytes) {
    throw new ArchiveRefused(
      "too_large",
      `Expected at most ${RATIO_MAX} bytes out of each, got ${bytes} out of ${packedBytes} in ${label}`,
    );
  }
  return { name, isFolder, isDeflated, crc32: view.getUint32(16, true), flags, ...sizes };
}

/** The table as a whole: how much it is, and that no two entries are one. */
function checkWhole(entries: readonly ArchiveEntry[], directoryOffset: number): void {
  const bytes = entries.reduce((sum, entry) => sum + entry.bytes, 0);
  if (bytes > UNPACKED_BYTES_MAX) {
    throw new ArchiveRefused(
      "too_large",
      `Expected at most ${UNPACKED_BYTES_MAX} bytes in all, got ${bytes}`,
    );
  }
  const packedBytes = entries.reduce((sum, entry) => sum + entry.packedBytes, 0);
  if (bytes > ENTRIES_RATIO_FROM_BYTES && bytes > RATIO_MAX * packedBytes) {
    throw new ArchiveRefused(
      "too_large",
      `Expected at most ${RATIO_MAX} bytes out of each, got ${bytes} out of ${packedBytes}`,
    );
  }
  const files = new Set<string>();
  const folders = new Set<string>();
  for (const { name, isFolder } of entries) {
    const key = nameKey(name);
    const above = key.split("/").slice(0, -1).map((_, index, parts) =>
      parts.slice(0, index + 1).join("/")
    );
    const isTwice = files.has(key) || !isFolder && folders.has(key) ||
      above.some((folder) => files.has(folder));
    if (isTwice) {
      throw new ArchiveRefused(
        "overlap",
        `Expected each name once, got ${JSON.stringify(name)} again in some way of writing`,
      );
    }
    (isFolder ? folders : files).add(key);
    for (const folder of above) folders.add(folder);
  }
  const ordered = entries.toSorted((one, other) => one.offset - other.offset);
  for (const [index, entry] of ordered.entries()) {
    // A header of its own has 30 bytes at least, and the name once more.
    const end = entry.offset + 30 + entry.packedBytes;
    if (end > (ordered[index + 1]?.offset ?? directoryOffset)) {
      throw new ArchiveRefused(
        "overlap",
        `Expected each entry to have bytes of its own, got ${
          JSON.stringify(entry.name)
        } over others`,
      );
    }
  }
}

/** The sizes that ZIP64 says where the small fields say that they cannot. */
function sizes64<Sizes extends { bytes: number; packedBytes: number; offset: number }>(
  extra: Uint8Array,
  small: Sizes,
  label: string,
): { bytes: number; packedBytes: number; offset: number } {
  const sizes = { bytes: small.bytes, packedBytes: small.packedBytes, offset: small.offset };
  const wanted = (["bytes", "packedBytes", "offset"] as const)
    .filter((key) => small[key] === 0xffffffff);
  let has64 = false;
  const view = viewOf(extra);
  for (let at = 0; at + 4 <= extra.length;) {
    const id = view.getUint16(at, true);
    const end = at + 4 + view.getUint16(at + 2, true);
    if (end > extra.length) break;
    if (id === UNICODE_PATH_FIELD) {
      throw new ArchiveRefused("name", `Expected one name an entry, got a second one for ${label}`);
    }
    if (id === ZIP64_FIELD) {
      if (has64 || end - at - 4 < 8 * wanted.length) {
        throw new ArchiveRefused(
          "damaged",
          `Expected the sizes of ${label} once and whole, got others`,
        );
      }
      has64 = true;
      for (const [index, key] of wanted.entries()) {
        sizes[key] = safe(view.getBigUint64(at + 4 + 8 * index, true));
      }
    }
    at = end;
  }
  if (wanted.length > 0 && !has64) {
    throw new ArchiveRefused("damaged", `Expected the ZIP64 sizes of ${label}, got none`);
  }
  return sizes;
}

/** Of what Unix and Windows write into the attributes, only regular files and folders are taken. */
function requireFile(attributes: number, isFolder: boolean, label: string): void {
  const type = attributes >>> 28;
  const isPlain = type === 0 || type === (isFolder ? 0o04 : 0o10);
  const isReparsePoint = (attributes & 0x400) !== 0;
  const saysFolder = (attributes & 0x10) !== 0;
  if (isPlain && !isReparsePoint && (isFolder || !saysFolder)) return;
  throw new ArchiveRefused(
    "not_a_file",
    `Expected files and folders, got ${label}, which is a link, a device or neither`,
  );
}

/** A name in UTF-8, or in the 437 code page as long as that is ASCII. */
function decodeName(bytes: Uint8Array, isUtf8: boolean): string {
  const isAscii = bytes.every((byte) => byte < 0x80);
  try {
    // Many writers forget the flag; bytes that are UTF-8 are hardly ever meant otherwise.
    if (isUtf8 || !isAscii) {
      return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    }
  } catch (cause) {
    throw new ArchiveRefused("name", "Expected names in UTF-8, got other bytes", { cause });
  }
  return String.fromCharCode(...bytes);
}
