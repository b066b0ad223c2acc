/** The one leader that may lead beside another. Knows what workers believe, not how the network is. */

import type { WorkerLife } from "./worker_life.ts";

/**
 * Whether a leader rules nobody. A worker that was the first in its room and was cut off before it heard
 * of another is the majority of those it knows, itself, and cannot find out: its own silence and an empty
 * room look the same. It may lead, as long as nobody follows it: it then decides for itself alone, which
 * every worker does (ARCHITECTURE decision 14). To ask for the server's fresh word instead would make
 * the one worker of a small lab read-only whenever the server is away.
 */
export function isHermit(life: WorkerLife, lives: readonly WorkerLife[]): boolean {
  const isFollowed = lives.some((other) => other !== life && other.view.admin === life.peerId);
  return life.view.liveness.size === 0 && !isFollowed;
}
