/** Whether a peer, worker or client, is what somebody looks for. The rule itself is `lib/protocol/match.ts`. */

import type { PeerId } from "../lib/base/id.ts";
import { matches as matchesWorker } from "../lib/protocol/match.ts";
import type { Filters } from "../lib/protocol/query.ts";
import type { Role } from "../lib/protocol/signal_message.ts";
import { type Metadata, type WorkerStatus, workerStatusSchema } from "../lib/protocol/worker.ts";

/** The part of a peer that filters look at. */
export interface Matchable {
  readonly peer_id: PeerId;
  readonly role: Role;
  readonly metadata: Metadata;
}

/** The status that a worker states among its properties; one that states none is available. */
export function statusOf(worker: Matchable): WorkerStatus {
  const stated = workerStatusSchema.safeParse(worker.metadata.properties["status"]);
  return stated.success ? stated.data : "available";
}

/** Whether `peer` fulfils every one of `filters`. A client has no status, so no filter on it fits. */
export function matches(peer: Matchable, filters: Filters): boolean {
  const { role, ...rest } = filters;
  if (role !== undefined && role !== "peer" && role !== peer.role) return false;
  const asksForStatus = rest.status !== undefined || rest.properties?.["status"] !== undefined;
  if (peer.role === "client" && asksForStatus) return false;
  return matchesWorker({ ...peer, status: statusOf(peer) }, rest);
}
