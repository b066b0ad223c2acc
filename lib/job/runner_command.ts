/**
 * What a process of a job is started with: programs, paths and an environment that is named, not
 * inherited. Knows no job and no trainer's arguments.
 */

/** Where a job's files are on this worker. All absolute, all within the job's folder. */
export interface RunnerPaths {
  /** The labels, or a video. */
  readonly package: string;
  /** The labels to validate on, where the specification names some. */
  readonly validation?: string;
  /** The folder that takes whatever the trainer writes. */
  readonly output: string;
  /** The files that hold the specification's configurations, in their order. */
  readonly config: { readonly folder: string; readonly names: readonly string[] };
  /** The checkpoint to go on from, where the specification names one. */
  readonly resumeCheckpoint?: string;
  /** The folders of the models to track with, in their order. */
  readonly models: readonly string[];
}

/** What this worker can run. */
export interface Executables {
  /** `sleap-nn` by absolute path; absent where it is not installed. */
  readonly sleapNn?: string;
  /** The UUID of the one GPU that jobs may use; where it is absent, they see what the worker sees. */
  readonly gpuUuid?: string;
  /** This very program, and the arguments before its subcommand. */
  readonly self: { readonly executable: string; readonly leading: readonly string[] };
}

/** The variables a trainer sees: some of the worker's own, and some that we set. */
export interface EnvironmentPlan {
  /** Names to hand down where the worker has them. Whatever is not named stays behind. */
  readonly inherit: readonly string[];
  readonly set: Readonly<Record<string, string>>;
}

/** What is to be started, without a shell. */
export interface RunnerCommand {
  readonly executable: string;
  readonly args: readonly string[];
  readonly environment: EnvironmentPlan;
}

/** What a process of any kind needs to find its libraries, its home and its language. */
const INHERITED = [
  "PATH",
  "HOME",
  "LANG",
  "LC_ALL",
  "TMPDIR",
  "TEMP",
  "TMP",
  "TZ",
  "SYSTEMROOT",
  "USERPROFILE",
  "LOCALAPPDATA",
  "XDG_CACHE_HOME",
] as const;

/** What PyTorch needs to find its GPU. No token of any service is among them. */
const INHERITED_BY_PYTHON = [
  "CUDA_HOME",
  "CUDA_PATH",
  "CUDA_VISIBLE_DEVICES",
  "CONDA_PREFIX",
  "LD_LIBRARY_PATH",
  "NVIDIA_VISIBLE_DEVICES",
  "OMP_NUM_THREADS",
  "VIRTUAL_ENV",
] as const;

/**
 * sleap-nn with these arguments.
 *
 * @throws {Error} Where this worker lacks it.
 */
export function pythonCommand({ sleapNn }: Executables, args: readonly string[]): RunnerCommand {
  if (sleapNn === undefined) {
    throw new Error(
      "Expected sleap-nn on this worker, found none on PATH or in its configuration; " +
        "install sleap-nn there, or choose the runner `demo`",
    );
  }
  return {
    executable: sleapNn,
    args,
    environment: {
      inherit: [...INHERITED, ...INHERITED_BY_PYTHON],
      // Unbuffered, so that lines arrive when they are written; UTF-8, so that they can be read.
      set: { PYTHONUNBUFFERED: "1", PYTHONIOENCODING: "utf-8" },
    },
  };
}

/** This program with these arguments. */
export function ownCommand({ self }: Executables, args: readonly string[]): RunnerCommand {
  return {
    executable: self.executable,
    args: [...self.leading, ...args],
    environment: { inherit: [...INHERITED, "DENO_DIR"], set: { NO_COLOR: "1" } },
  };
}

/** CUDA counts GPUs by their speed unless told otherwise, so the GPU is named and not numbered. */
export function onGpu(gpuUuid: string | undefined, command: RunnerCommand): RunnerCommand {
  if (gpuUuid === undefined) return command;
  const { inherit, set } = command.environment;
  return {
    ...command,
    environment: { inherit, set: { ...set, CUDA_VISIBLE_DEVICES: gpuUuid } },
  };
}
