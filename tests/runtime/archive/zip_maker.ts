/** Writes ZIP archives as they are asked for, honest or not. For tests of those who open them. */

import { crc32, deflateRawSync } from "node:zlib";

/** An entry, and the lies it tells. What is left out is honest. */
export interface MadeEntry {
  readonly name: string | Uint8Array;
  readonly data?: Uint8Array;
  readonly isStored?: boolean;
  /** Its name at its own place, where that differs from the table's. */
  readonly localName?: string;
  readonly flags?: number;
  readonly localFlags?: number;
  readonly method?: number;
  readonly crc32?: number;
  readonly bytes?: number;
  readonly packedBytes?: number;
  readonly offset?: number;
  readonly attributes?: number;
  readonly extra?: Uint8Array;
  /** What stands instead of the packed bytes. */
  readonly packed?: Uint8Array;
}

/** An archive, and the lies its end tells. */
export interface MadeArchive {
  readonly entries: readonly MadeEntry[];
  readonly comment?: Uint8Array;
  readonly before?: Uint8Array;
  readonly betweenTableAndEnd?: Uint8Array;
  readonly after?: Uint8Array;
  readonly endEntries?: number;
  readonly endEntriesHere?: number;
  readonly endDisk?: number;
  readonly endBytes?: number;
  readonly endOffset?: number;
  readonly zip64?: { readonly entries?: number; readonly bytes?: number; readonly offset?: number };
}

/** Little-endian numbers, one after the other, each of so many bytes. */
export function numbers(
  ...fields: readonly (readonly [value: number, bytes: number])[]
): Uint8Array {
  const made = new Uint8Array(fields.reduce((sum, [, bytes]) => sum + bytes, 0));
  const view = new DataView(made.buffer);
  let at = 0;
  for (const [value, bytes] of fields) {
    if (bytes === 8) view.setBigUint64(at, BigInt(value), true);
    else {for (let byte = 0; byte < bytes; byte++) {
        made[at + byte] = Math.floor(value / 256 ** byte) % 256;
      }}
    at += bytes;
  }
  return made;
}

/** Pieces one after the other. */
export function joined(...pieces: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const made = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    made.set(piece, at);
    at += piece.length;
  }
  return made;
}

/** Text as bytes. */
export function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** A ZIP64 field of an entry, with these numbers. */
export function field64(...values: readonly number[]): Uint8Array {
  return joined(
    numbers([1, 2], [8 * values.length, 2]),
    ...values.map((value) => numbers([value, 8])),
  );
}

/** The archive. */
export function makeZip(archive: MadeArchive): Uint8Array<ArrayBuffer> {
  const bodies: Uint8Array[] = [archive.before ?? new Uint8Array()];
  const table: Uint8Array[] = [];
  let offset = bodies[0]?.length ?? 0;
  for (const entry of archive.entries) {
    const { body, row } = makeEntry(entry, offset);
    bodies.push(body);
    table.push(row);
    offset += body.length;
  }
  const rows = joined(...table);
  const count = archive.entries.length;
  const comment = archive.comment ?? new Uint8Array();
  const between = archive.betweenTableAndEnd ?? new Uint8Array();
  const { zip64 } = archive;
  const end64 = zip64 === undefined ? new Uint8Array() : joined(
    numbers([0x06064b50, 4], [44, 8], [45, 2], [45, 2], [0, 4], [0, 4]),
    numbers([zip64.entries ?? count, 8], [zip64.entries ?? count, 8]),
    numbers([zip64.bytes ?? rows.length, 8], [zip64.offset ?? offset, 8]),
    numbers([0x07064b50, 4], [0, 4], [offset + rows.length + between.length, 8], [1, 4]),
  );
  const isLarge = zip64 !== undefined;
  const end = numbers(
    [0x06054b50, 4],
    [archive.endDisk ?? 0, 2],
    [archive.endDisk ?? 0, 2],
    [archive.endEntriesHere ?? archive.endEntries ?? (isLarge ? 0xffff : count), 2],
    [archive.endEntries ?? (isLarge ? 0xffff : count), 2],
    [archive.endBytes ?? (isLarge ? 0xffffffff : rows.length), 4],
    [archive.endOffset ?? (isLarge ? 0xffffffff : offset), 4],
    [comment.length, 2],
  );
  return joined(...bodies, rows, between, end64, end, comment, archive.after ?? new Uint8Array());
}

function makeEntry(entry: MadeEntry, at: number): { body: Uint8Array; row: Uint8Array } {
  const data = entry.data ?? new Uint8Array();
  const isStored = entry.isStored ?? data.length === 0;
  const packed = entry.packed ?? (isStored ? data : new Uint8Array(deflateRawSync(data)));
  const name = typeof entry.name === "string" ? bytesOf(entry.name) : entry.name;
  const localName = entry.localName === undefined ? name : bytesOf(entry.localName);
  const flags = entry.flags ?? 0x0800;
  const method = entry.method ?? (isStored ? 0 : 8);
  const sizes = [
    [entry.crc32 ?? crc32(data), 4],
    [entry.packedBytes ?? packed.length, 4],
    [entry.bytes ?? data.length, 4],
  ] as const;
  const extra = entry.extra ?? new Uint8Array();
  const body = joined(
    numbers([0x04034b50, 4], [20, 2], [entry.localFlags ?? flags, 2], [method, 2], [0, 4]),
    numbers(...sizes),
    numbers([localName.length, 2], [0, 2]),
    localName,
    packed,
  );
  const row = joined(
    numbers([0x02014b50, 4], [0x0314, 2], [20, 2], [flags, 2], [method, 2], [0, 4]),
    numbers(...sizes),
    numbers([name.length, 2], [extra.length, 2], [0, 2], [0, 2], [0, 2]),
    numbers([entry.attributes ?? 0, 4], [entry.offset ?? at, 4]),
    name,
    extra,
  );
  return { body, row };
}
