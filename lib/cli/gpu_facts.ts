/** What this machine's GPU is, as `nvidia-smi` tells it. */

import { SECOND_MS } from "../base/time.ts";

/** One GPU. */
export interface GpuFacts {
  readonly memoryMb: number;
  readonly model: string;
}

/** How long the driver may take. Higher: sleeping cards wake up; lower: a hung driver is told sooner. */
const ANSWER_MS_MAX = 10 * SECOND_MS;

/**
 * Asks `nvidia-smi` for GPU number `index` (0 is the first). Undefined where there is no NVIDIA
 * driver.
 *
 * @throws {Error} Where there is one and it does not answer, or knows no such GPU.
 */
export async function askGpu(index: number): Promise<GpuFacts | undefined> {
  const deadline = new AbortController();
  const timer = setTimeout(() => deadline.abort(), ANSWER_MS_MAX);
  try {
    const { success, stdout } = await new Deno.Command("nvidia-smi", {
      args: [`--id=${index}`, "--query-gpu=memory.total,name", "--format=csv,noheader,nounits"],
      stdin: "null",
      stderr: "null",
      signal: deadline.signal,
    }).output();
    const facts = parseGpu(new TextDecoder().decode(stdout));
    if (success && facts !== undefined) return facts;
    throw new Error(
      `Expected nvidia-smi to describe GPU ${index}, got nothing; give --gpu-memory MB, or --gpu-memory 0 for none`,
    );
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

/** Reads a line such as `24564, NVIDIA RTX A5000`. */
export function parseGpu(line: string): GpuFacts | undefined {
  const [, memory, model] = /^\s*(\d+)\s*,\s*(.+?)\s*$/m.exec(line) ?? [];
  return memory === undefined || model === undefined
    ? undefined
    : { memoryMb: Number(memory), model };
}
