/** This machine's GPUs as a person and a script read them. */

import { deepEqual } from "node:assert/strict";
import { gpuFacts, gpuLines } from "../../lib/cli/gpu_view.ts";
import type { Gpu, GpuReading, GpuSource } from "../../lib/runtime/gpu/gpu.ts";

const A5000: Gpu = {
  state: "well",
  index: 0,
  uuid: "GPU-aa",
  model: "RTX A5000\u0007",
  driverVersion: "550.54",
  cudaVersion: "12.4",
  memoryTotalMb: 24_564,
  memoryUsedMb: 1_200,
  memoryFreeMb: 23_364,
  utilizationPercent: 35,
  processes: [11, 12],
};
const T4: Gpu = {
  ...A5000,
  index: 1,
  uuid: "GPU-bb",
  model: "Tesla T4",
  cudaVersion: undefined,
  utilizationPercent: undefined,
  processes: undefined,
};
const LOST: GpuReading = { state: "failed", index: 2, uuid: undefined, reason: "GPU is lost" };
const SOURCE: GpuSource = {
  way: "NVML",
  list: () => Promise.resolve([]),
  read: () => Promise.resolve(LOST),
  close: () => Promise.resolve(),
};

Deno.test("GPUs are told with the way they were found by, and what hides them", () => {
  const inventory = {
    state: "found",
    source: SOURCE,
    gpus: [A5000, T4, LOST],
    visible: [A5000, LOST],
    by: "CUDA_VISIBLE_DEVICES=0,2",
    why: [],
  } as const;
  deepEqual(gpuLines(inventory), [
    "GPUs      3, by NVML; CUDA_VISIBLE_DEVICES=0,2 shows 2 of 3",
    "GPU 0     RTX A5000�: 24564 MB, 1200 used, 23364 free, 35 % busy, in use by 11, 12",
    "          GPU-aa, driver 550.54, CUDA 12.4",
    "GPU 1     Tesla T4, hidden: 24564 MB, 1200 used, 23364 free, users not told",
    "          GPU-bb, driver 550.54",
    "GPU 2     GPU is lost",
  ]);
  deepEqual(gpuFacts({ ...inventory, gpus: [LOST], why: ["a reason"] }), {
    gpus_by: "NVML",
    gpus_reason: ["a reason"],
    gpus: [{ gpu_index: 2, gpu_uuid: null, gpu_fault: "GPU is lost", visible: true }],
  });
  deepEqual(gpuFacts({ ...inventory, gpus: [T4] }), {
    gpus_by: "NVML",
    gpus_reason: [],
    gpus: [{
      gpu_index: 1,
      gpu_uuid: "GPU-bb",
      gpu_model: "Tesla T4",
      driver_version: "550.54",
      cuda_version: null,
      gpu_memory_mb: 24_564,
      gpu_memory_used_mb: 1_200,
      gpu_memory_free_mb: 23_364,
      gpu_utilization_percent: null,
      pids: null,
      visible: false,
    }],
  });
});

Deno.test("a machine without a GPU, and one whose driver fails, are told apart", () => {
  deepEqual(gpuLines({ state: "none", why: ["no library", "no program"] }), [
    "GPUs      none",
    "          no library",
    "          no program",
  ]);
  deepEqual(gpuLines({ state: "failed", why: ["it hangs"] }), [
    "GPUs      not known",
    "          it hangs",
  ]);
  deepEqual(gpuFacts({ state: "none", why: ["x"] }), {
    gpus_by: null,
    gpus_reason: ["x"],
    gpus: [],
  });
});
