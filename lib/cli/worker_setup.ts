/** What a worker offers, gathered from flags, settings and the machine. Starts nothing. */

import { join } from "node:path";
import type { Executables } from "../job/runner.ts";
import { PEER_NAME_LENGTH_MAX } from "../protocol/identity.ts";
import type { Config } from "../runtime/config.ts";
import { findExecutable } from "../runtime/executable.ts";
import type { Gpu, GpuReading } from "../runtime/gpu/gpu.ts";
import type { GpuSlot } from "../runtime/gpu/gpu_watch.ts";
import { namesSlice } from "../runtime/gpu/visibility.ts";
import { type Inventory, type InventoryOptions, takeInventory } from "../runtime/gpu/inventory.ts";
import { MountTable } from "../runtime/mount_table.ts";
import { sleapNnVersion } from "../runtime/trainer_version.ts";
import { requireExecutable } from "./executable.ts";
import { Mistake } from "./mistake.ts";

/** Which program trains. */
export type RunnerName = "sleap-nn" | "demo";

/** The runners of a worker, and the programs that they need. */
export interface RunnerSetup {
  readonly runners: RunnerName[];
  readonly executables: Omit<Executables, "self">;
  /** The version of sleap-nn, where it can be told. */
  readonly sleapNnVersion: string | undefined;
}

/**
 * The runners that were asked for; `sleap-nn` alone where none was.
 *
 * @throws {Mistake} Where sleap-nn is wanted and not found.
 */
export async function runnerSetup(
  wanted: readonly RunnerName[],
  config: Config,
  env: (name: string) => string | undefined,
): Promise<RunnerSetup> {
  const runners = wanted.length === 0 ? ["sleap-nn" as const] : [...new Set(wanted)];
  if (!runners.includes("sleap-nn")) {
    return { runners, executables: {}, sleapNnVersion: undefined };
  }
  const configured = config.get("worker.sleap_nn");
  const sleapNn = configured === undefined
    ? await findExecutable("sleap-nn", env)
    : await requireExecutable(configured.value, configured.from);
  if (sleapNn === undefined) {
    throw new Mistake(
      "Expected sleap-nn on PATH, got none; install it, give --sleap-nn PATH, or try things out with --runner demo",
    );
  }
  return { runners, executables: { sleapNn }, sleapNnVersion: await sleapNnVersion(sleapNn) };
}

/**
 * The folders that the settings let jobs read from.
 *
 * @throws {Mistake} Where one is no folder.
 */
export async function openMounts(config: Config): Promise<MountTable> {
  const given = config.get("worker.mounts");
  try {
    return await MountTable.open(given?.value ?? []);
  } catch (cause) {
    if (!(cause instanceof Error)) throw cause;
    throw new Mistake(`${cause.message} (from ${given?.from})`, { cause });
  }
}

/** What a worker is called, and what it keeps across its lives. */
export interface SlotPlace {
  readonly name: string;
  /** The folder of the settings; absent where they name none. */
  readonly folder?: string;
}

/**
 * The name and the folder of the worker for GPU `index`. One of several on a machine shares the
 * machine's settings with the others, so that what those name is told apart by the GPU; what its own
 * command line names is taken as it is.
 */
export function slotPlace(index: number | undefined, config: Config): SlotPlace {
  const name = config.get("worker.name");
  const folder = config.get("worker.folder");
  const mark = index === undefined ? "" : `gpu${index}`;
  const called = name?.value ?? Deno.hostname();
  const isOwnName = mark === "" || name?.from === "--name";
  const isOwnFolder = mark === "" || folder?.from === "--folder";
  return {
    name: isOwnName ? called : `${called.slice(0, PEER_NAME_LENGTH_MAX - mark.length - 1)}-${mark}`,
    ...(folder === undefined
      ? {}
      : { folder: isOwnFolder ? folder.value : join(folder.value, mark) }),
  };
}

