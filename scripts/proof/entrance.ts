/** How a proof is started from a shell. Knows its arguments and its exit code; not what it proves. */

import { dirname } from "node:path";
import process from "node:process";
import { z } from "zod";

/**
 * Runs `prove` at the root of the sources with the arguments of this process. The exit code is 0 where
 * all holds, 1 where something does not, and 2, with a sentence on what is wrong, where the proof could
 * not be made.
 */
export async function enter(prove: (args: readonly string[]) => Promise<boolean>): Promise<void> {
  process.chdir(dirname(dirname(import.meta.dirname ?? ".")));
  try {
    process.exitCode = await prove(Deno.args) ? 0 : 1;
  } catch (error) {
    process.stderr.write(`${sentenceOf(error)}\nSee --help\n`);
    process.exitCode = 2;
  }
}

function sentenceOf(error: unknown): string {
  if (error instanceof z.ZodError) return z.prettifyError(error);
  return error instanceof Error ? error.message : String(error);
}
