/**
 * What a worker does in a room that keeps no registry (decision 011): it has no links to other workers,
 * follows nobody and leads nobody. Clients find it through the server alone.
 */

import type { Administration } from "./administration.ts";
import type { LinkTable } from "./link_table.ts";
import type { Membership } from "./membership.ts";
import type { Roster } from "./roster.ts";

/** Why nobody can watch such a room through a worker. */
export const REGISTRY_OFF =
  "The room keeps no registry to watch; ask the server for its workers instead";

/** The parts that know of other workers. */
export interface SeclusionParts {
  readonly links: LinkTable;
  readonly membership: Membership;
  readonly administration: Administration;
  readonly roster: Roster;
}

/** Has the parts know of no other worker. Twice is as good as once. */
export function seclude({ links, membership, administration, roster }: SeclusionParts): void {
  for (const { linkId } of links.links) roster.drop(linkId, "The room keeps no registry");
  for (const { peerId } of [...membership.members]) roster.forget(peerId);
  administration.resign();
}
