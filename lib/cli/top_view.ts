/** What `top` shows of a room, at one instant. Pure: where it comes from and how it looks is not known here. */

import type { JobId, PeerId } from "../base/id.ts";
import type { LinkPace } from "../client/link_pace.ts";
import type { WorkerList } from "../protocol/query.ts";

/** How far a job of this installation has come, as far as it was heard here. */
export interface JobProgress {
  readonly runName: string;
  readonly epochs: number;
  readonly lastLoss: number | null;
}

/** What is known of a room. */
export interface TopView {
  readonly list: WorkerList;
  /** The worker whose knowledge it is; absent before the first one is found. */
  readonly watched: PeerId | undefined;
  /** Why nobody is watched now, in words; absent while somebody is. */
  readonly trouble: string | undefined;
  readonly links: readonly LinkPace[];
  /** Of the jobs that were sent from here. */
  readonly progress: ReadonlyMap<JobId, JobProgress>;
}

/** The view as one object for a program; names are those of the protocol. */
export function topFacts({ list, watched, trouble, links, progress }: TopView): object {
  return {
    ...list,
    waiting: list.waiting ?? [],
    watched_peer_id: watched ?? null,
    trouble: trouble ?? null,
    links: links.map(({ from, to, role, rtc, path, rttMs, sentPerS, receivedPerS }) => ({
      from_peer_id: from,
      to_peer_id: to,
      role,
      rtc,
      path,
      rtt_ms: rttMs ?? null,
      sent_bytes_per_s: sentPerS ?? null,
      received_bytes_per_s: receivedPerS ?? null,
    })),
    jobs: [...progress].map(([job_id, { runName, epochs, lastLoss }]) => ({
      job_id,
      run_name: runName,
      epochs,
      last_loss: lastLoss,
    })),
  };
}

/** All of the view that is no age and no measurement: two views that are alike in it differ in nothing new. */
export function substanceOf({ list, watched, trouble, progress }: TopView): string {
  const { workers, stale_ms: _age, ...rest } = list;
  const ageless = workers.map(({ last_heard_ms: _heard, ...worker }) => worker);
  return JSON.stringify([rest, ageless, watched, trouble, [...progress]]);
}
