/** Answers to queries about rooms in which jobs wait, for tests. */

import type { WorkerList } from "../../lib/protocol/query.ts";
import type { Waiting } from "../../lib/protocol/queue_message.ts";
import type { WorkerView } from "../../lib/protocol/worker.ts";
import { peer } from "../mesh/peers.ts";
import { ANY, entry, jobOf } from "../mesh/queued.ts";

/** A free worker of 8 GB, as an answer shows it. */
export function view(name: string, changes: Partial<WorkerView> = {}): WorkerView {
  return { ...entry(name), is_admin: false, alive: true, last_heard_ms: 0, ...changes };
}

/** A request of a client of its own. */
export function waiting(job: string, is_present = true): Waiting {
  const client_id = peer(`client-of-${job}`);
  return { job_id: jobOf(job), client_id, needs: ANY, ticket: 1, queued_at_ms: 0, is_present };
}

/** An answer with these workers and requests. */
export function list(
  workers: readonly WorkerView[],
  queue: readonly Waiting[],
  stale = false,
): WorkerList {
  return {
    workers: [...workers],
    total_count: workers.length,
    admin_peer_id: null,
    epoch: 1,
    stale,
    stale_ms: 0,
    waiting: [...queue],
  };
}
