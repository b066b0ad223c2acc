/** Which GPUs this machine has, and by which way that is known: NVML, else `nvidia-smi`, else none. */

import { findExecutable } from "../executable.ts";
import type { GpuReading, GpuSource } from "./gpu.ts";
import { NvidiaSmi } from "./nvidia_smi.ts";
import { openNvml } from "./nvml.ts";
import { visibleGpus } from "./visibility.ts";

/** Where drivers put `nvidia-smi` when they do not put it on PATH. */
const SMI_FOLDERS = [
  "/usr/bin",
  "/usr/lib/wsl/lib",
  "C:\\Windows\\System32",
  "C:\\Program Files\\NVIDIA Corporation\\NVSMI",
];

/** This machine's GPUs. */
export type Inventory =
  | {
    readonly state: "found";
    readonly source: GpuSource;
    /** All that the driver shows. */
    readonly gpus: readonly GpuReading[];
    /** Those of them that this process may use. */
    readonly visible: readonly GpuReading[];
    /** The variable that hides the others. */
    readonly by: string | undefined;
    /** Why a better way was not taken. */
    readonly why: readonly string[];
  }
  /** There is no GPU of NVIDIA's; `why` says how that is known. */
  | { readonly state: "none"; readonly why: readonly string[] }
  /** There is a driver, and nothing of it answers as agreed. */
  | { readonly state: "failed"; readonly why: readonly string[] };

/** How GPUs are looked for. */
export interface InventoryOptions {
  readonly env: (name: string) => string | undefined;
  /** Names or paths of NVML; the system's where left out. */
  readonly libraries?: readonly string[];
  /** Folders of `nvidia-smi` besides PATH; the drivers' where left out. */
  readonly smiFolders?: readonly string[];
  readonly answerMsMax?: number;
}

/** Looks for GPUs. Who gets a source closes it. */
export async function takeInventory(options: InventoryOptions): Promise<Inventory> {
  const { env, smiFolders = SMI_FOLDERS } = options;
  const why: string[] = [];
  let state: "none" | "failed" = "none";
  const ways = [
    async () => {
      const opening = await openNvml(options);
      if (opening.state === "open") return opening.source;
      why.push(opening.why);
      return undefined;
    },
    async () => {
      const path = await findExecutable("nvidia-smi", env, smiFolders);
      if (path === undefined) why.push("There is no program nvidia-smi");
      return path === undefined ? undefined : new NvidiaSmi(path, options);
    },
  ];
  for (const way of ways) {
    let source: GpuSource | undefined;
    try {
      source = await way();
      if (source === undefined) continue;
      const gpus = await source.list();
      if (gpus.length === 0) {
        why.push(`${source.way} shows no GPU`);
        await source.close();
        continue;
      }
      const { gpus: visible, by } = visibleGpus(gpus, env);
      return { state: "found", source, gpus, visible, by, why };
    } catch (error) {
      state = "failed";
      why.push(error instanceof Error ? error.message : String(error));
      await source?.close().catch((reason: unknown) => why.push(String(reason)));
    }
  }
  return { state, why };
}
