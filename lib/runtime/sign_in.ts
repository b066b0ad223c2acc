/**
 * The sign-ins that this installation has made at servers, kept so that its peers can say as whom they
 * come. Knows the file; what a sign-in is good for is the server's business.
 */

import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { base64urlnopad } from "@scure/base";
import { z } from "zod";
import { SECOND_MS } from "../base/time.ts";
import { decodeJson } from "../protocol/decode.ts";

const FILE_NAME = "sign_ins.json";
/** Servers of which a sign-in is kept; beyond it the oldest is forgotten. */
const SERVERS_MAX = 32;
/** A sign-in is not used in its last minute: the server's clock may be ahead of ours. */
const MARGIN_SECONDS = 60;

const signInSchema = z.strictObject({
  server: z.string().max(2_048),
  id_token: z.string().min(1).max(8_192),
  /** Seconds since 1970. */
  expires_at: z.int(),
});
const fileSchema = z.strictObject({
  version: z.literal(1),
  sign_ins: z.array(signInSchema).max(SERVERS_MAX),
});
/** The one claim of a JSON Web Token (RFC 7519) that its holder needs. */
const claimsSchema = z.object({ exp: z.number() });

/** One sign-in. */
export type SignIn = z.infer<typeof signInSchema>;

/** The sign-in at `server` that is still good at `wallMs`, the latest one. */
export function signInAt(
  signIns: readonly SignIn[],
  server: string,
  wallMs: number,
): SignIn | undefined {
  return signIns.findLast((signIn) =>
    signIn.server === server && (signIn.expires_at - MARGIN_SECONDS) * SECOND_MS > wallMs
  );
}

/**
 * The sign-ins that are kept in `folder`, oldest first.
 *
 * @throws {Error} Where the file cannot be read, or is none of ours.
 */
export async function loadSignIns(folder: string): Promise<SignIn[]> {
  const path = join(folder, FILE_NAME);
  let text: string;
  try {
    text = await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw new Error(`Expected readable sign-ins at ${path}, got an error`, { cause: error });
  }
  const decoded = decodeJson(text, fileSchema);
  if (decoded.ok) return decoded.value.sign_ins;
  throw new Error(`Expected sign-ins of version 1 in ${path}, got something else; remove the file`);
}

/**
 * Keeps the sign-in at `server`. One whose end cannot be read is not kept: it would be shown for ever.
 *
 * @throws {Error} Where `folder` cannot be written to.
 */
export async function keepSignIn(folder: string, server: string, idToken: string): Promise<void> {
  const expires_at = endOf(idToken);
  if (expires_at === undefined) return;
  const others = (await loadSignIns(folder)).filter((signIn) => signIn.server !== server);
  const sign_ins = [...others, { server, id_token: idToken, expires_at }].slice(-SERVERS_MAX);
  const path = join(folder, FILE_NAME);
  const aside = `${path}.${randomBytes(6).toString("hex")}`;
  await Deno.mkdir(folder, { recursive: true, mode: 0o700 });
  const text = `${JSON.stringify(fileSchema.parse({ version: 1, sign_ins }))}\n`;
  await Deno.writeTextFile(aside, text, { createNew: true, mode: 0o600 });
  await Deno.rename(aside, path);
}

/** When a token ends, in seconds since 1970, by its own word; `undefined` where it does not say. */
function endOf(idToken: string): number | undefined {
  const [, body = ""] = idToken.split(".");
  if (!/^[A-Za-z0-9_-]+$/.test(body)) return undefined;
  let text: string;
  try {
    text = new TextDecoder().decode(base64urlnopad.decode(body));
  } catch {
    // The library throws where characters are missing; to the caller that is one answer: no token.
    return undefined;
  }
  const claims = decodeJson(text, claimsSchema);
  return claims.ok ? Math.floor(claims.value.exp) : undefined;
}
