/** Texts within a file, overwritten in place by texts of the same length. Knows no format. */

/** One read. */
const CHUNK_BYTES = 4 * 1024 ** 2;

/**
 * Overwrites every `before` in the file at `path` by `after`. Gives how often.
 *
 * @throws {Error} Where they differ in length, or the file cannot be read and written.
 */
export async function overwriteText(
  path: string,
  before: Uint8Array,
  after: Uint8Array,
): Promise<number> {
  if (before.length !== after.length || before.length === 0) {
    throw new Error(`Expected ${before.length} bytes in place of as many, got ${after.length}`);
  }
  using file = await Deno.open(path, { read: true, write: true });
  const buffer = new Uint8Array(CHUNK_BYTES + before.length);
  const places: number[] = [];
  let start = 0;
  let kept = 0;
  for (;;) {
    const count = await file.read(buffer.subarray(kept));
    if (count === null) break;
    const filled = kept + count;
    for (const at of occurrences(buffer.subarray(0, filled), before)) places.push(start + at);
    // The next read may complete what has begun here.
    kept = Math.min(before.length - 1, filled);
    start += filled - kept;
    buffer.copyWithin(0, filled - kept, filled);
  }
  for (const place of places) {
    await file.seek(place, Deno.SeekMode.Start);
    for (let rest = after; rest.length > 0;) rest = rest.subarray(await file.write(rest));
  }
  return places.length;
}

function* occurrences(bytes: Uint8Array, wanted: Uint8Array): Generator<number> {
  const first = wanted[0] ?? 0;
  for (let at = bytes.indexOf(first); at !== -1; at = bytes.indexOf(first, at + 1)) {
    if (at + wanted.length > bytes.length) return;
    if (wanted.every((byte, index) => bytes[at + index] === byte)) yield at;
  }
}
