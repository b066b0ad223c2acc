/** How text from outside becomes a value: parsed, checked by a schema, or refused in words. */

import type { z } from "zod";

/** A value, or why there is none. */
export type Decoded<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly reason: string };

/**
 * Reads JSON `text` as what `schema` describes. Never throws.
 *
 * @example
 * ```ts
 * import { decodeJson } from "./decode.ts";
 * import { deepEqual } from "node:assert/strict";
 * import { z } from "zod";
 * deepEqual(decodeJson("{", z.object({})), { ok: false, reason: "Expected JSON, got `{`" });
 * ```
 */
export function decodeJson<T>(text: string, schema: z.ZodType<T>): Decoded<T> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    const shown = text.length > 40 ? `${text.slice(0, 40)}…` : text;
    return { ok: false, reason: `Expected JSON, got \`${shown}\`` };
  }
  return decode(value, schema);
}

/** Checks `value` against `schema`. Never throws; the reason names the first field that is wrong. */
export function decode<T>(value: unknown, schema: z.ZodType<T>): Decoded<T> {
  let result;
  try {
    result = schema.safeParse(value);
  } catch (error) {
    // A schema that follows the value's own depth runs out of stack before it comes to a verdict.
    if (!(error instanceof RangeError)) throw error;
    return { ok: false, reason: "Expected a value of sensible depth, got a deeper one" };
  }
  if (result.success) return { ok: true, value: result.data };
  const issue = result.error.issues[0];
  const path = issue === undefined ? "" : issue.path.map(String).join(".");
  const where = path === "" ? "" : `${path}: `;
  return { ok: false, reason: `${where}${issue?.message ?? "Unexpected value"}`.slice(0, 500) };
}
