/** Whether those who live may decide for the room (ARCHITECTURE decision 8). Pure arithmetic. */

import type { PeerId } from "../base/id.ts";

/** What a verdict on a majority looks at. */
export interface Quorum {
  /** The members when the room last agreed. */
  readonly agreed: ReadonlySet<PeerId>;
  /** Those of whom there are signs of life, this worker among them. */
  readonly living: ReadonlySet<PeerId>;
  /** Whether this worker never agreed with anybody: it knows the members by the server's word alone. */
  readonly isNewcomer: boolean;
  /** What the server says of the admin; `undefined` where the server is out of reach. */
  readonly server: { readonly adminPeerId: PeerId | undefined } | undefined;
}

/**
 * Whether the living are a majority of those who last agreed. Exactly half is one if the server's
 * admin is among them or the server has none, so that it would grant a claim; without the server, if
 * they hold the smallest peer id and are not a newcomer, who may be the only one to count like this.
 * Two halves thus never both decide by the server's word.
 */
export function isMajority({ agreed, living, isNewcomer, server }: Quorum): boolean {
  let present = 0;
  let smallest: PeerId | undefined;
  for (const peerId of agreed) {
    if (living.has(peerId)) present++;
    if (smallest === undefined || peerId < smallest) smallest = peerId;
  }
  if (present * 2 !== agreed.size) return present * 2 > agreed.size;
  if (smallest === undefined) return true;
  if (server === undefined) return !isNewcomer && living.has(smallest);
  return server.adminPeerId === undefined || living.has(server.adminPeerId);
}
