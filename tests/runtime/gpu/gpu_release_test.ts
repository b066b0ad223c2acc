/** When a GPU is free of a job that has ended, as a driver in a test's hands tells it. */

import { deepEqual } from "node:assert/strict";
import type { Gpu, GpuReading, GpuSource } from "../../../lib/runtime/gpu/gpu.ts";
import { awaitRelease, type GpuRelease } from "../../../lib/runtime/gpu/gpu_release.ts";
import type { Relatives } from "../../../lib/runtime/gpu/ownership.ts";
import { systemClock } from "../../../lib/runtime/clock.ts";

const TRAINER = 700;
const GPU: Gpu = {
  state: "well",
  index: 0,
  uuid: "GPU-aaaa-0",
  model: "NVIDIA RTX A5000",
  driverVersion: "550.54.15",
  cudaVersion: "12.4",
  memoryTotalMb: 20_000,
  memoryUsedMb: 500,
  memoryFreeMb: 19_500,
  utilizationPercent: 0,
  processes: [],
};
/** A child of the trainer whose parent has ended, a stranger's process, and one that cannot be seen. */
const RELATIVES: Readonly<Record<number, Relatives>> = {
  701: { parent: 1, group: TRAINER, session: TRAINER },
  702: { parent: 1, group: 702, session: TRAINER },
  900: { parent: 899, group: 899, session: 899 },
};

/** Says one thing after the other, and the last for ever. */
function driver(...readings: readonly (GpuReading | Error)[]): GpuSource {
  const rest = [...readings];
  return {
    way: "NVML",
    list: () => Promise.resolve([GPU]),
    read: () => {
      const [next = GPU] = rest.length > 1 ? rest.splice(0, 1) : rest;
      return next instanceof Error ? Promise.reject(next) : Promise.resolve(next);
    },
    close: () => Promise.resolve(),
  };
}

const used = (memoryUsedMb: number, processes: readonly number[] | undefined = []): Gpu => ({
  ...GPU,
  memoryUsedMb,
  processes,
});
const FREE: GpuRelease = { state: "free" };
const cases: [string, readonly (GpuReading | Error)[], number | undefined, GpuRelease][] = [
  ["memory is as before", [used(500)], 500, FREE],
  ["memory moved a little", [used(890)], 500, FREE],
  ["memory comes back", [used(9_000), used(500)], 500, FREE],
  ["memory stays", [used(9_000)], 500, {
    state: "unclear",
    why: "9000 MB are used, 500 MB were before the job",
  }],
  ["memory stays, and nobody knows what it was", [used(9_000)], undefined, FREE],
  ["memory stays, and others are there to use it", [used(9_000, [900])], 500, FREE],
  ["memory stays, and those who use it cannot be seen", [used(9_000, [901])], 500, {
    state: "unclear",
    why: "9000 MB are used, by process 901 as the driver counts, 500 MB were before the job",
  }],
  ["a display has taken more meanwhile", [used(2_400)], 500, FREE],
  ["somebody unseen has taken as much", [used(2_400, [901])], 500, {
    state: "unclear",
    why: "2400 MB are used, by process 901 as the driver counts, 500 MB were before the job",
  }],
  ["the trainer is still on it", [used(9_000, [TRAINER])], undefined, {
    state: "held",
    pids: [TRAINER],
    memoryUsedMb: 9_000,
  }],
  ["its children are still on it", [used(9_000, [701, 702, 900])], 500, {
    state: "held",
    pids: [701, 702],
    memoryUsedMb: 9_000,
  }],
  ["its child goes", [used(9_000, [701]), used(500)], 500, FREE],
  ["processes are not told", [used(500, undefined)], 500, FREE],
  ["the GPU fails", [{ state: "failed", index: 0, uuid: GPU.uuid, reason: "GPU is lost" }], 500, {
    state: "unclear",
    why: "GPU is lost",
  }],
  ["the driver hangs", [new Error("no answer")], 500, { state: "unclear", why: "no answer" }],
];
for (const [what, readings, usedBeforeMb, expected] of cases) {
  Deno.test(`gpu release: ${what}: ${expected.state}`, async () => {
    const release = await awaitRelease({ source: driver(...readings), gpu: GPU }, {
      clock: systemClock,
      trainerPid: TRAINER,
      usedBeforeMb,
      waitMs: readings.length > 1 ? 10_000 : 0,
      genealogy: (pid) => Promise.resolve(RELATIVES[pid]),
    });
    deepEqual(release, expected);
  });
}
