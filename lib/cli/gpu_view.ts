/** This machine's GPUs for a person and for a script. Knows how they look, not how they are found. */

import type { GpuReading } from "../runtime/gpu/gpu.ts";
import type { Inventory } from "../runtime/gpu/inventory.ts";
import { cleanText } from "./terminal_text.ts";

/** Width of the names in front of the facts. */
const NAME_COLUMNS = 10;

/** What was found, and by which way. */
export function gpuLines(inventory: Inventory): string[] {
  const reasons = inventory.why.map((reason) => line("", cleanText(reason)));
  if (inventory.state === "none") return [line("GPUs", "none"), ...reasons];
  if (inventory.state === "failed") return [line("GPUs", "not known"), ...reasons];
  const { gpus, source, by, visible } = inventory;
  const shown = by === undefined ? "" : `; ${by} shows ${visible.length} of ${gpus.length}`;
  return [
    line("GPUs", cleanText(`${gpus.length}, by ${source.way}${shown}`)),
    ...reasons,
    ...gpus.flatMap((gpu) => linesOf(gpu, visible.includes(gpu))),
  ];
}

/** The same for a script. */
export function gpuFacts(inventory: Inventory): Record<string, unknown> {
  if (inventory.state !== "found") return { gpus_by: null, gpus_reason: inventory.why, gpus: [] };
  const { gpus, source, visible, why } = inventory;
  return {
    gpus_by: source.way,
    gpus_reason: why,
    gpus: gpus.map((gpu) => ({ ...factsOf(gpu), visible: visible.includes(gpu) })),
  };
}

function linesOf(gpu: GpuReading, isVisible: boolean): string[] {
  const name = `GPU ${gpu.index}`;
  const hidden = isVisible ? "" : ", hidden";
  if (gpu.state === "failed") return [line(name, cleanText(`${gpu.reason}${hidden}`))];
  const { model, memoryTotalMb, memoryUsedMb, memoryFreeMb, utilizationPercent } = gpu;
  const work = utilizationPercent === undefined ? "" : `, ${utilizationPercent} % busy`;
  const users = gpu.processes === undefined
    ? ", users not told"
    : gpu.processes.length === 0
    ? ""
    : `, in use by ${gpu.processes.join(", ")}`;
  const cuda = gpu.cudaVersion === undefined ? "" : `, CUDA ${gpu.cudaVersion}`;
  const memory = `${memoryTotalMb} MB, ${memoryUsedMb} used, ${memoryFreeMb} free`;
  return [
    line(name, cleanText(`${model}${hidden}: ${memory}${work}${users}`)),
    line("", cleanText(`${gpu.uuid}, driver ${gpu.driverVersion}${cuda}`)),
  ];
}

function factsOf(gpu: GpuReading): Record<string, unknown> {
  if (gpu.state === "failed") {
    return { gpu_index: gpu.index, gpu_uuid: gpu.uuid ?? null, gpu_fault: gpu.reason };
  }
  return {
    gpu_index: gpu.index,
    gpu_uuid: gpu.uuid,
    gpu_model: gpu.model,
    driver_version: gpu.driverVersion,
    cuda_version: gpu.cudaVersion ?? null,
    gpu_memory_mb: gpu.memoryTotalMb,
    gpu_memory_used_mb: gpu.memoryUsedMb,
    gpu_memory_free_mb: gpu.memoryFreeMb,
    gpu_utilization_percent: gpu.utilizationPercent ?? null,
    pids: gpu.processes ?? null,
  };
}

function line(name: string, facts: string): string {
  return `${name.padEnd(NAME_COLUMNS)}${facts}`;
}
