/**
 * Id tokens: how they are signed, and by which rules they are judged. The one importer of `jose`.
 * Knows no provider and no file.
 */

import {
  createLocalJWKSet,
  createRemoteJWKSet,
  customFetch,
  errors,
  exportJWK,
  generateKeyPair,
  importJWK,
  type JWTPayload,
  jwtVerify,
  type JWTVerifyGetKey,
  SignJWT,
} from "jose";
import { z } from "zod";
import { type Clock, HOUR_MS, SECOND_MS } from "../../lib/base/time.ts";
import { IdentityUnavailable } from "./identity.ts";

/** One answer of a provider's key list. Higher: slow providers work; lower: requests wait less. */
const KEYS_MS_MAX = 3 * SECOND_MS;
/** Between two looks at a provider's keys, for tokens of unknown ones. Lower: strangers cause load. */
const KEYS_COOLDOWN_MS = 30 * SECOND_MS;
/** How long a provider's keys are believed. Higher: a withdrawn key is taken for longer. */
const KEYS_AGE_MS_MAX = HOUR_MS;
/** When to come back after the provider's keys could not be had. */
const RETRY_AFTER_MS = 5 * SECOND_MS;
/** Characters of a token. Cognito's have some 1,000. */
const TOKEN_LENGTH_MAX = 8_192;

const coordinate = z.string().regex(/^[A-Za-z0-9_-]{43}$/);

/** An Ed25519 key pair as a JWK (RFC 8037), without its name. */
export const signingKeySchema = z.object({ x: coordinate, d: coordinate });
/** An Ed25519 key pair as a JWK, without its name. */
export type SigningKey = z.infer<typeof signingKeySchema>;

/** What a token must be to count. */
export interface TokenRules {
  readonly algorithm: "EdDSA" | "RS256";
  readonly issuer: string;
  readonly audience: string;
  /** What its claim `token_use` must say, where the provider gives out tokens of several uses. */
  readonly tokenUse?: string;
}

/** The keys that tokens are checked with. */
export type KeySet = JWTVerifyGetKey;

/** What a token says, where it counts. */
export type TokenVerdict =
  | { readonly ok: true; readonly subject: string }
  | { readonly ok: false; readonly reason: string };

/** A new key pair. */
export async function newSigningKey(): Promise<SigningKey> {
  const pair = await generateKeyPair("EdDSA", { crv: "Ed25519", extractable: true });
  return signingKeySchema.parse(await exportJWK(pair.privateKey));
}

/** Keys of our own, by their names. */
export function ownKeys(keys: readonly { readonly kid: string; readonly x: string }[]): KeySet {
  return createLocalJWKSet({
    keys: keys.map(({ kid, x }) => ({ kty: "OKP", crv: "Ed25519", alg: "EdDSA", kid, x })),
  });
}

/**
 * A provider's keys, fetched when they are needed and kept for a while. Asking for a key rejects with
 * {@linkcode IdentityUnavailable} where the provider does not answer.
 */
export function remoteKeys(url: string): KeySet {
  const fetched = createRemoteJWKSet(new URL(url), {
    timeoutDuration: KEYS_MS_MAX,
    cooldownDuration: KEYS_COOLDOWN_MS,
    cacheMaxAge: KEYS_AGE_MS_MAX,
    [customFetch]: async (address, options) => {
      const response = await fetch(address, options);
      // jose throws at these without reading them, which would hold the connection.
      if (response.status !== 200) await response.body?.cancel();
      return response;
    },
  });
  return async (header, token) => {
    try {
      return await fetched(header, token);
    } catch (cause) {
      if (cause instanceof errors.JWKSNoMatchingKey) throw cause;
      throw new IdentityUnavailable(`Expected the identity provider's keys at ${url}, got none`, {
        cause,
        retryAfterMs: RETRY_AFTER_MS,
      });
    }
  };
}

/** Signs a token for `subject` that is good for `seconds` from now. */
export async function signToken(
  subject: string,
  seconds: number,
  key: SigningKey & { readonly kid: string },
  rules: TokenRules,
  clock: Pick<Clock, "wallMs">,
): Promise<string> {
  const { kid, x, d } = key;
  const nowSeconds = Math.floor(clock.wallMs() / SECOND_MS);
  return await new SignJWT({})
    .setProtectedHeader({ alg: rules.algorithm, kid })
    .setIssuer(rules.issuer).setAudience(rules.audience).setSubject(subject)
    .setIssuedAt(nowSeconds).setExpirationTime(nowSeconds + seconds)
    .sign(await importJWK({ kty: "OKP", crv: "Ed25519", x, d }, "EdDSA"));
}

/**
 * Judges a token by its algorithm, signature, issuer, audience, use and expiry (RFC 8725 section 3).
 *
 * @throws {IdentityUnavailable} Where the keys cannot be had.
 */
export async function judgeToken(
  token: string,
  keys: KeySet,
  rules: TokenRules,
  clock: Pick<Clock, "wallMs">,
): Promise<TokenVerdict> {
  if (token.length > TOKEN_LENGTH_MAX) {
    return refused(`at most ${TOKEN_LENGTH_MAX} characters expected`);
  }
  let payload: JWTPayload;
  try {
    ({ payload } = await jwtVerify(token, keys, {
      algorithms: [rules.algorithm],
      issuer: rules.issuer,
      audience: rules.audience,
      requiredClaims: ["sub", "exp", ...(rules.tokenUse === undefined ? [] : ["token_use"])],
      currentDate: new Date(clock.wallMs()),
    }));
  } catch (error) {
    if (!(error instanceof errors.JOSEError)) throw error;
    return refused(error.message);
  }
  if (rules.tokenUse !== undefined && payload["token_use"] !== rules.tokenUse) {
    return refused(`its "token_use" is not ${JSON.stringify(rules.tokenUse)}`);
  }
  return { ok: true, subject: payload.sub ?? "" };
}

function refused(why: string): TokenVerdict {
  return { ok: false, reason: `Expected a valid id token: ${why}; sign in again` };
}
