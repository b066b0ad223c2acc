/** Reads a small JSON file that may not be there yet. Knows nothing of what is in it. */

import type { z } from "zod";
import { decodeJson } from "../protocol/decode.ts";

/**
 * What stands in the file at `path`, as `schema` has it; `undefined` where there is no such file.
 *
 * @param expected What the file should be, to follow "Expected" in a sentence.
 * @throws {Error} Where it cannot be read, or has something else in it.
 */
export async function readJsonFile<T>(
  path: string,
  schema: z.ZodType<T>,
  expected: string,
): Promise<T | undefined> {
  let text: string;
  try {
    text = await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
  const decoded = decodeJson(text, schema);
  if (decoded.ok) return decoded.value;
  throw new Error(`Expected ${expected}: ${decoded.reason}`);
}
