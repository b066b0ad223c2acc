/** How long it takes from `train` to the first line of the trainer, where the worker has the package. */

import { join } from "node:path";
import { z } from "zod";
import { SILENT_LOG } from "../../lib/base/log.ts";
import { JobRecords } from "../../lib/client/job_records.ts";
import { submitTraining } from "../../lib/client/submission.ts";
import { rtcChoiceSchema } from "../../lib/runtime/config.ts";
import { SAMPLE_CONFIG } from "../../tests/job/sample_config.ts";
import { Lab } from "../lab/lab.ts";
import type { Bench } from "./bench.ts";
import { median, p95, rounded } from "./statistics.ts";

const PACKAGE = "labels.pkg.slp";
/** A trainer that says a line and has a result. */
const TRAINER = "#!/bin/sh\necho up\necho weights > output/model.json\n";

/** Trains over and over in one room; the first round, which sends the package, does not count. */
export const bench: Bench = {
  summary: "Time from train to the trainer's first line",
  rounds: 20,
  options: {
    size: { value: "BYTES", summary: "Size of the package (1000000 if left out)" },
    rtc: { value: "BACKEND", summary: "native or werift (native where it loads)" },
  },
  async *run({ rounds, options }) {
    const rtc = rtcChoiceSchema.parse(options.get("rtc") ?? "auto");
    const bytes = z.coerce.number().int().min(1).max(1e10).parse(options.get("size") ?? "1000000");
    const folder = await Deno.makeTempDir({ prefix: "sleap-rtc-bench-" });
    const lab = await Lab.open(folder, rtc);
    try {
      const sleapNn = join(folder, "sleap-nn");
      await Deno.writeTextFile(sleapNn, TRAINER, { mode: 0o755 });
      await Deno.writeTextFile(join(folder, PACKAGE), "");
      await Deno.truncate(join(folder, PACKAGE), bytes);
      await lab.addWorkers([{
        name: "gpu",
        gpuMemoryMb: 24_000,
        trainer: ["--runner", "sleap-nn", "--sleap-nn", sleapNn],
      }]);
      const times: number[] = [];
      for (let round = -1; round < rounds; round++) {
        const firstLineMs = await train(lab, rtc);
        if (round < 0) continue;
        times.push(firstLineMs);
        yield { round, first_line_ms: rounded(firstLineMs) };
      }
      const first_line_p50_ms = rounded(median(times));
      yield { rtc, bytes, rounds, first_line_p50_ms, first_line_p95_ms: rounded(p95(times)) };
    } finally {
      await lab.close();
      await Deno.remove(folder, { recursive: true });
    }
  },
};

/** One training to its end. Gives the milliseconds to the trainer's first line. */
async function train(lab: Lab, rtc: z.infer<typeof rtcChoiceSchema>): Promise<number> {
  const outputFolder = join(lab.folder, "results");
  const startedAt = performance.now();
  let firstLineMs: number | undefined;
  await submitTraining({
    packagePath: join(lab.folder, PACKAGE),
    spec: {
      kind: "train",
      runner: "sleap-nn",
      package: PACKAGE,
      run_name: "bench",
      config_content: SAMPLE_CONFIG,
    },
    outputFolder,
    reattachMs: 0,
  }, {
    room: lab.room,
    identity: lab.identity,
    rtc,
    iceServers: [],
    records: new JobRecords(join(lab.folder, "records")),
    log: SILENT_LOG,
    signal: new AbortController().signal,
    watch: (event) => {
      if (event.type === "output") firstLineMs ??= performance.now() - startedAt;
    },
  });
  await Deno.remove(outputFolder, { recursive: true });
  if (firstLineMs === undefined) throw new Error("Expected a line of the trainer, got none");
  return firstLineMs;
}
