/** Whether two workers can hear each other, as the network and the links are. Knows not what they think of it. */

import type { LinkId, PeerId } from "../../lib/base/id.ts";
import { MESH_TIMING } from "../../lib/mesh/timing.ts";
import type { WorkerLife } from "./worker_life.ts";
import type { World } from "./world.ts";

/** Silence that a worker must bear before it declares another dead. */
export const PATIENCE_MS = MESH_TIMING.quietMs + MESH_TIMING.checkMs;

/** Whether words have come through to `life` from `peerId` for as long as it must be patient. */
export function hearsWell(world: World, life: WorkerLife, peerId: string): boolean {
  const other = world.lives.find((candidate) => candidate.peerId === peerId);
  if (other === undefined || other.state !== "running") return false;
  const there = world.links.endsOf(life).find((end) =>
    end.peerId === other.peerId && end.state === "open"
  );
  const back = world.links.endsOf(other).find((end) =>
    end.peerId === life.peerId && end.state === "open"
  );
  if (there === undefined || back?.linkId !== there.linkId) return false;
  const fineSince = Math.max(
    life.unsettledAt,
    other.unsettledAt,
    there.openedAt,
    back.openedAt,
    world.network.fineSince(life.name, other.name),
  );
  return world.timeline.now - fineSince > PATIENCE_MS + 1_000;
}

/** The worker at the other end of a link that `life` ends although it hears it well; else `undefined`. */
export function givenUp(world: World, life: WorkerLife, linkId: LinkId): PeerId | undefined {
  const end = world.links.endsOf(life).find((one) => one.linkId === linkId);
  if (end?.state !== "open" || !hearsWell(world, life, end.peerId)) return undefined;
  return end.peerId;
}
