/** Which GPUs the environment leaves to a process: a table of CUDA's and Slurm's variables. */

import { deepEqual } from "node:assert/strict";
import { visibleGpus } from "../../../lib/runtime/gpu/visibility.ts";

const UUIDS = ["GPU-aa00", "GPU-aa11", "GPU-bb22", "GPU-cc33"];

/** The first `count` GPUs as the driver shows them; a third one that is lost has no UUID. */
function machine(count: number, lost?: number) {
  return UUIDS.slice(0, count).map((uuid, index) => ({
    index,
    uuid: index === lost ? undefined : uuid,
  }));
}

type Row = [env: Record<string, string>, count: number, wanted: number[], by: string | undefined];

const ROWS: Row[] = [
  [{}, 4, [0, 1, 2, 3], undefined],
  [{}, 0, [], undefined],
  // CUDA_VISIBLE_DEVICES, as CUDA itself reads it.
  [{ CUDA_VISIBLE_DEVICES: "" }, 4, [], "CUDA_VISIBLE_DEVICES="],
  [{ CUDA_VISIBLE_DEVICES: "2" }, 4, [2], "CUDA_VISIBLE_DEVICES=2"],
  [{ CUDA_VISIBLE_DEVICES: "3, 1" }, 4, [3, 1], "CUDA_VISIBLE_DEVICES=3, 1"],
  [{ CUDA_VISIBLE_DEVICES: "GPU-bb22" }, 4, [2], "CUDA_VISIBLE_DEVICES=GPU-bb22"],
  [{ CUDA_VISIBLE_DEVICES: "GPU-cc,GPU-aa11" }, 4, [3, 1], "CUDA_VISIBLE_DEVICES=GPU-cc,GPU-aa11"],
  [{ CUDA_VISIBLE_DEVICES: "GPU-aa" }, 4, [], "CUDA_VISIBLE_DEVICES=GPU-aa"],
  [{ CUDA_VISIBLE_DEVICES: "1,-1,2" }, 4, [1], "CUDA_VISIBLE_DEVICES=1,-1,2"],
  [{ CUDA_VISIBLE_DEVICES: "-1" }, 4, [], "CUDA_VISIBLE_DEVICES=-1"],
  [{ CUDA_VISIBLE_DEVICES: "0,7,1" }, 4, [0], "CUDA_VISIBLE_DEVICES=0,7,1"],
  [{ CUDA_VISIBLE_DEVICES: "0,0" }, 4, [], "CUDA_VISIBLE_DEVICES=0,0"],
  [{ CUDA_VISIBLE_DEVICES: "NoDevFiles" }, 4, [], "CUDA_VISIBLE_DEVICES=NoDevFiles"],
  [{ CUDA_VISIBLE_DEVICES: "MIG-aa00" }, 4, [], "CUDA_VISIBLE_DEVICES=MIG-aa00"],
  [{ CUDA_VISIBLE_DEVICES: "1x" }, 4, [], "CUDA_VISIBLE_DEVICES=1x"],
  // Slurm: CUDA's own variable wins, the step goes before the job.
  [{ CUDA_VISIBLE_DEVICES: "0", SLURM_JOB_GPUS: "3" }, 4, [0], "CUDA_VISIBLE_DEVICES=0"],
  [{ SLURM_JOB_GPUS: "1,3" }, 4, [1, 3], "SLURM_JOB_GPUS=1,3"],
  [{ SLURM_STEP_GPUS: "3", SLURM_JOB_GPUS: "1,3" }, 4, [3], "SLURM_STEP_GPUS=3"],
  // In a cgroup the driver shows the job's GPUs alone, and counts them from 0.
  [{ SLURM_JOB_GPUS: "3" }, 1, [0], "SLURM_JOB_GPUS=3"],
  [{ SLURM_JOB_GPUS: "1,3" }, 2, [0, 1], "SLURM_JOB_GPUS=1,3"],
  [{ SLURM_JOB_GPUS: "" }, 1, [], "SLURM_JOB_GPUS="],
  [{ SLURM_JOB_GPUS: "(null)" }, 1, [], "SLURM_JOB_GPUS=(null)"],
  [{ GPU_DEVICE_ORDINAL: "1" }, 2, [1], "GPU_DEVICE_ORDINAL=1"],
  [{ GPU_DEVICE_ORDINAL: "1", SLURM_JOB_GPUS: "0" }, 4, [0], "SLURM_JOB_GPUS=0"],
];

for (const [env, count, wanted, by] of ROWS) {
  const variables = Object.entries(env).map(([name, value]) => `${name}='${value}'`).join(" ");
  Deno.test(`GPUs: ${variables || "no variables"} on a machine that shows ${count}`, () => {
    const visible = visibleGpus(machine(count), (name) => env[name]);
    deepEqual([visible.gpus.map(({ index }) => index), visible.by], [wanted, by]);
  });
}

Deno.test("GPUs: one that is lost can be named by its number, and by nothing else", () => {
  const gpus = machine(3, 1);
  const chosen = (value: string) =>
    visibleGpus(gpus, (name) => name === "CUDA_VISIBLE_DEVICES" ? value : undefined).gpus
      .map(({ index }) => index);
  deepEqual(chosen("1"), [1]);
  deepEqual(chosen("GPU-aa11"), []);
});
