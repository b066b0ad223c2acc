/**
 * Who owns a name: a peer id ends in a digest of the public key that may speak for it
 * (ARCHITECTURE decision 3). Knows public keys only; private ones stay in the runtime.
 */

import { createHash, createPublicKey, type KeyObject, verify } from "node:crypto";
import { base32nopad, base64urlnopad } from "@scure/base";
import { isPeerId, type PeerId } from "../base/id.ts";

/** An Ed25519 public key: 32 bytes, base64url without padding. */
export type PublicKey = string;

/** Characters of the digest at the end of a peer id: 50 bits. */
const BINDING_LENGTH = 10;
/** Characters that a peer's own name may have before the digest. */
export const PEER_NAME_LENGTH_MAX = 40;

function bindingOf(publicKey: PublicKey): string {
  const digest = createHash("sha256").update(base64urlnopad.decode(publicKey)).digest();
  return base32nopad.encode(digest).slice(0, BINDING_LENGTH).toLowerCase();
}

/**
 * The peer id of `name` under `publicKey`. Characters that a name cannot have become `-`.
 *
 * @throws {Error} Where nothing is left of the name, or the key is not base64url.
 */
export function peerIdOf(name: string, publicKey: PublicKey): PeerId {
  const label = name.replace(/[^A-Za-z0-9._-]+/g, "-").replace(/^[^A-Za-z0-9]+/, "")
    .slice(0, PEER_NAME_LENGTH_MAX);
  const id = `${label}-${bindingOf(publicKey)}`;
  if (label === "" || !isPeerId(id)) {
    throw new Error(`Expected a name with letters or digits, got ${JSON.stringify(name)}`);
  }
  return id;
}

/** Whether `publicKey` may speak for `peerId`. */
export function ownsPeerId(publicKey: PublicKey, peerId: PeerId): boolean {
  if (!isPublicKey(publicKey)) return false;
  return peerId.endsWith(`-${bindingOf(publicKey)}`);
}

/**
 * Whether one key speaks for both, as far as their ids tell: two processes of one installation have
 * different names and the same digest. Only ids that were checked with {@linkcode ownsPeerId} prove it.
 */
export function haveOneKey(one: PeerId, other: PeerId): boolean {
  if (one === other) return true;
  const binding = one.slice(-BINDING_LENGTH - 1);
  return /^-[a-z2-7]+$/.test(binding) && other.endsWith(binding);
}

/** Whether `text` has the form of an {@linkcode PublicKey}, with no bit set that stands for nothing. */
export function isPublicKey(text: string): text is PublicKey {
  return /^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$/.test(text);
}

/** Whether `signature` (64 bytes, base64url) is the Ed25519 signature of `bytes` under `publicKey`. */
export function isSignedBy(publicKey: PublicKey, bytes: Uint8Array, signature: string): boolean {
  return verifierOf(publicKey)(bytes, signature);
}

/**
 * What {@linkcode isSignedBy} finds, for many signatures under one key: to read the key takes as long
 * as to check a signature.
 */
export function verifierOf(
  publicKey: PublicKey,
): (bytes: Uint8Array, signature: string) => boolean {
  const key = keyOf(publicKey);
  return (bytes, signature) =>
    key !== undefined && /^[A-Za-z0-9_-]{85}[AQgw]$/.test(signature) &&
    verify(null, bytes, key, Uint8Array.fromBase64(signature, { alphabet: "base64url" }));
}

/** The key that the text stands for; `undefined` where it stands for none. */
function keyOf(publicKey: PublicKey): KeyObject | undefined {
  if (!isPublicKey(publicKey)) return undefined;
  try {
    return createPublicKey({ key: { kty: "OKP", crv: "Ed25519", x: publicKey }, format: "jwk" });
  } catch {
    // Half of all 32 bytes are no point of the curve; strangers may send them.
    return undefined;
  }
}
