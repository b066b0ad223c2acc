/** Short names for the peers of tests. */

import {
  isLinkId,
  isPeerId,
  isRoomId,
  type LinkId,
  type PeerId,
  type RoomId,
} from "../../lib/base/id.ts";
import type { Metadata } from "../../lib/protocol/worker.ts";

/** A peer id. */
export function peer(name: string): PeerId {
  if (!isPeerId(name)) throw new Error(`Expected a peer id, got ${name}`);
  return name;
}

/** A set of peer ids, from `w1 w2`. */
export function peers(names: string): Set<PeerId> {
  return new Set(names.split(" ").filter((name) => name !== "").map(peer));
}

/** A link id. */
export function link(name: string): LinkId {
  if (!isLinkId(name)) throw new Error(`Expected a link id, got ${name}`);
  return name;
}

/** The room of the tests. */
export function room(): RoomId {
  const id = "lab2room0001";
  if (!isRoomId(id)) throw new Error(`Expected a room id, got ${id}`);
  return id;
}

/** What a worker with that much GPU memory says of itself. */
export function metadataOf(gpu_memory_mb: number, tags: string[] = []): Metadata {
  return { tags, properties: { gpu_memory_mb } };
}
