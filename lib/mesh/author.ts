/** Who writes to a room state, and what the signature of a change covers. */

import type { PeerId, RoomId } from "../base/id.ts";
import type { Signer } from "./signer.ts";

/** The worker whose replica a room state is. */
export interface Author {
  readonly roomId: RoomId;
  readonly peerId: PeerId;
  readonly incarnation: number;
  readonly signer: Signer;
}

/** What the signature of a change covers: the change, and the room that it is for. */
export function changeBytes(roomId: RoomId, chunk: Uint8Array): Uint8Array {
  const domain = new TextEncoder().encode(`sleap-rtc/change/1\n${roomId}\n`);
  const bytes = new Uint8Array(domain.length + chunk.length);
  bytes.set(domain);
  bytes.set(chunk, domain.length);
  return bytes;
}
