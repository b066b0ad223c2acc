/** What a worker offers, gathered from flags, settings and the machine. Starts nothing. */

import type { Executables } from "../job/runner.ts";
import type { Config } from "../runtime/config.ts";
import { findExecutable, requireExecutable } from "./executable.ts";
import { askGpu } from "./gpu_facts.ts";
import { Mistake } from "./mistake.ts";

/** Which program trains. */
export type RunnerName = "sleap-nn" | "demo";

/** The runners of a worker, and the programs that they need. */
export interface RunnerSetup {
  readonly runners: RunnerName[];
  readonly executables: Omit<Executables, "self">;
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
  if (!runners.includes("sleap-nn")) return { runners, executables: {} };
  const configured = config.get("worker.sleap_nn");
  const sleapNn = configured === undefined
    ? await findExecutable("sleap-nn", env)
    : await requireExecutable(configured.value, configured.from);
  if (sleapNn === undefined) {
    throw new Mistake(
      "Expected sleap-nn on PATH, got none; install it, give --sleap-nn PATH, or try things out with --runner demo",
    );
  }
  return { runners, executables: { sleapNn } };
}

/**
 * The GPU that the worker states: what the settings say, and what they leave out as the driver
 * tells. No driver and no settings mean no GPU: 0 MB.
 *
 * @param index The GPU that was asked for by number, or undefined for the first.
 * @throws {Mistake} Where one was asked for by number and there is no driver to tell of it.
 */
export async function gpuSetup(
  index: number | undefined,
  config: Config,
): Promise<{ readonly gpuMemoryMb: number; readonly gpuModel: string | undefined }> {
  const memoryMb = config.get("worker.gpu_memory_mb")?.value;
  const model = config.get("worker.gpu_model")?.value;
  const isToldAlready = memoryMb !== undefined && index === undefined;
  if (isToldAlready) return { gpuMemoryMb: memoryMb, gpuModel: model };
  const facts = await askGpu(index ?? 0);
  if (facts === undefined && index !== undefined) {
    throw new Mistake(
      `Expected nvidia-smi to tell of GPU ${index}, got no such program; install the driver, or give --gpu-memory MB instead of --gpu`,
    );
  }
  return { gpuMemoryMb: memoryMb ?? facts?.memoryMb ?? 0, gpuModel: model ?? facts?.model };
}
