/** How long a client waits for the list of workers, by each way there is to ask. */

import { z } from "zod";
import { SILENT_LOG } from "../../lib/base/log.ts";
import { listWorkers } from "../../lib/client/room_api.ts";
import { RoomWatch } from "../../lib/client/room_watch.ts";
import { Session } from "../../lib/client/session.ts";
import { WorkerLink } from "../../lib/client/worker_link.ts";
import { rtcChoiceSchema } from "../../lib/runtime/config.ts";
import { selectBackend } from "../../lib/rtc/backend.ts";
import { Lab } from "../lab/lab.ts";
import type { Bench, Measurement } from "./bench.ts";
import { median, p95, p99, rounded } from "./statistics.ts";

const MESH_MS_MAX = 60_000;
const viaSchema = z.enum(["relay", "link", "replica", "http"]);
type Via = z.infer<typeof viaSchema>;

/** Asks in a settled room, one question after the other. The first ones, which warm up, do not count. */
export const bench: Bench = {
  summary: "Time from a query to the list of workers",
  rounds: 300,
  options: {
    via: { value: "WAY", summary: "relay, link, replica or http (all if left out)" },
    workers: { value: "N", summary: "Workers in the room (3 if left out)" },
    rtc: { value: "BACKEND", summary: "native or werift (native where it loads)" },
  },
  async *run({ rounds, options }) {
    const ways = options.has("via") ? [viaSchema.parse(options.get("via"))] : viaSchema.options;
    const count = z.coerce.number().int().min(1).max(10).parse(options.get("workers") ?? "3");
    const rtc = rtcChoiceSchema.parse(options.get("rtc") ?? "auto");
    const folder = await Deno.makeTempDir({ prefix: "sleap-rtc-bench-" });
    const lab = await Lab.open(folder, rtc);
    try {
      const workers = await lab.addWorkers(
        Array.from(
          { length: count },
          (_, index) => ({ name: `w${index}`, gpuMemoryMb: 8_000 + index }),
        ),
      );
      await lab.meshed(workers, MESH_MS_MAX);
      yield* measure(lab, ways, { rounds, rtc });
    } finally {
      await lab.close();
      await Deno.remove(folder, { recursive: true });
    }
  },
};

async function* measure(
  lab: Lab,
  ways: readonly Via[],
  { rounds, rtc }: { rounds: number; rtc: z.infer<typeof rtcChoiceSchema> },
): AsyncGenerator<Measurement> {
  const { room, identity } = lab;
  const signal = new AbortController().signal;
  const session = await Session.open({ room, identity, log: SILENT_LOG, signal });
  // A worker keeps one link a client: the link and the watch are two clients.
  const watcher = await Session.open({ room, identity, log: SILENT_LOG, signal });
  const backend = await selectBackend(rtc, SILENT_LOG);
  const lost = Promise.withResolvers<void>();
  let link: WorkerLink | undefined;
  let watch: RoomWatch | undefined;
  try {
    const admin = (await session.discover({})).list.admin_peer_id;
    if (admin === null) throw new Error("Expected an admin to ask, got none");
    const handlers = { message: () => {}, data: () => {}, lost: () => lost.resolve() };
    const options = { room, identity, iceServers: [], log: SILENT_LOG, signal };
    const open = link = await WorkerLink.open(admin, backend, session, handlers, options);
    const watching = Promise.withResolvers<void>();
    const watched = watch = new RoomWatch(watcher, backend, {
      ...options,
      hear: ({ type }) => type === "watching" && watching.resolve(),
    });
    await Promise.race([watching.promise, watched.over]);
    const ask: Record<Via, () => Promise<unknown>> = {
      relay: async () => {
        const { via } = await session.discover({});
        if (via !== "admin") throw new Error(`Expected the admin to answer, got the ${via}`);
      },
      link: () => open.discover({}),
      replica: () => {
        const { stale, total_count } = watched.list({});
        if (stale || total_count === 0) {
          throw new Error("Expected a fresh replica, got a stale one");
        }
        return Promise.resolve();
      },
      http: () => listWorkers(room, {}),
    };
    for (const via of ways) {
      const times: number[] = [];
      const warmUp = Math.ceil(rounds / 10);
      for (let round = -warmUp; round < rounds; round++) {
        const startedAt = performance.now();
        await ask[via]();
        if (round >= 0) times.push(performance.now() - startedAt);
      }
      const p50_ms = rounded(median(times));
      yield { via, p50_ms, p95_ms: rounded(p95(times)), p99_ms: rounded(p99(times)), rounds };
    }
  } finally {
    await watch?.close();
    if (link !== undefined) {
      link.close("The bench is done");
      await lost.promise;
    }
    await watcher.close();
    await session.close();
    await backend.dispose();
  }
}
