/** How changes are cut into messages that a link takes. Knows no link, and not what changes say. */

import { LINK_MESSAGE_BYTES_MAX } from "../base/limits.ts";
import type { MeshMessage, SignedChange } from "../protocol/mesh_message.ts";

/** Changes in one message. Higher: more is held at once; lower: a late joiner asks more often. */
export const CHANGES_PER_MESSAGE = 64;
/** The JSON of a change but for its chunk: name, key, signature. All of it is ASCII. */
const CHANGE_FRAME_BYTES = 512;
/** The bytes of changes in one message: the rest of it fits beside them. */
const BATCH_BYTES_MAX = LINK_MESSAGE_BYTES_MAX - 1024;

/** Changes on their way. */
export type StateBroadcast = Extract<MeshMessage, { type: "state_broadcast" }>;

/** All of `changes`, in as many messages as it takes. */
export function broadcastsOf(changes: readonly SignedChange[]): StateBroadcast[] {
  const broadcasts: StateBroadcast[] = [];
  let batch: SignedChange[] = [];
  let bytes = 0;
  for (const change of changes) {
    const size = change.change.length + CHANGE_FRAME_BYTES;
    if (batch.length >= CHANGES_PER_MESSAGE || bytes + size > BATCH_BYTES_MAX) {
      broadcasts.push({ type: "state_broadcast", changes: batch });
      batch = [];
      bytes = 0;
    }
    batch.push(change);
    bytes += size;
  }
  if (batch.length > 0) broadcasts.push({ type: "state_broadcast", changes: batch });
  return broadcasts;
}

/**
 * The answer to one who lacks `changes`: as many as one message takes, and whether there are more to ask
 * for. Give one change more than {@linkcode CHANGES_PER_MESSAGE} where there is one.
 */
export function answerOf(changes: readonly SignedChange[]): StateBroadcast {
  const [first, ...rest] = broadcastsOf(changes);
  if (first === undefined) return { type: "state_broadcast", changes: [] };
  return rest.length === 0 ? first : { ...first, more: true };
}
