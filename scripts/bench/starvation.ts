/** How many workers are declared dead although they live, while their processes stand still now and then. */

import { z } from "zod";
import { automergeReady } from "../../tests/sim/automerge.ts";
import { type Starvation, starve } from "../../tests/sim/starvation.ts";
import { MESH_OPTIONS, MeshLab, meshOptions } from "../lab/mesh_lab.ts";
import type { Bench, Measurement } from "./bench.ts";
import { stopAndGo } from "./starvation/stop_and_go.ts";
import { median, p99, rounded } from "./statistics.ts";

/** In virtual time by the simulator; with `--real`, on this machine by SIGSTOP and SIGCONT. */
export const bench: Bench = {
  summary: "Workers declared dead although they live, while they are paused now and then",
  rounds: 10,
  options: {
    ...MESH_OPTIONS,
    hours: { value: "H", summary: "Worker-hours in virtual time, all rounds together (24)" },
    "pause-ms": { value: "MS", summary: "Length of each pause (4000 if left out)" },
    "every-s": { value: "S", summary: "Between two pauses of a worker, on average (60)" },
    real: { value: "MINUTES", summary: "Real processes instead, for so long in all" },
  },
  async *run({ rounds, options }) {
    const number = (name: string, otherwise: number) =>
      z.coerce.number().positive().max(100_000).parse(options.get(name) ?? otherwise);
    const { count: workers, rtc } = meshOptions(options);
    const pauseMs = number("pause-ms", 4_000);
    const everyMs = number("every-s", 60) * 1_000;
    const all: Starvation[] = [];
    if (options.has("real")) {
      const durationMs = number("real", 1) * 60_000 / rounds;
      for (let round = 1; round <= rounds; round++) {
        await using lab = await MeshLab.open({ count: workers, rtc });
        all.push(await stopAndGo(lab, { durationMs, pauseMs, everyMs }));
        yield { round, workers, ...told(all.slice(-1)) };
      }
    } else {
      await automergeReady();
      const durationMs = number("hours", 24) * 3_600_000 / workers / rounds;
      for (let round = 1; round <= rounds; round++) {
        all.push(starve({ seed: round, workers, durationMs, pauseMs, everyMs }));
        yield { round, workers, ...told(all.slice(-1)) };
      }
    }
    yield { workers, ...told(all), pause_ms: pauseMs, real: options.has("real"), rounds };
  },
};

function told(all: readonly Starvation[]): Measurement {
  const sum = (of: (one: Starvation) => number) => all.reduce((total, one) => total + of(one), 0);
  const replacedMs = all.map((one) => one.replacedMs);
  return {
    worker_hours: rounded(sum(({ workerHours }) => workerHours)),
    pauses: sum(({ pauses }) => pauses),
    false_deaths: sum(({ falseDeaths }) => falseDeaths),
    reelections: sum(({ reelections }) => reelections),
    // The price of patience: how long an admin that is frozen for good is missed.
    frozen_p50_ms: rounded(median(replacedMs)),
    frozen_p99_ms: rounded(p99(replacedMs)),
    frozen_max_ms: rounded(Math.max(...replacedMs)),
  };
}
