/** Asks one worker of a room which workers it knows, over a link of our own. Any worker answers. */

import type { Failure } from "../base/failure.ts";
import type { PeerId } from "../base/id.ts";
import type { Filters, WorkerList } from "../protocol/query.ts";
import { systemClock } from "../runtime/clock.ts";
import { type LinkedOptions, LinkedSession } from "./linked_session.ts";
import { WorkerLink } from "./worker_link.ts";

/** An answer of one worker, over a link to it. */
export interface WorkerAnswer {
  readonly list: WorkerList;
  readonly via: "worker";
  readonly worker: PeerId;
  /** For the answer alone; the link took longer. */
  readonly tookMs: number;
}

/**
 * The workers that `worker` knows, and whom it follows: for when the admin that the server names is
 * gone, or to see the room as one worker sees it.
 *
 * @throws {Failure} Where the server does not let us in, or the worker cannot be linked to or does not
 * answer.
 * @throws The signal's reason, where it is aborted.
 */
export async function askWorker(
  worker: PeerId,
  filters: Filters,
  options: LinkedOptions,
): Promise<WorkerAnswer> {
  await using linked = await LinkedSession.open(options);
  const { backend, session } = linked;
  const lost = Promise.withResolvers<Failure>();
  const handlers = { message: () => {}, data: () => {}, lost: lost.resolve };
  const link = await WorkerLink.open(worker, backend, session, handlers, options);
  try {
    const startedAt = systemClock.now();
    const list = await link.discover(filters);
    return { list, via: "worker", worker, tookMs: systemClock.now() - startedAt };
  } finally {
    link.close("The question is answered");
    await lost.promise;
  }
}
