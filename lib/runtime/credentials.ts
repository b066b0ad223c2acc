/**
 * Who this installation is: one Ed25519 key in a file of its own, what it has signed in as, and the
 * room secrets it makes.
 * Knows how the key is kept; what it signs is everybody else's business.
 */

import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  sign,
} from "node:crypto";
import { join } from "node:path";
import { base32nopad, base64urlnopad } from "@scure/base";
import { z } from "zod";
import type { PeerId } from "../base/id.ts";
import { decodeJson } from "../protocol/decode.ts";
import { peerIdOf, type PublicKey } from "../protocol/identity.ts";
import { loadSignIns, type SignIn, signInAt } from "./sign_in.ts";

/** What an installation can prove and be called. The private key stays inside. */
export interface PeerIdentity {
  readonly publicKey: PublicKey;
  /** The Ed25519 signature of `bytes`, base64url without padding. */
  sign(bytes: Uint8Array): string;
  /**
   * The peer id of `name` under this key.
   *
   * @throws {Error} Where nothing of the name can stand in a peer id.
   */
  peerIdOf(name: string): PeerId;
  /** What says as whom it has signed in at `server`, if it has and that is still good at `wallMs`. */
  idTokenAt(server: string, wallMs: number): string | undefined;
}

/** An identity file that cannot be trusted or read. */
export class IdentityError extends Error {
  override readonly name = "IdentityError";
}

const FILE_NAME = "identity.json";
const key = z.string().regex(/^[A-Za-z0-9_-]{43}$/, "Expected 43 characters of base64url");
const identityFileSchema = z.strictObject({
  version: z.literal(1),
  public_key: key,
  private_key: key,
});
type IdentityFile = z.infer<typeof identityFileSchema>;

/**
 * The identity that is kept in `folder`, made at the first call. Two processes that start at once
 * get the same one.
 *
 * @throws {IdentityError} Where others can read the file, or it is not an identity, or the sign-ins
 * beside it are none.
 */
export async function loadIdentity(folder: string): Promise<PeerIdentity> {
  const path = join(folder, FILE_NAME);
  const found = await readIdentity(path);
  const signIns = await loadSignIns(folder).catch((cause: unknown) => {
    throw new IdentityError(cause instanceof Error ? cause.message : String(cause), { cause });
  });
  if (found !== undefined) return identityOf(found, path, signIns);
  await createIdentity(folder, path);
  const made = await readIdentity(path);
  if (made === undefined) {
    throw new IdentityError(`Expected the identity that was just written to ${path}, got no file`);
  }
  return identityOf(made, path, signIns);
}

/** The identity that nobody keeps: for one process only, such as a measurement. */
export function temporaryIdentity(): PeerIdentity {
  return identityOf(newIdentityFile(), "memory", []);
}

/** A new room secret: 128 bits in base32. It is made here and never sent to the server. */
export function newRoomSecret(): string {
  return base32nopad.encode(randomBytes(16)).toLowerCase();
}

async function readIdentity(path: string): Promise<IdentityFile | undefined> {
  let text: string;
  try {
    const { mode } = await Deno.stat(path);
    if (Deno.build.os !== "windows" && mode !== null && (mode & 0o077) !== 0) {
      throw new IdentityError(
        `Expected ${path} to be readable by its owner only, got mode ${
          (mode & 0o777).toString(8)
        }; run: chmod 600 ${path}`,
      );
    }
    text = await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    if (error instanceof IdentityError) throw error;
    throw new IdentityError(`Expected a readable identity at ${path}, got an error`, {
      cause: error,
    });
  }
  const decoded = decodeJson(text, identityFileSchema);
  if (decoded.ok) return decoded.value;
  throw new IdentityError(
    `Expected an identity of version 1 in ${path}, got something else; restore it, or move it away to become somebody new`,
  );
}

/** Writes a whole file aside and links it into place, so that of two writers one wins, entirely. */
async function createIdentity(folder: string, path: string): Promise<void> {
  const aside = join(folder, `${FILE_NAME}.${randomBytes(6).toString("hex")}`);
  try {
    await Deno.mkdir(folder, { recursive: true, mode: 0o700 });
    await Deno.writeTextFile(aside, `${JSON.stringify(newIdentityFile())}\n`, {
      createNew: true,
      mode: 0o600,
    });
    try {
      await Deno.link(aside, path);
    } finally {
      await Deno.remove(aside);
    }
  } catch (error) {
    if (error instanceof Deno.errors.AlreadyExists) return;
    throw new IdentityError(
      `Expected to write an identity to ${path}, got an error; set SLEAP_RTC_HOME to a folder that is yours`,
      { cause: error },
    );
  }
}

function newIdentityFile(): IdentityFile {
  const jwk = generateKeyPairSync("ed25519").privateKey.export({ format: "jwk" });
  return identityFileSchema.parse({ version: 1, public_key: jwk.x, private_key: jwk.d });
}

function identityOf(
  file: IdentityFile,
  path: string,
  signIns: readonly SignIn[],
): PeerIdentity {
  const privateKey = privateKeyOf(file, path);
  return {
    publicKey: file.public_key,
    sign: (bytes) => base64urlnopad.encode(new Uint8Array(sign(null, bytes, privateKey))),
    peerIdOf: (name) => peerIdOf(name, file.public_key),
    idTokenAt: (server, wallMs) => signInAt(signIns, server, wallMs)?.id_token,
  };
}

function privateKeyOf(file: IdentityFile, path: string): KeyObject {
  try {
    const privateKey = createPrivateKey({
      key: { kty: "OKP", crv: "Ed25519", x: file.public_key, d: file.private_key },
      format: "jwk",
    });
    const publicKey = createPublicKey(privateKey).export({ format: "jwk" }).x;
    if (publicKey === file.public_key) return privateKey;
  } catch (error) {
    throw new IdentityError(`Expected an Ed25519 key in ${path}, got another one`, {
      cause: error,
    });
  }
  throw new IdentityError(
    `Expected the two halves of one key in ${path}, got halves of two; move it away to become somebody new`,
  );
}