/** The GPU that a worker states, and the one that it gives its jobs. */
export interface GpuSetup {
  readonly gpuMemoryMb: number;
  readonly gpuModel: string | undefined;
  /** Its source is the caller's to close. */
  readonly gpuSlot: GpuSlot | undefined;
}

/**
 * The GPU that the worker states: what the settings say, and what they leave out as the driver
 * tells. No driver and no settings mean no GPU: 0 MB.
 *
 * @param index The GPU that was asked for by number, or undefined for the first that may be used.
 * @param note Takes a sentence on what was found, where no settings say it.
 * @throws {Mistake} Where there is no such GPU, it is hidden, or the driver does not answer.
 */
export async function gpuSetup(
  index: number | undefined,
  config: Config,
  options: InventoryOptions & { readonly note: (sentence: string) => void },
): Promise<GpuSetup> {
  const memoryMb = config.get("worker.gpu_memory_mb")?.value;
  const model = config.get("worker.gpu_model")?.value;
  if (memoryMb !== undefined && index === undefined) {
    return { gpuMemoryMb: memoryMb, gpuModel: model, gpuSlot: undefined };
  }
  const inventory = await takeInventory(options);
  if (inventory.state === "failed") {
    throw new Mistake(
      `Expected the NVIDIA driver to tell of its GPUs, got: ${
        inventory.why.join("; ")
      }; mend the driver, or state the GPU with --gpu-memory MB, 0 for none`,
    );
  }
  if (inventory.state === "found" && namesSlice(inventory.by)) {
    await inventory.source.close();
    throw new Mistake(
      `Expected a whole GPU, got a slice of one in ${inventory.by}; state its memory with --gpu-memory MB and without --gpu, and jobs use that slice`,
    );
  }
  if (inventory.state === "none" || (index === undefined && inventory.visible.length === 0)) {
    const why = whyNone(inventory);
    if (inventory.state === "found") await inventory.source.close();
    if (index !== undefined) {
      throw new Mistake(
        `Expected the NVIDIA driver to tell of GPU ${index}, got: ${why}; install the driver, or give --gpu-memory MB instead of --gpu`,
      );
    }
    options.note(`No GPU: ${why}`);
    return { gpuMemoryMb: 0, gpuModel: model, gpuSlot: undefined };
  }
  try {
    const gpu = chosenGpu(index, inventory);
    options.note(`GPU ${gpu.index} (${gpu.model}, ${gpu.uuid}), by ${inventory.source.way}`);
    return {
      gpuMemoryMb: memoryMb ?? gpu.memoryTotalMb,
      gpuModel: model ?? gpu.model,
      gpuSlot: { source: inventory.source, gpu },
    };
  } catch (error) {
    await inventory.source.close();
    throw error;
  }
}

function whyNone(inventory: Exclude<Inventory, { state: "failed" }>): string {
  return inventory.state === "none"
    ? inventory.why.join("; ")
    : `${inventory.by ?? "the environment"} shows none of ${inventory.gpus.length}`;
}

function chosenGpu(
  index: number | undefined,
  { gpus, visible, by }: Extract<Inventory, { state: "found" }>,
): Gpu {
  const reading = index === undefined ? visible[0] : visible.find((gpu) => gpu.index === index);
  if (reading === undefined) {
    const has = gpus.some((gpu) => gpu.index === index)
      ? `${numbers(visible)}, since ${by} hides the others`
      : numbers(gpus);
    throw new Mistake(`Expected one of this machine's GPUs for --gpu (${has}), got ${index}`);
  }
  if (reading.state === "well") return reading;
  throw new Mistake(
    `Expected GPU ${reading.index} to work, got: ${reading.reason}; choose another with --gpu N, or state it with --gpu-memory MB, 0 for none`,
  );
}

function numbers(gpus: readonly GpuReading[]): string {
  return gpus.length === 0 ? "none" : gpus.map((gpu) => gpu.index).join(", ");
}
