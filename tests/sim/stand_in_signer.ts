/**
 * A stand-in for Ed25519, for speed: 60 µs a signature is most of a simulated second. Like the real
 * one it is deterministic, binds a key to one peer id and refuses what another key signed; unlike it,
 * anybody can forge it who tries. The real one is the runtime's.
 */

import type { PeerId } from "../../lib/base/id.ts";
import type { Signer } from "../../lib/mesh/signer.ts";
import { Digest } from "./digest.ts";

/** The key that alone may speak for `peerId`. */
export function standInKey(peerId: PeerId): string {
  return `key-of-${new Digest().add(peerId).hex}`;
}

/** Signs as `self`. */
export function createStandInSigner(self: PeerId): Signer {
  const publicKey = standInKey(self);
  return {
    publicKey,
    sign: (bytes) => signatureOf(publicKey, bytes),
    verify: (peerId, key, bytes, signature) =>
      key === standInKey(peerId) && signature === signatureOf(key, bytes),
    actorOf: (peerId, incarnation) => {
      const life = `${peerId}/${incarnation}`;
      return new Digest().add(life).hex + new Digest().add(`actor/${life}`).hex;
    },
  };
}

function signatureOf(publicKey: string, bytes: Uint8Array): string {
  return new Digest().add(publicKey).addBytes(bytes).hex;
}
