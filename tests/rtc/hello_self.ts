/** Peers that can say hello, for tests. */

import { isLinkId, isRoomId, type LinkId, type RoomId } from "../../lib/base/id.ts";
import { peerIdOf } from "../../lib/protocol/identity.ts";
import type { HelloSelf } from "../../lib/rtc/hello.ts";

/** A room id, checked. */
export function roomOf(text: string): RoomId {
  if (!isRoomId(text)) throw new Error(`Expected a room id, got ${text}`);
  return text;
}

/** A link id, checked. */
export function linkOf(text: string): LinkId {
  if (!isLinkId(text)) throw new Error(`Expected a link id, got ${text}`);
  return text;
}

/** A peer called `name`, with a public key of `letter`s. */
export function selfOf(
  name: string,
  letter: string,
  role: HelloSelf["role"] = "worker",
): HelloSelf {
  const publicKey = `${letter.repeat(42)}A`;
  return {
    roomId: roomOf("room12345"),
    peerId: peerIdOf(name, publicKey),
    role,
    incarnation: 3,
    publicKey,
    metadata: { tags: [], properties: { gpu_memory_mb: 24_000 } },
  };
}
