/** Which GPUs of a machine are this process's to use, by its environment. Asks no driver. */

/** What there is to know of a GPU here. */
export interface Countable {
  readonly index: number;
  readonly uuid: string | undefined;
}

/** The GPUs that may be used, in the order in which they were named. */
export interface Visible<T extends Countable> {
  readonly gpus: readonly T[];
  /** The variable that chose them, as `NAME=value`; undefined where none does. */
  readonly by: string | undefined;
}

/**
 * Variables that choose, the one that CUDA itself reads first. Slurm sets all of them; the others
 * count where a job script or a container has dropped that one.
 */
const VARIABLES = [
  { name: "CUDA_VISIBLE_DEVICES", counts: "seen" },
  { name: "SLURM_STEP_GPUS", counts: "installed" },
  { name: "SLURM_JOB_GPUS", counts: "installed" },
  { name: "GPU_DEVICE_ORDINAL", counts: "seen" },
] as const;

/**
 * Those of `gpus` that the environment lets this process use. A variable that is there and empty lets
 * it use none.
 */
export function visibleGpus<T extends Countable>(
  gpus: readonly T[],
  env: (name: string) => string | undefined,
): Visible<T> {
  for (const { name, counts } of VARIABLES) {
    const value = env(name);
    if (value === undefined) continue;
    const entries = value.split(",").map((entry) => entry.trim());
    const by = `${name}=${value}`;
    // Slurm counts the machine's GPUs, but a job in a cgroup sees its own alone, counted from 0.
    const areOursAlone = counts === "installed" && gpus.length <= entries.length &&
      entries.every((entry) => /^\d+$/.test(entry));
    return { gpus: areOursAlone ? gpus : chosen(gpus, entries), by };
  }
  return { gpus, by: undefined };
}

/** Whether the variable, as `NAME=value`, names a slice of a GPU (MIG), which is not described here. */
export function namesSlice(by: string | undefined): boolean {
  return by !== undefined && /[=,] *MIG-/.test(by);
}

/**
 * As CUDA reads it (CUDA C++ Programming Guide, "CUDA Environment Variables"): indexes, or the
 * beginnings of UUIDs; the first senseless entry ends the list, and a doubled one voids it.
 */
function chosen<T extends Countable>(gpus: readonly T[], entries: readonly string[]): T[] {
  const found: T[] = [];
  for (const entry of entries) {
    const matching = gpus.filter(({ index, uuid }) =>
      /^\d+$/.test(entry)
        ? index === Number(entry)
        : entry.startsWith("GPU-") && uuid?.startsWith(entry) === true
    );
    const [gpu] = matching;
    if (gpu === undefined || matching.length > 1) break;
    if (found.includes(gpu)) return [];
    found.push(gpu);
  }
  return found;
}
