/** Whether those who live may decide for the room (ARCHITECTURE decision 8). Pure arithmetic. */

import type { PeerId } from "../base/id.ts";

/** What a verdict on a majority looks at. */
export interface Quorum {
  /** The members when the room last agreed. */
  readonly agreed: ReadonlySet<PeerId>;
  /** Those of whom there are signs of life, this worker among them. */
  readonly living: ReadonlySet<PeerId>;
  /** What the server says of the admin now; `undefined` where nothing fresh was heard of it. */
  readonly server: { readonly adminPeerId: PeerId | undefined } | undefined;
}

/** Whether the living are exactly half of those who last agreed. */
export function isHalf(agreed: ReadonlySet<PeerId>, living: ReadonlySet<PeerId>): boolean {
  return countOf(agreed, living) * 2 === agreed.size;
}

/**
 * Whether the living are a majority of those who last agreed. Exactly half is one if the server's
 * admin is among them or the server has none, so that it would grant a claim; without the server it is
 * none, whoever is in it: the other half may have the server's word. Two halves thus never both decide.
 */
export function isMajority({ agreed, living, server }: Quorum): boolean {
  if (!isHalf(agreed, living)) return countOf(agreed, living) * 2 > agreed.size;
  if (server === undefined) return false;
  return server.adminPeerId === undefined || living.has(server.adminPeerId);
}

function countOf(agreed: ReadonlySet<PeerId>, living: ReadonlySet<PeerId>): number {
  return agreed.intersection(living).size;
}
