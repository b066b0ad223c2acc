/** Identities by a key of this server's own, kept in a file. Needs no provider and no network. */

import { join } from "node:path";
import { base32nopad } from "@scure/base";
import {
  type CryptoKey,
  errors,
  exportJWK,
  generateKeyPair,
  importJWK,
  jwtVerify,
  SignJWT,
} from "jose";
import { z } from "zod";
import { type Clock, SECOND_MS } from "../../lib/base/time.ts";
import { decodeJson } from "../../lib/protocol/decode.ts";
import type { RandomBytes } from "../credential.ts";
import type { Identity, SignIn, Verdict } from "./identity.ts";

const FILE_NAME = "identity_key.json";
const ISSUER = "sleap-rtc";
const ALGORITHM = "EdDSA";
/** How long a sign-in lasts. Longer: a stolen token lasts too; shorter: owners lose their rooms. */
const SIGN_IN_SECONDS = 30 * 24 * 60 * 60;

const keySchema = z.object({
  kty: z.literal("OKP"),
  crv: z.literal("Ed25519"),
  x: z.string().regex(/^[A-Za-z0-9_-]{43}$/),
  d: z.string().regex(/^[A-Za-z0-9_-]{43}$/),
});
type StoredKey = z.infer<typeof keySchema>;

/** Signs and checks id tokens: Ed25519 JWTs (RFC 7519, RFC 8037) that only this server takes. */
export class LocalIdentity implements Identity {
  readonly #signing: CryptoKey;
  readonly #checking: CryptoKey;
  readonly #clock: Clock;
  readonly #randomBytes: RandomBytes;

  private constructor(
    keys: { readonly signing: CryptoKey; readonly checking: CryptoKey },
    clock: Clock,
    randomBytes: RandomBytes,
  ) {
    this.#signing = keys.signing;
    this.#checking = keys.checking;
    this.#clock = clock;
    this.#randomBytes = randomBytes;
  }

  /**
   * Reads the key file in `folder`, which must exist; makes it at first, for its owner alone.
   *
   * @throws {Error} Where the file is no such key, or cannot be read or written.
   */
  static async open(
    folder: string,
    clock: Clock,
    randomBytes: RandomBytes,
  ): Promise<LocalIdentity> {
    const { d, ...open } = await storedKey(join(folder, FILE_NAME));
    const signing = await importJWK({ ...open, d }, ALGORITHM);
    const checking = await importJWK(open, ALGORITHM);
    if (signing instanceof Uint8Array || checking instanceof Uint8Array) {
      throw new Error("Expected an Ed25519 key pair, got a symmetric key");
    }
    return new LocalIdentity({ signing, checking }, clock, randomBytes);
  }

  async anonymousSignIn(): Promise<SignIn> {
    const username = `anonymous-${base32nopad.encode(this.#randomBytes(10)).toLowerCase()}`;
    const nowSeconds = Math.floor(this.#clock.wallMs() / SECOND_MS);
    const id_token = await new SignJWT({})
      .setProtectedHeader({ alg: ALGORITHM })
      .setIssuer(ISSUER).setAudience(ISSUER).setSubject(username)
      .setIssuedAt(nowSeconds).setExpirationTime(nowSeconds + SIGN_IN_SECONDS)
      .sign(this.#signing);
    return { id_token, username };
  }

  async verify(idToken: string): Promise<Verdict> {
    try {
      const { payload } = await jwtVerify(idToken, this.#checking, {
        algorithms: [ALGORITHM],
        issuer: ISSUER,
        audience: ISSUER,
        requiredClaims: ["sub", "exp"],
        currentDate: new Date(this.#clock.wallMs()),
      });
      return { ok: true, subject: payload.sub ?? "" };
    } catch (error) {
      if (!(error instanceof errors.JOSEError)) throw error;
      return { ok: false, reason: `Expected a valid id token: ${error.message}; sign in again` };
    }
  }
}

async function storedKey(path: string): Promise<StoredKey> {
  let text: string;
  try {
    text = await Deno.readTextFile(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    return await makeKey(path);
  }
  const key = decodeJson(text, keySchema);
  if (key.ok) return key.value;
  // The decoder's reason may quote the text, and the text is a private key.
  throw new Error(
    `Expected a private Ed25519 JWK in ${path}, got something else; restore it, or delete it to end all sign-ins`,
  );
}

/** Written whole under another name first, so that no crash leaves half a key. */
async function makeKey(path: string): Promise<StoredKey> {
  const pair = await generateKeyPair(ALGORITHM, { extractable: true });
  const key = keySchema.parse(await exportJWK(pair.privateKey));
  const draft = `${path}.new`;
  await Deno.writeTextFile(draft, JSON.stringify(key), { mode: 0o600 });
  await Deno.rename(draft, path);
  return key;
}
