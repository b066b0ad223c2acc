/** Signatures as a port: the pure folders hold no private key. */

import type { PeerId } from "../base/id.ts";

/** Signs as this peer and checks others. Deterministic, so that a simulated room can be replayed. */
export interface Signer {
  /** Ed25519, base64url. */
  readonly publicKey: string;
  /** The signature of `bytes` under {@linkcode Signer.publicKey}, base64url. */
  sign(bytes: Uint8Array): string;
  /** Whether `signature` is that of `bytes` under `publicKey`, and `publicKey` owns `peerId`. */
  verify(peerId: PeerId, publicKey: string, bytes: Uint8Array, signature: string): boolean;
  /** The Automerge actor (hexadecimal) of one life of a peer: never reused by another life. */
  actorOf(peerId: PeerId, incarnation: number): string;
}
