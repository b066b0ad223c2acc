/** The signer of a mesh node: Ed25519 by this installation's key. */

import { createHash } from "node:crypto";
import type { Signer } from "../mesh/signer.ts";
import { isSignedBy, ownsPeerId } from "../protocol/identity.ts";
import type { PeerIdentity } from "./credentials.ts";

/** Signs as `identity`, and checks others by the keys that their peer ids are bound to. */
export function nodeSigner(identity: PeerIdentity): Signer {
  return {
    publicKey: identity.publicKey,
    sign: (bytes) => identity.sign(bytes),
    verify: (peerId, publicKey, bytes, signature) =>
      ownsPeerId(publicKey, peerId) && isSignedBy(publicKey, bytes, signature),
    // 16 bytes: an actor stands in every change.
    actorOf: (peerId, incarnation) =>
      createHash("sha256").update(`${peerId}\n${incarnation}`).digest("hex").slice(0, 32),
  };
}
