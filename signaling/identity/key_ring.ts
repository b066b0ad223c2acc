/**
 * The keys that a server signs with, one after the other, in a file: the newest signs, older ones
 * are taken for as long as their tokens live. Knows no token.
 */

import { z } from "zod";
import { decodeJson } from "../../lib/protocol/decode.ts";
import { SetupError } from "../setup_error.ts";
import { newSigningKey, signingKeySchema } from "./id_token.ts";

/** How long keys are used, in seconds. */
export interface KeyAges {
  /** How long one signs. Higher: a stolen one is of use for longer; lower: more keys at once. */
  readonly signsSeconds: number;
  /** How long its last token lives: for so long after its last day it is still taken. */
  readonly tokenSeconds: number;
}

const seconds = z.int().min(0);
const ringSchema = z.object({
  current: signingKeySchema.extend({ kid: z.string().min(1).max(64), created_at: seconds }),
  /** Public parts only: what signs no more needs no secret. */
  retired: z.array(z.object({
    kid: z.string().min(1).max(64),
    x: signingKeySchema.shape.x,
    retired_at: seconds,
  })).max(1_000),
});
/** The key that signs, and those that signed before it. */
export type KeyRing = z.infer<typeof ringSchema>;

/** Whether the key that signs is old enough for the next. A clock that went back says no. */
export function isRotationDue(ring: KeyRing, ages: KeyAges, nowSeconds: number): boolean {
  return nowSeconds - ring.current.created_at >= ages.signsSeconds;
}

/** The ring with `next` to sign, without those whose last token has expired. */
export function rotated(
  { current, retired }: KeyRing,
  next: KeyRing["current"],
  ages: KeyAges,
  nowSeconds: number,
): KeyRing {
  const { kid, x } = current;
  const living = retired.filter(({ retired_at }) => nowSeconds - retired_at < ages.tokenSeconds);
  return { current: next, retired: [{ kid, x, retired_at: nowSeconds }, ...living] };
}

/** A new key. */
export async function newKey(kid: string, nowSeconds: number): Promise<KeyRing["current"]> {
  return { ...await newSigningKey(), kid, created_at: nowSeconds };
}

/**
 * Reads the ring from the file at `path`; `undefined` where there is no file.
 *
 * @throws {SetupError} Where the file is something else.
 * @throws {Error} Where it cannot be read.
 */
export async function readRing(path: string): Promise<KeyRing | undefined> {
  let text: string;
  try {
    text = await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
  const ring = decodeJson(text, ringSchema);
  if (ring.ok) return ring.value;
  // The decoder's reason may quote the text, and the text is a private key.
  throw new SetupError(
    `Expected the server's private Ed25519 keys in ${path}, got something else; restore it, or delete it to end all sign-ins`,
  );
}

/**
 * Writes the ring for its owner alone, under another name first: no crash leaves half of it, and once it
 * is on the disk no power cut an empty file.
 */
export async function writeRing(path: string, ring: KeyRing): Promise<void> {
  const draft = `${path}.new`;
  await Deno.writeTextFile(draft, JSON.stringify(ring), { mode: 0o600 });
  const file = await Deno.open(draft, { write: true });
  try {
    await file.syncData();
  } finally {
    file.close();
  }
  await Deno.rename(draft, path);
}
