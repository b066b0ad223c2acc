/** Where programs are on this machine. Runs none of them. */

import { isAbsolute, join } from "node:path";
import { Mistake } from "./mistake.ts";

const IS_WINDOWS = Deno.build.os === "windows";

/** The first program of that name on PATH, by absolute path; undefined where there is none. */
export async function findExecutable(
  name: string,
  env: (name: string) => string | undefined,
): Promise<string | undefined> {
  const file = IS_WINDOWS ? `${name}.exe` : name;
  for (const folder of (env("PATH") ?? "").split(IS_WINDOWS ? ";" : ":")) {
    if (!isAbsolute(folder)) continue;
    const path = join(folder, file);
    if (await isExecutable(path)) return path;
  }
  return undefined;
}

/**
 * `path`, if a program is there.
 *
 * @param from The source that named it.
 * @throws {Mistake} Where there is none, or the path is relative.
 */
export async function requireExecutable(path: string, from: string): Promise<string> {
  if (isAbsolute(path) && await isExecutable(path)) return path;
  throw new Mistake(
    `Expected the absolute path of a program, got ${path} (from ${from}); \`which sleap-nn\` tells it`,
  );
}

async function isExecutable(path: string): Promise<boolean> {
  try {
    const { isFile, mode } = await Deno.stat(path);
    return isFile && (IS_WINDOWS || mode === null || (mode & 0o111) !== 0);
  } catch (error) {
    // A folder of PATH that is missing or closed to us holds no program for us.
    if (error instanceof Deno.errors.NotFound) return false;
    if (error instanceof Deno.errors.NotADirectory) return false;
    if (error instanceof Deno.errors.PermissionDenied) return false;
    throw error;
  }
}
