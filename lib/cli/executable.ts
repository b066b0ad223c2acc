/** Programs that the person who typed the command named. Runs none of them. */

import { isAbsolute } from "node:path";
import { isExecutable } from "../runtime/executable.ts";
import { Mistake } from "./mistake.ts";

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
