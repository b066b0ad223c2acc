/**
 * Plants a fault in a copy of `lib/mesh` or `lib/job`, to see whether the simulator finds it. The copy
 * lives in a temporary folder; production code has no switches for tests.
 */

import { fileURLToPath, pathToFileURL } from "node:url";
import { join } from "node:path";
import type { JobSlot } from "../../lib/job/slot.ts";
import type { MeshNode } from "../../lib/mesh/node.ts";
import type { SlotFactory } from "./job_desk.ts";
import type { NodeFactory } from "./surroundings.ts";

/** One replacement in the text of one file of the folder. */
export interface Replacement {
  readonly file: string;
  /** What stands there; it must stand there exactly once. */
  readonly sound: string;
  readonly faulty: string;
}

/** A fault that a simulation must find. */
export interface PlantedFault {
  readonly name: string;
  readonly replacements: readonly Replacement[];
  /** What the report must speak of: found for another reason is not found. */
  readonly report: RegExp;
}

/** Gives a factory of nodes with the fault; `use` must be done with it when it returns. */
export async function withPlantedFault<T>(
  replacements: readonly Replacement[],
  use: (createNode: NodeFactory) => T,
): Promise<T> {
  return await withCopy("mesh", replacements, async (folder) => {
    const module: unknown = await import(pathToFileURL(join(folder, "node.ts")).href);
    if (!isNodeModule(module)) throw new Error("Expected the copy of node.ts to export MeshNode");
    const { MeshNode } = module;
    return use((options) => new MeshNode(options));
  });
}

/** Gives a factory of slots with the fault; `use` must be done with it when it returns. */
export async function withPlantedSlot<T>(
  replacements: readonly Replacement[],
  use: (createSlot: SlotFactory) => T,
): Promise<T> {
  return await withCopy("job", replacements, async (folder) => {
    const module: unknown = await import(pathToFileURL(join(folder, "slot.ts")).href);
    if (!isSlotModule(module)) throw new Error("Expected the copy of slot.ts to export JobSlot");
    const { JobSlot } = module;
    return use((suitability) => new JobSlot(suitability));
  });
}

/** Gives a folder that has the faulty copy of `lib/<name>`, until `use` is done. */
async function withCopy<T>(
  name: "mesh" | "job",
  replacements: readonly Replacement[],
  use: (folder: string) => Promise<T>,
): Promise<T> {
  const source = fileURLToPath(new URL(`../../lib/${name}`, import.meta.url));
  const library = new URL("../../lib/", import.meta.url).href;
  const folder = await Deno.makeTempDir({ prefix: "sleap-rtc-planted-" });
  try {
    for await (const { name: file } of Deno.readDir(source)) {
      const text = await Deno.readTextFile(join(source, file));
      const mine = replacements.filter((replacement) => replacement.file === file);
      const faulty = mine.reduce(replaceOnce, text);
      await Deno.writeTextFile(
        join(folder, file),
        faulty.replaceAll(/from "\.\.\//g, `from "${library}`),
      );
    }
    return await use(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

function replaceOnce(text: string, { file, sound, faulty }: Replacement): string {
  const parts = text.split(sound);
  if (parts.length !== 2) {
    throw new Error(`Expected one ${JSON.stringify(sound)} in ${file}, got ${parts.length - 1}`);
  }
  return parts.join(faulty);
}

function isNodeModule(module: unknown): module is { readonly MeshNode: typeof MeshNode } {
  return typeof module === "object" && module !== null && "MeshNode" in module &&
    typeof module.MeshNode === "function";
}

function isSlotModule(module: unknown): module is { readonly JobSlot: typeof JobSlot } {
  return typeof module === "object" && module !== null && "JobSlot" in module &&
    typeof module.JobSlot === "function";
}
