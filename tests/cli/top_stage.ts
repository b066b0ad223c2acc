/** A room with all that `top` can show, for tests. */

import { isJobId, type JobId } from "../../lib/base/id.ts";
import type { TopView } from "../../lib/cli/top_view.ts";
import type { Waiting } from "../../lib/protocol/queue_message.ts";
import type { WorkerView } from "../../lib/protocol/worker.ts";
import { peer } from "../mesh/peers.ts";

/** A job's id. */
export function job(id: string): JobId {
  if (!isJobId(id)) throw new Error(`Expected a job id, got ${id}`);
  return id;
}

/** A free worker of 24 GB. */
export function worker(name: string, rest: Partial<WorkerView> = {}): WorkerView {
  return {
    peer_id: peer(name),
    incarnation: 1,
    status: "available",
    current_job: null,
    metadata: { tags: [], properties: { gpu_memory_mb: 24_000, gpu_model: "RTX A5000" } },
    is_admin: false,
    alive: true,
    last_heard_ms: 340,
    ...rest,
  };
}

function waiting(id: string, client: string, rest: Partial<Waiting> = {}): Waiting {
  return {
    job_id: job(id),
    client_id: peer(client),
    needs: { runner: "sleap_nn", min_gpu_memory_mb: 0, worker: null },
    ticket: 1,
    queued_at_ms: 0,
    is_present: true,
    ...rest,
  };
}

/** Two workers, of which one trains, two jobs that wait, one whose client is away, and three links. */
export function fullRoom(rest: Partial<TopView> = {}): TopView {
  const used = {
    gpu_memory_mb: 24_000,
    gpu_model: "RTX\u001b[2J 3090\u0007",
    gpu_memory_used_mb: 9_100,
  };
  return {
    list: {
      workers: [
        worker("gpu-a-aaaaaaaaaa", { is_admin: true }),
        worker("gpu-b-bbbbbbbbbb", {
          status: "busy",
          current_job: { job_id: job("job-12345678"), client_id: peer("laptop-cccccccccc") },
          metadata: { tags: [], properties: used },
        }),
        worker("gpu-c-cccccccccc", {
          metadata: { tags: [], properties: { gpu_in_use_by_others: true } },
        }),
      ],
      total_count: 3,
      admin_peer_id: peer("gpu-a-aaaaaaaaaa"),
      epoch: 2,
      stale: false,
      stale_ms: 0,
      waiting: [
        waiting("job-22222222", "desk-dddddddddd", {
          needs: { runner: "sleap_nn", min_gpu_memory_mb: 16_000, worker: null },
        }),
        waiting("job-33333333", "lap-eeeeeeeeee", { is_present: false }),
        waiting("job-44444444", "desk-dddddddddd", {
          needs: { runner: "demo", min_gpu_memory_mb: 0, worker: peer("gpu-b-bbbbbbbbbb") },
        }),
      ],
    },
    watched: peer("gpu-a-aaaaaaaaaa"),
    trouble: undefined,
    links: [
      {
        from: peer("mine-ffffffffff"),
        to: peer("gpu-a-aaaaaaaaaa"),
        role: "worker",
        rtc: "native",
        path: "relay",
        rttMs: 0.3,
        sentPerS: 1_234.5,
        receivedPerS: undefined,
      },
      {
        from: peer("gpu-a-aaaaaaaaaa"),
        to: peer("gpu-b-bbbbbbbbbb"),
        role: "worker",
        rtc: "werift",
        path: "host",
        rttMs: 21.4,
        sentPerS: 0,
        receivedPerS: 12_000_000,
      },
      {
        from: peer("gpu-a-aaaaaaaaaa"),
        to: peer("desk-dddddddddd"),
        role: "client",
        rtc: "native",
        path: "srflx",
        rttMs: undefined,
        sentPerS: undefined,
        receivedPerS: undefined,
      },
    ],
    progress: new Map([
      [job("job-12345678"), { runName: "centroid", epochs: 12, lastLoss: 0.00123 }],
    ]),
    ...rest,
  };
}
