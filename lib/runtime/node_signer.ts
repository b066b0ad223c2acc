/** The signer of a mesh node: Ed25519 by this installation's key. */

import { createHash } from "node:crypto";
import type { PeerId } from "../base/id.ts";
import { WORKERS_MAX } from "../base/limits.ts";
import type { Signer } from "../mesh/signer.ts";
import { ownsPeerId, verifierOf } from "../protocol/identity.ts";
import type { PeerIdentity } from "./credentials.ts";

/** Workers whose key stays read. Higher: memory; lower: keys are read anew, at twice a check's cost. */
const AUTHORS_MAX = 4 * WORKERS_MAX;

/** A worker whose key was seen to own its id. */
interface KnownAuthor {
  readonly publicKey: string;
  readonly isSignature: ReturnType<typeof verifierOf>;
}

/** Signs as `identity`, and checks others by the keys that their peer ids are bound to. */
export function nodeSigner(identity: PeerIdentity): Signer {
  const authors = new Map<PeerId, KnownAuthor>();
  const authorOf = (peerId: PeerId, publicKey: string): KnownAuthor | undefined => {
    const known = authors.get(peerId);
    if (known?.publicKey === publicKey) return known;
    if (!ownsPeerId(publicKey, peerId)) return undefined;
    const author = { publicKey, isSignature: verifierOf(publicKey) };
    if (authors.size >= AUTHORS_MAX) authors.clear();
    authors.set(peerId, author);
    return author;
  };
  return {
    publicKey: identity.publicKey,
    sign: (bytes) => identity.sign(bytes),
    verify: (peerId, publicKey, bytes, signature) =>
      authorOf(peerId, publicKey)?.isSignature(bytes, signature) ?? false,
    // 16 bytes: an actor stands in every change.
    actorOf: (peerId, incarnation) =>
      createHash("sha256").update(`${peerId}\n${incarnation}`).digest("hex").slice(0, 32),
  };
}
