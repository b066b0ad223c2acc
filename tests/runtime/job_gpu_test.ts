/** The GPU of a real desk's jobs: it keeps the next one away while it fails or is held. */

import { deepEqual, equal, match, ok } from "node:assert/strict";
import { join } from "node:path";
import { systemClock } from "../../lib/runtime/clock.ts";
import type { Gpu, GpuSource } from "../../lib/runtime/gpu/gpu.ts";
import { JobGpu } from "../../lib/runtime/job_gpu.ts";
import { RunFolder } from "../../lib/runtime/run_folder.ts";
import { until } from "./condition.ts";
import type { DeskLab } from "./desk_lab.ts";
import { deskTests, ONE, TWO, WRITES } from "./desk_scene.ts";

const test = deskTests("job GPU");

/** A driver whose GPU is used by `pids` with so much memory. */
class Driver implements GpuSource {
  readonly way = "nvidia-smi";
  pids: readonly number[] = [];
  fault: string | null = null;
  isBroken = false;

  get reading(): Gpu {
    return {
      state: "well",
      index: 0,
      uuid: "GPU-one",
      model: "Tesla T4",
      driverVersion: "550.1",
      cudaVersion: undefined,
      memoryTotalMb: 15_360,
      memoryUsedMb: this.pids.length === 0 ? 100 : 9_000,
      memoryFreeMb: 6_000,
      utilizationPercent: undefined,
      processes: this.pids,
    };
  }

  list(): Promise<Gpu[]> {
    return Promise.resolve([this.reading]);
  }

  read(): Promise<Gpu> {
    if (this.isBroken) return Promise.reject(new Error("The driver hangs"));
    return Promise.resolve(this.reading);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

function gpuTest(
  what: string,
  script: string,
  body: (lab: DeskLab, driver: Driver) => Promise<void>,
): void {
  const driver = new Driver();
  const gpu = new JobGpu({ source: driver, gpu: driver.reading }, {
    clock: systemClock,
    fault: () => driver.fault,
    releaseMs: 300,
  });
  test(what, script, (lab) => body(lab, driver), { gpu });
}

gpuTest(
  "a cancelled job that still holds the GPU keeps the next one from it, and its process is named",
  "echo up; while :; do sleep 0.02; done",
  async (lab, driver) => {
    const client = await lab.client();
    await client.run(ONE);
    await client.next("job_log");
    // The trainer's id as the driver would go on telling it.
    const trainer = await new RunFolder(join(lab.jobFolder(ONE), "run")).trainer();
    const pid = trainer?.pid ?? 0;
    driver.pids = [pid];
    client.endJob("job_cancel", ONE);
    const { reason } = await client.next("job_cancelled");
    match(reason ?? "", new RegExp(`^Process ${pid} of ${ONE} still holds the worker's GPU`));
    equal(lab.statuses.at(-1), "maintenance");
    await client.reserve(TWO);
    const refused = await client.next("job_refused");
    deepEqual([refused.code, refused.reason], ["closed", reason]);
    driver.pids = [];
    await until("a free worker", () => lab.statuses.at(-1) === "available");
    await client.reserve(TWO);
    await client.next("job_lease", TWO);
  },
);

gpuTest(
  "memory that does not come back keeps the next job from the GPU, and those who use it are named",
  WRITES,
  async (lab, driver) => {
    const client = await lab.client();
    await client.run(ONE);
    driver.pids = [999_999_999];
    const { duration_ms } = await client.next("job_done");
    ok(duration_ms >= 300, `${duration_ms} ms`);
    equal(lab.statuses.at(-1), "maintenance");
    await client.reserve(TWO);
    const { reason } = await client.next("job_refused");
    match(reason, /held by job-aaaaaaaa: 9000 MB are used, by process 999999999 .*, 100 MB were/);
    await lab.nextLife();
    equal(lab.statuses.at(-1), "maintenance", "Another life of the worker forgets it");
    driver.pids = [];
    await until("a free worker", () => lab.statuses.at(-1) === "available");
    await lab.nextLife();
    equal(lab.statuses.at(-1), "draining", "A life that finds nothing has nothing to say");
  },
);

gpuTest(
  "a driver that does not answer after a job keeps the next one away",
  WRITES,
  async (lab, driver) => {
    const client = await lab.client();
    await client.run(ONE);
    driver.isBroken = true;
    await client.next("job_done");
    equal(lab.statuses.at(-1), "maintenance");
    driver.isBroken = false;
    await until("a free worker", () => lab.statuses.at(-1) === "available");
  },
);

gpuTest("a worker whose GPU has failed takes no job, and says why", WRITES, async (lab, driver) => {
  driver.fault = "NVML cannot find the GPU: GPU is lost (code 15)";
  const client = await lab.client();
  await client.reserve(ONE);
  const { code, reason } = await client.next("job_refused");
  equal(code, "closed");
  equal(reason, `The worker's GPU has failed: ${driver.fault}`);
  driver.fault = null;
  await client.reserve(ONE);
  await client.next("job_lease");
});
