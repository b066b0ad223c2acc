/** How a signaling server of its own process bears rooms full of workers. */

import { join } from "node:path";
import { z } from "zod";
import { SILENT_LOG } from "../../lib/base/log.ts";
import { CHURN_PERCENT, runLoad } from "../../lib/cli/server_load.ts";
import { Program } from "../lab/program.ts";
import { V8_FLAGS } from "../lab/v8_flags.ts";
import type { Bench } from "./bench.ts";

const START_MS_MAX = 60_000;

/** Starts a server on a free loopback port for each round, and puts the load of `bench-server` on it. */
export const bench: Bench = {
  summary: "Join and relay latency and memory of a server under load",
  rounds: 1,
  options: {
    rooms: { value: "N", summary: "Rooms (100 if left out)" },
    workers: { value: "N", summary: "Workers in each (10 if left out)" },
    seconds: { value: "S", summary: "How long they talk (30 if left out)" },
  },
  async *run({ rounds, options }) {
    const rooms = countOf(options.get("rooms") ?? "100", 1_000);
    const workers = countOf(options.get("workers") ?? "10", 10);
    const seconds = countOf(options.get("seconds") ?? "30", 3_600);
    for (let round = 0; round < rounds; round++) {
      const folder = await Deno.makeTempDir({ prefix: "sleap-rtc-bench-" });
      const server = new Program({
        args: ["signal", "--json", "--host", "127.0.0.1", "--port", "0", "--data", "server"]
          .concat("--log-level", "warning"),
        env: { SLEAP_RTC_HOME: join(folder, "home"), NO_COLOR: "1", DENO_V8_FLAGS: V8_FLAGS },
        cwd: folder,
      });
      try {
        const ready = await server.line(({ event }) => event === "ready", "ready", START_MS_MAX);
        const load = {
          server: String(ready["url"]),
          rooms,
          workers,
          seconds,
          churnPercent: CHURN_PERCENT,
          told: () => {},
          signal: new AbortController().signal,
          log: SILENT_LOG,
        };
        yield { rooms, workers, seconds, ...(await runLoad(load)).numbers };
      } finally {
        await server.end();
        await Deno.remove(folder, { recursive: true });
      }
    }
  },
};

function countOf(text: string, max: number): number {
  return z.coerce.number().int().min(1).max(max).parse(text);
}
