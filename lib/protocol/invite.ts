/**
 * An invite: one string that carries all that one needs to enter a room (ARCHITECTURE decision 12).
 * Knows its form and its limits; where it is kept and who may read it is the runtime's business.
 */

import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { z } from "zod";
import { type Decoded, decodeJson } from "./decode.ts";
import { roomIdSchema } from "./name.ts";

/** Which invites these are. A reader refuses those of another version by name. */
const PREFIX = "sleap1.";
/** Characters of an invite. Higher: longer addresses fit; lower: it no longer fits in one paste. */
const INVITE_LENGTH_MAX = 2_048;
const LENGTH_BYTES = 2;
const CHECKSUM_BYTES = 4;

function isServerUrl(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const url = new URL(text);
  return (url.protocol === "http:" || url.protocol === "https:") && url.username === "" &&
    url.password === "" && url.search === "" && url.hash === "" && !text.endsWith("/");
}

/** The address of a signaling server: `http` or `https`, without slash, query or password. */
export const serverUrlSchema: z.ZodType<string, string> = z.string().max(512)
  .transform((text) => text.trim().replace(/\/+$/, ""))
  .refine(isServerUrl, "Expected an address such as http://lab.example.org:8080");

/** What lets one into a room; the server keeps only its digest. */
export const roomTokenSchema: z.ZodType<string> = z.string().regex(
  /^[\x21-\x7e]{1,128}$/,
  "Expected a room token (1 to 128 characters without spaces)",
);

/** What peers prove each other with: 128 bits in base32. The server never sees it. */
export const roomSecretSchema: z.ZodType<string> = z.string().regex(
  /^[a-z2-7]{26}$/,
  "Expected a room secret (26 characters of a-z 2-7)",
);

const inviteSchema = z.strictObject({
  server: serverUrlSchema,
  room_id: roomIdSchema,
  token: roomTokenSchema,
  secret: roomSecretSchema,
});
/** All that one needs to enter a room. */
export type Invite = z.infer<typeof inviteSchema>;

function checksumOf(body: Uint8Array): Buffer {
  return createHash("sha256").update(PREFIX).update(body).digest().subarray(0, CHECKSUM_BYTES);
}

/**
 * Writes an invite: `sleap1.` and, in base64url, the length of its JSON (two bytes), the JSON, and
 * the first four bytes of the SHA-256 of all that.
 *
 * @throws {z.ZodError} Where a part is not what an invite may carry.
 */
export function encodeInvite(invite: Invite): string {
  const json = Buffer.from(JSON.stringify(inviteSchema.parse(invite)), "utf8");
  const length = Buffer.alloc(LENGTH_BYTES);
  length.writeUInt16BE(json.length);
  const body = Buffer.concat([length, json]);
  return PREFIX + Buffer.concat([body, checksumOf(body)]).toString("base64url");
}

/**
 * Reads an invite. Never throws, and no reason repeats any of its text: an invite is a secret.
 */
export function decodeInvite(text: string): Decoded<Invite> {
  const again = "copy it again from `sleap-rtc create-room`";
  const given = text.trim();
  const version = /^sleap(\d{1,4})\./.exec(given)?.[1];
  if (version === undefined) {
    return refused(
      `Expected an invite that begins with \`${PREFIX}\`, got something else; ${again}`,
    );
  }
  if (`sleap${version}.` !== PREFIX) {
    return refused(`Expected an invite of version 1, got version ${version}; update sleap-rtc`);
  }
  if (given.length > INVITE_LENGTH_MAX) {
    return refused(
      `Expected an invite of at most ${INVITE_LENGTH_MAX} characters, got ${given.length}; ${again}`,
    );
  }
  const encoded = given.slice(PREFIX.length);
  const stranger = /[^A-Za-z0-9_-]/.exec(encoded);
  if (stranger !== null) {
    const position = PREFIX.length + stranger.index + 1;
    return refused(
      `Expected an invite of letters, digits, - and _, got another character at position ${position}; ${again}`,
    );
  }
  const bytes = Buffer.from(encoded, "base64url");
  const lengthMin = LENGTH_BYTES + CHECKSUM_BYTES;
  const bytesWanted = bytes.length < lengthMin ? lengthMin : lengthMin + bytes.readUInt16BE();
  if (bytes.length < bytesWanted || bytes.length !== Math.floor(encoded.length * 3 / 4)) {
    return refused(`Expected a whole invite, got one whose end is missing; ${again}`);
  }
  if (bytes.length > bytesWanted) {
    return refused(`Expected nothing behind the invite, got more characters; ${again}`);
  }
  const body = bytes.subarray(0, bytes.length - CHECKSUM_BYTES);
  const isWhole = checksumOf(body).equals(bytes.subarray(bytes.length - CHECKSUM_BYTES)) &&
    bytes.toString("base64url") === encoded;
  if (!isWhole) return refused(`Expected an invite as it was made, got a mistyped one; ${again}`);
  const decoded = decodeJson(body.subarray(LENGTH_BYTES).toString("utf8"), inviteSchema);
  return decoded.ok
    ? decoded
    : refused("Expected server, room, token and secret in the invite, got something else");
}

function refused(reason: string): Decoded<Invite> {
  return { ok: false, reason };
}
