/** What a worker costs while nothing happens. */

import { z } from "zod";
import type { Bench } from "./bench.ts";
import { MESH_OPTIONS, MeshLab, meshOptions } from "../lab/mesh_lab.ts";
import { rounded } from "./statistics.ts";

/** CPU, memory and traffic of a settled room, over some seconds. */
export const bench: Bench = {
  summary: "What a worker costs while nothing happens",
  rounds: 1,
  options: { ...MESH_OPTIONS, seconds: { value: "S", summary: "For how long (30 if left out)" } },
  async *run({ rounds, options }) {
    const wanted = meshOptions(options);
    const seconds = z.coerce.number().min(1).max(3_600).parse(options.get("seconds") ?? "30");
    for (let round = 1; round <= rounds; round++) {
      await using lab = await MeshLab.open(wanted);
      await lab.form();
      // What forming the mesh leaves behind is not idling.
      await pause(5_000);
      const before = await lab.facts();
      await pause(seconds * 1_000);
      const after = await lab.facts();
      const mean = (name: string) =>
        after.reduce(
          (sum, line, index) => sum + Number(line[name]) - Number(before[index]?.[name]),
          0,
        ) /
        wanted.count;
      const rss = after.reduce((sum, line) => sum + Number(line["rss_mb"]), 0) / wanted.count;
      yield {
        workers: wanted.count,
        seconds,
        cpu_percent_per_worker: rounded(mean("cpu_ms") / (seconds * 10)),
        rss_mb_per_worker: rounded(rss),
        link_bytes_per_s: rounded(mean("bytes") / seconds),
        server_frames_per_worker_hour: rounded(mean("server_frames") / seconds * 3_600),
      };
    }
  },
};

function pause(delayMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, delayMs));
}
