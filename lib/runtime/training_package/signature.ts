/** What a file is by its first bytes. Knows nothing of what is inside HDF5. */

/** How many bytes tell. */
export const SIGNATURE_BYTES = 64;

const KINDS: readonly { readonly name: string; readonly at: number; readonly text: string }[] = [
  { name: "a ZIP archive", at: 0, text: "PK\x03\x04" },
  { name: "a gzip archive", at: 0, text: "\x1f\x8b" },
  { name: "an MP4 video", at: 4, text: "ftyp" },
  { name: "an AVI video", at: 0, text: "RIFF" },
  { name: "a Matroska video", at: 0, text: "\x1a\x45\xdf\xa3" },
  { name: "a PNG picture", at: 0, text: "\x89PNG" },
  { name: "a JPEG picture", at: 0, text: "\xff\xd8\xff" },
  { name: "a PDF document", at: 0, text: "%PDF" },
  { name: "a NumPy array", at: 0, text: "\x93NUMPY" },
  { name: "a JSON text", at: 0, text: "{" },
  { name: "a JSON text", at: 0, text: "[" },
  { name: "a web page or XML text", at: 0, text: "<" },
];

const HDF5 = "\x89HDF\r\n\x1a\n";

/** Whether a file that begins with `head` is HDF5 (HDF5 File Format Specification, II.A). */
export function isHdf5(head: Uint8Array): boolean {
  return latin1(head).startsWith(HDF5);
}

/** Whether a file that begins with `head` is a ZIP archive; an empty one ends at its beginning. */
export function isZip(head: Uint8Array): boolean {
  const text = latin1(head);
  return text.startsWith("PK\x03\x04") || text.startsWith("PK\x05\x06");
}

/** What a file that begins with `head` looks like, in words. */
export function describeContent(head: Uint8Array): string {
  const text = latin1(head);
  const known = KINDS.find(({ at, text: wanted }) => text.startsWith(wanted, at));
  if (known !== undefined) return known.name;
  return /^[\t\n\r -~]*$/.test(text) ? "a plain text" : "a file of a kind that is not HDF5";
}

/**
 * How many bytes an HDF5 file says it has, by its superblock ("end of file address"; HDF5 File
 * Format Specification, II.A); undefined for a superblock that we do not know. A file that has less
 * was cut short on its way.
 */
export function hdf5Bytes(head: Uint8Array): number | undefined {
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  if (head.byteLength < SIGNATURE_BYTES) return undefined;
  const version = view.getUint8(8);
  const offsetBytes = view.getUint8(version < 2 ? 13 : 9);
  const at = [40, 44, 28, 28][version];
  if (at === undefined || offsetBytes !== 8) return undefined;
  return Number(view.getBigUint64(at, true));
}

function latin1(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes.subarray(0, SIGNATURE_BYTES));
}
