/**
 * What a receiver has of a manifest, and what it still wants. Knows offsets and sizes; bytes, digests
 * and files are the runtime's.
 */

import type { FileEntry, Manifest } from "../protocol/manifest.ts";

/** Bytes that are wanted of one file: those from `offset` on. */
export interface Want {
  /** Index in the manifest. */
  readonly index: number;
  readonly offset: number;
}

/** Progress of one reception, file by file, each from its start to its end. */
export class Reception {
  readonly #files: readonly FileEntry[];
  readonly #offsets: number[];
  readonly #verified: boolean[];
  /** The file that arrives. */
  #current: number | undefined;

  constructor(manifest: Manifest) {
    this.#files = manifest.files;
    this.#offsets = manifest.files.map(() => 0);
    this.#verified = manifest.files.map(() => false);
  }

  /** Bytes of all files. */
  get bytesMax(): number {
    return this.#files.reduce((sum, file) => sum + file.bytes, 0);
  }

  /** Bytes that are here. */
  get bytes(): number {
    return this.#offsets.reduce((sum, offset) => sum + offset, 0);
  }

  /** Whether every file is here, with its digest checked. */
  get complete(): boolean {
    return this.#verified.every(Boolean);
  }

  /** So much of a file was here before: the rest is wanted. */
  resume(index: number, offset: number): void {
    const file = this.#files[index];
    if (file !== undefined && offset <= file.bytes) this.#offsets[index] = offset;
  }

  /** What must be asked for. A file that is empty or whole but not yet verified is not. */
  wants(): Want[] {
    return this.#files.flatMap((file, index) => {
      const offset = this.#offsets[index] ?? 0;
      return offset < file.bytes ? [{ index, offset }] : [];
    });
  }

  /**
   * Bytes arrived. Gives the file they belong to, and whether it is whole with them.
   *
   * @throws {RangeError} Where they are not the next bytes of a file of the manifest.
   */
  take(index: number, offset: number, length: number): { file: FileEntry; whole: boolean } {
    const file = this.#files[index];
    const expected = this.#offsets[index];
    if (file === undefined || expected === undefined) {
      throw new RangeError(
        `Expected data of one of ${this.#files.length} files, got number ${index}`,
      );
    }
    const current = this.#current ?? index;
    if (current !== index && (this.#offsets[current] ?? 0) < (this.#files[current]?.bytes ?? 0)) {
      throw new RangeError(`Expected the rest of file ${current} first, got data of ${file.path}`);
    }
    if (offset !== expected) {
      throw new RangeError(`Expected byte ${expected} of ${file.path}, got byte ${offset}`);
    }
    if (offset + length > file.bytes) {
      throw new RangeError(`Expected ${file.bytes} bytes of ${file.path}, got ${offset + length}`);
    }
    this.#offsets[index] = offset + length;
    this.#current = index;
    return { file, whole: offset + length === file.bytes };
  }

  /** The digest of that file is right. */
  verified(index: number): void {
    if (index in this.#verified) this.#verified[index] = true;
  }
}
