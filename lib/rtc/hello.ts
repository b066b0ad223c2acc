/**
 * How a link is introduced: writes our hello and judges theirs. Knows nothing of links or time.
 * That a peer holds the key it shows is not proven here yet (ARCHITECTURE decision 2).
 */

import type { z } from "zod";
import type { LinkId, PeerId, RoomId } from "../base/id.ts";
import { type Hello, helloSchema, helloVersionSchema } from "../protocol/hello.ts";
import { ownsPeerId, type PublicKey } from "../protocol/identity.ts";
import { PROTOCOL_VERSION, SOFTWARE_VERSION } from "../protocol/version.ts";

/** Who we are on every link. */
export interface HelloSelf {
  readonly roomId: RoomId;
  readonly peerId: PeerId;
  readonly role: Hello["role"];
  readonly incarnation: number;
  readonly publicKey: PublicKey;
  readonly metadata: Hello["metadata"];
}

/** What their hello must agree with. */
export interface HelloExpectation {
  readonly self: HelloSelf;
  readonly linkId: LinkId;
  /** Who must be at the other end, where that is known. */
  readonly peerId: PeerId | undefined;
}

/** Their hello is refused. The message is the reason, and both sides may read it. */
export class HelloError extends Error {
  override readonly name = "HelloError";
}

/**
 * The text of our hello on the link `linkId`.
 *
 * @param nonce 16 random bytes in base64url.
 * @throws {z.ZodError} Where what we say of ourselves breaks the protocol.
 */
export function writeHello(self: HelloSelf, linkId: LinkId, nonce: string): string {
  const hello: Hello = {
    type: "hello",
    protocol: PROTOCOL_VERSION,
    version: SOFTWARE_VERSION,
    room_id: self.roomId,
    link_id: linkId,
    peer_id: self.peerId,
    role: self.role,
    incarnation: self.incarnation,
    public_key: self.publicKey,
    nonce,
    metadata: self.metadata,
  };
  return JSON.stringify(helloSchema.parse(hello));
}

/**
 * Their hello.
 *
 * @throws {HelloError} Where it is none, or not of the peer, room, link and version that we expect.
 */
export function readHello(text: string, expected: HelloExpectation): Hello {
  const decoded = decodeJson(text);
  const version = helloVersionSchema.safeParse(decoded);
  if (!version.success) throw malformed(version.error);
  // Judged before the rest: other versions may have other fields.
  if (version.data.protocol !== PROTOCOL_VERSION) {
    throw new HelloError(
      `Expected protocol ${PROTOCOL_VERSION}, got ${version.data.protocol}; update the older peer`,
    );
  }
  const parsed = helloSchema.safeParse(decoded);
  if (!parsed.success) throw malformed(parsed.error);
  const hello = parsed.data;
  mustEqual("room", expected.self.roomId, hello.room_id);
  mustEqual("link", expected.linkId, hello.link_id);
  if (expected.peerId !== undefined) mustEqual("peer", expected.peerId, hello.peer_id);
  if (hello.peer_id === expected.self.peerId) {
    throw new HelloError(`Expected another peer, got our own peer id ${hello.peer_id}`);
  }
  if (!ownsPeerId(hello.public_key, hello.peer_id)) {
    throw new HelloError(`Expected the key that ${hello.peer_id} is bound to, got another key`);
  }
  return hello;
}

function mustEqual(what: string, wanted: string, got: string): void {
  if (wanted !== got) throw new HelloError(`Expected ${what} ${wanted}, got ${got}`);
}

function decodeJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new HelloError("Expected a hello in JSON, got other text", { cause });
  }
}

function malformed(error: z.ZodError): HelloError {
  const issue = error.issues[0];
  const where = issue?.path.join(".") || "hello";
  return new HelloError(`Expected a hello, got one with a wrong ${where}: ${issue?.message}`, {
    cause: error,
  });
}
