/** What a worker costs while nothing happens. */

import { setTimeout as pause } from "node:timers/promises";
import { z } from "zod";
import type { Bench } from "./bench.ts";
import { MESH_OPTIONS, MeshLab, meshOptions } from "../lab/mesh_lab.ts";
import { median, p99, rounded } from "./statistics.ts";

/** For what forming the mesh leaves behind: that is not idling. */
const SETTLE_MS = 5_000;

/** What one worker used in one stretch of time, as rates. */
interface Cost {
  readonly cpu: number;
  readonly rss: number;
  readonly messages: number;
  readonly bytes: number;
  readonly serverFrames: number;
}

/** CPU, memory and traffic of the workers of a settled room, each over `rounds` stretches of equal length. */
export const bench: Bench = {
  summary: "What a worker costs while nothing happens",
  rounds: 10,
  options: {
    ...MESH_OPTIONS,
    seconds: { value: "S", summary: "For how long, all rounds together (60 if left out)" },
  },
  async *run({ rounds, options }) {
    const wanted = meshOptions(options);
    const seconds = z.coerce.number().min(1).max(36_000).parse(options.get("seconds") ?? "60");
    await using lab = await MeshLab.open(wanted);
    await lab.form();
    await pause(SETTLE_MS);
    const all: Cost[] = [];
    for (let round = 1; round <= rounds; round++) {
      const costs = await watch(lab, seconds / rounds);
      all.push(...costs);
      const { cpu, messages, bytes } = meanOf(costs);
      yield {
        round,
        workers: wanted.count,
        cpu_percent_per_worker: rounded(cpu),
        link_messages_per_s: rounded(messages),
        link_bytes_per_s: rounded(bytes),
      };
    }
    const { cpu, rss, messages, bytes, serverFrames } = meanOf(all);
    yield {
      workers: wanted.count,
      seconds,
      cpu_percent_per_worker: rounded(cpu),
      // Of one worker in one round.
      cpu_percent_p50: rounded(median(all.map((cost) => cost.cpu))),
      cpu_percent_p99: rounded(p99(all.map((cost) => cost.cpu))),
      rss_mb_per_worker: rounded(rss),
      rss_mb_p99: rounded(p99(all.map((cost) => cost.rss))),
      link_messages_per_s: rounded(messages),
      link_bytes_per_s: rounded(bytes),
      server_frames_per_worker_hour: rounded(serverFrames * 3_600),
      rounds,
    };
  },
};

/** What each worker used in the next `seconds`. */
async function watch(lab: MeshLab, seconds: number): Promise<Cost[]> {
  const before = await lab.facts();
  await pause(seconds * 1_000);
  const after = await lab.facts();
  return after.map((line, index) => {
    const since = before[index] ?? {};
    const elapsedS = (Number(line["at"]) - Number(since["at"])) / 1_000;
    const rate = (name: string) => (Number(line[name]) - Number(since[name])) / elapsedS;
    return {
      cpu: rate("cpu_ms") / 10,
      rss: Number(line["rss_mb"]),
      messages: rate("messages"),
      bytes: rate("bytes"),
      serverFrames: rate("server_frames"),
    };
  });
}

function meanOf(costs: readonly Cost[]): Cost {
  const mean = (of: (cost: Cost) => number) =>
    costs.reduce((sum, cost) => sum + of(cost), 0) / costs.length;
  return {
    cpu: mean(({ cpu }) => cpu),
    rss: mean(({ rss }) => rss),
    messages: mean(({ messages }) => messages),
    bytes: mean(({ bytes }) => bytes),
    serverFrames: mean(({ serverFrames }) => serverFrames),
  };
}
