/** A run whose preparation hangs, as on a disk that does not answer. */

import { deepEqual, equal, rejects } from "node:assert/strict";
import { join } from "node:path";
import type { Verdict } from "../../lib/job/slot_input.ts";
import { systemClock } from "../../lib/runtime/clock.ts";
import { within } from "../../lib/runtime/deadline.ts";
import { JobFolder } from "../../lib/runtime/job_folder.ts";
import { JobRun } from "../../lib/runtime/job_run.ts";
import { selfCommand } from "../../lib/runtime/self_command.ts";
import { withFolder } from "./condition.ts";
import { jobOf, SPEC } from "./desk_lab.ts";

const STOPPED: Verdict = { type: "failed", exitCode: null, reason: "The worker was stopped" };
const ends: [string, (run: JobRun) => void, Verdict][] = [
  ["cancelled", (run) => run.end("cancel"), { type: "cancelled" }],
  ["ended with its worker", (run) => run.end("quit"), STOPPED],
  ["left by its worker", (run) => run.leave(), STOPPED],
];
for (const [what, end, verdict] of ends) {
  Deno.test(`job run: a disk that hangs does not hold up a job that is ${what}, and nothing begins`, () =>
    withFolder(async (folder) => {
      const job = new JobFolder(folder, jobOf("job-aaaaaaaa"));
      await Deno.mkdir(job.path);
      const silent = () => {};
      const run = new JobRun(job, SPEC, {
        executables: { sleapNn: "/no/such/trainer", self: selfCommand() },
        clock: systemClock,
        handlers: {
          started: silent,
          printed: silent,
          remarked: silent,
          epoch: silent,
          warned: silent,
        },
        from: {
          type: "new",
          prepare: (ended) => within(new Promise<never>(() => {}), 3_600_000, "late", ended),
          gpuMemoryUsedMb: Promise.resolve(undefined),
        },
      });
      end(run);
      deepEqual(await within(run.verdict, 5_000, "The verdict waits for the disk"), verdict);
      equal(run.trainer, undefined);
      await rejects(Deno.stat(join(job.path, "run")), Deno.errors.NotFound);
    }));
}
