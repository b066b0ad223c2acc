/** How links do: the path, the round trip, and the rates between two measurements. Pure: instants come in. */

import type { PeerId } from "../base/id.ts";
import { type Instant, SECOND_MS } from "../base/time.ts";
import type { LinkRow } from "../protocol/watch_message.ts";

/** What a client and the worker it watches know of their links at one instant. */
export interface LinkMeasure {
  readonly at: Instant;
  /** The client. */
  readonly self: PeerId;
  /** The worker that it watches. */
  readonly worker: PeerId;
  /** The client's own link, as the client measures it. */
  readonly own: readonly LinkRow[];
  /** The worker's links, as the worker measures them. */
  readonly reported: readonly LinkRow[];
}

/** How one link does. */
export interface LinkPace {
  readonly from: PeerId;
  readonly to: PeerId;
  /** What is at its far end. */
  readonly role: LinkRow["role"];
  readonly rtc: LinkRow["rtc"];
  readonly path: LinkRow["path"];
  readonly rttMs: number | undefined;
  /** Bytes a second to the far end; unknown until there are two measurements of the same link. */
  readonly sentPerS: number | undefined;
  readonly receivedPerS: number | undefined;
}

/** The links at `after`, with rates since `before`: our own first, then workers, then clients, by name. */
export function linkPaces(
  before: LinkMeasure | undefined,
  after: LinkMeasure,
): readonly LinkPace[] {
  const { self, worker, own, reported, at } = after;
  const comparable = before?.worker === worker ? before : undefined;
  const elapsedMs = comparable === undefined ? 0 : at - comparable.at;
  const paceOf = (from: PeerId, row: LinkRow, former: readonly LinkRow[]): LinkPace => {
    const earlier = former.find(({ peer_id }) => peer_id === row.peer_id);
    return {
      from,
      to: row.peer_id,
      role: row.role,
      rtc: row.rtc,
      path: row.path,
      rttMs: row.rtt_ms ?? undefined,
      sentPerS: rate(earlier?.bytes_sent, row.bytes_sent, elapsedMs),
      receivedPerS: rate(earlier?.bytes_received, row.bytes_received, elapsedMs),
    };
  };
  const others = reported
    // The worker's end of our own link says nothing new.
    .filter(({ peer_id }) => peer_id !== self)
    .map((row) => paceOf(worker, row, comparable?.reported ?? []))
    .sort((one, other) => rank(one) - rank(other) || (one.to < other.to ? -1 : 1));
  return [...own.map((row) => paceOf(self, row, comparable?.own ?? [])), ...others];
}

/** A count that went back belongs to another link to the same peer. */
function rate(before: number | undefined, after: number, elapsedMs: number): number | undefined {
  if (before === undefined || after < before || elapsedMs <= 0) return undefined;
  return (after - before) / elapsedMs * SECOND_MS;
}

function rank({ role }: LinkPace): number {
  return role === "worker" ? 0 : 1;
}
