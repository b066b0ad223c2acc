/** Bytes in and out of open files, all of them. Knows nothing of what they are. */

/** Reads from where `file` stands until `into` is full or the file ends. Gives the number of bytes. */
export async function readFully(file: Deno.FsFile, into: Uint8Array): Promise<number> {
  let length = 0;
  while (length < into.length) {
    const read = await file.read(into.subarray(length));
    if (read === null) break;
    length += read;
  }
  return length;
}

/** Writes all of `bytes` to where `file` stands. */
export async function writeFully(file: Deno.FsFile, bytes: Uint8Array): Promise<void> {
  for (let length = 0; length < bytes.length;) {
    length += await file.write(bytes.subarray(length));
  }
}
