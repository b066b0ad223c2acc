/** How much room a disk has, and in which words it is said that it has too little. */

import { statfs } from "node:fs/promises";
import { Failure } from "../base/failure.ts";

/** What inputs must leave on a worker's disk for the trainer to write. Higher: small disks refuse sooner. */
export const SPARE_BYTES = 100e6;

/** Bytes that may still be written by us on the disk of `folder`, which is there. */
export async function freeBytes(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder);
  return bavail * bsize;
}

/**
 * What `error` means where a file is written in `folder`: a full disk is named, with what to do; any
 * other error is given as it is.
 */
export async function nameFullDisk(error: unknown, folder: string): Promise<unknown> {
  if (!isFullDisk(error)) return error;
  const free = megabytes(await freeBytes(folder));
  return new Failure(
    "job_refused",
    `The disk of ${folder} is full: ${free} are free; make room on it and send again: what has arrived is kept`,
    { cause: error },
  );
}

/** @throws {Failure} Where the disk of `folder` has fewer than `bytes` + `reserveBytes` to write. */
export async function requireRoom(
  folder: string,
  { bytes, reserveBytes }: { bytes: number; reserveBytes: number },
): Promise<void> {
  const free = await freeBytes(folder);
  if (bytes === 0 || free >= bytes + reserveBytes) return;
  const reserve = reserveBytes === 0 ? "" : `, and ${megabytes(reserveBytes)} to spare`;
  throw new Failure(
    "job_refused",
    `Expected ${megabytes(bytes)} on the disk of ${folder}${reserve}, got ${
      megabytes(free)
    }; make room on it and send again`,
  );
}

/** Bytes in MB (10^6), rounded. */
export function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(bytes < 1e8 ? 1 : 0)} MB`;
}

function isFullDisk(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  // Deno gives some of them a code, and some only the operating system's words.
  const code = "code" in error ? error.code : undefined;
  return code === "ENOSPC" || code === "EDQUOT" || /os error (28|122)\b/.test(error.message);
}
