/** Where programs are on this machine. Runs none of them. */

import { isAbsolute, join } from "node:path";

const IS_WINDOWS = Deno.build.os === "windows";

/**
 * The first program of that name on PATH, by absolute path; undefined where there is none.
 *
 * @param folders Where to look when PATH has none.
 */
export async function findExecutable(
  name: string,
  env: (name: string) => string | undefined,
  folders: readonly string[] = [],
): Promise<string | undefined> {
  const file = IS_WINDOWS ? `${name}.exe` : name;
  for (const folder of [...(env("PATH") ?? "").split(IS_WINDOWS ? ";" : ":"), ...folders]) {
    if (!isAbsolute(folder)) continue;
    const path = join(folder, file);
    if (await isExecutable(path)) return path;
  }
  return undefined;
}

/** Whether there is a program at `path`. */
export async function isExecutable(path: string): Promise<boolean> {
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
