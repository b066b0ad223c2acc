/** Takes a job that waits out of the queue, from whichever terminal of its installation. */

import { Failure } from "../base/failure.ts";
import type { JobId, PeerId } from "../base/id.ts";
import { SECOND_MS } from "../base/time.ts";
import { haveOneKey } from "../protocol/identity.ts";
import type { WorkerList } from "../protocol/query.ts";
import { systemClock } from "../runtime/clock.ts";
import type { LinkedSession } from "./linked_session.ts";
import { holderOf, waitingJob } from "./queue_outlook.ts";
import { pause } from "./visit_wait.ts";
import { WorkerLink, type WorkerLinkOptions } from "./worker_link.ts";

/** For a worker to have written down that the job waits no more. */
const WRITTEN_MS = 5 * SECOND_MS;
const LOOK_EVERY_MS = 100;

/**
 * Withdraws `jobId`, if it waits for its turn by the key of `linked`. Gives the worker that wrote that
 * down; `undefined` where the job does not wait.
 *
 * @throws {Failure} Where no worker can be told.
 * @throws The signal's reason, where it is aborted.
 */
export async function withdrawJob(
  jobId: JobId,
  linked: LinkedSession,
  options: WorkerLinkOptions,
): Promise<PeerId | undefined> {
  const { session } = linked;
  const { list } = await session.discover({});
  const client = waitingJob(list, jobId)?.client_id;
  const isOurs = client !== undefined && haveOneKey(client, session.peerId);
  if (!isOurs || holderOf(list, jobId) !== undefined) return undefined;
  const reasons: string[] = [];
  for (const worker of livingIn(list)) {
    try {
      await withdrawAt(worker, jobId, linked, options);
      return worker;
    } catch (error) {
      if (!(error instanceof Failure) || error.kind !== "worker_lost") throw error;
      reasons.push(error.message);
    }
  }
  const reason = reasons.join("; ") || "nobody is there";
  throw new Failure("no_worker", `Expected a worker that takes ${jobId} out, got none: ${reason}`);
}

async function withdrawAt(
  worker: PeerId,
  jobId: JobId,
  { backend, session }: LinkedSession,
  options: WorkerLinkOptions,
): Promise<void> {
  const lost = Promise.withResolvers<Failure>();
  const handlers = { message: () => {}, data: () => {}, lost: lost.resolve };
  const link = await WorkerLink.open(worker, backend, session, handlers, options);
  try {
    link.say({ type: "queue_leave", job_id: jobId });
    const until = systemClock.now() + WRITTEN_MS;
    while (waitingJob(await link.discover({}), jobId) !== undefined) {
      if (systemClock.now() > until) {
        throw new Failure(
          "worker_lost",
          `${worker} did not take ${jobId} out of the queue in time`,
        );
      }
      await pause(LOOK_EVERY_MS, options.signal);
    }
  } finally {
    link.close("The job is withdrawn");
    await lost.promise;
  }
}

function livingIn({ workers }: WorkerList): readonly PeerId[] {
  return workers.flatMap(({ alive, peer_id, status }) => alive && status !== "left" ? peer_id : []);
}
