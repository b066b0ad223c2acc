/**
 * The command line of a job: from a specification to an argument vector, never to a shell's text.
 * Knows neither processes nor which paths exist.
 */

import type { JobSpec } from "../protocol/job_spec.ts";

/** Where a job's files are on this worker. All absolute, all within the job's folder. */
export interface RunnerPaths {
  /** The training package. */
  readonly package: string;
  /** The folder that takes whatever the trainer writes. */
  readonly output: string;
  /** The file that holds the specification's `config_content`. */
  readonly config: { readonly folder: string; readonly name: string };
  /** The checkpoint to go on from, where the specification names one. */
  readonly resumeCheckpoint?: string;
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

/** What the demo trainer does where the specification says nothing. */
export const DEMO_DEFAULTS = {
  epochs: 20,
  batchSize: 4,
  learningRate: 0.005,
  seed: 1,
} as const;

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
 * The command that runs `spec`, with the worker's GPU and no other.
 *
 * @throws {Error} Where this worker lacks the runner, a path that the specification needs, or where
 * a path cannot be said in an override.
 */
export function runnerCommand(
  spec: JobSpec,
  paths: RunnerPaths,
  executables: Executables,
): RunnerCommand {
  switch (spec.runner) {
    case "sleap-nn":
      return onGpu(executables.gpuUuid, sleapNnCommand(spec, paths, executables));
    case "demo":
      return onGpu(executables.gpuUuid, demoCommand(spec, paths, executables));
    default:
      return spec satisfies never;
  }
}

/** CUDA counts GPUs by their speed unless told otherwise, so the GPU is named and not numbered. */
function onGpu(gpuUuid: string | undefined, command: RunnerCommand): RunnerCommand {
  if (gpuUuid === undefined) return command;
  const { inherit, set } = command.environment;
  return {
    ...command,
    environment: { inherit, set: { ...set, CUDA_VISIBLE_DEVICES: gpuUuid } },
  };
}

/**
 * `sleap-nn train` in the original's order (UPSTREAM 3.2), then what is ours: the checkpoint folder,
 * so that all output lands in the job's folder, and no ZMQ ports. The original's fixed ports 9000
 * and 9001 make two jobs on one machine fight; progress is read from `training_log.csv`, and `null`
 * keeps sleap-nn from opening a port even where the configuration names one. `++` adds or replaces:
 * a configuration need not have these keys.
 */
function sleapNnCommand(
  spec: Extract<JobSpec, { runner: "sleap-nn" }>,
  paths: RunnerPaths,
  executables: Executables,
): RunnerCommand {
  if (executables.sleapNn === undefined) {
    throw new Error(
      "Expected sleap-nn on this worker, found none on PATH or in its configuration; " +
        "install sleap-nn there, or choose the runner `demo`",
    );
  }
  const overrides = [`data_config.train_labels_path=[${hydraText(paths.package)}]`];
  if (spec.max_epochs !== undefined) {
    overrides.push(`trainer_config.max_epochs=${spec.max_epochs}`);
  }
  if (spec.batch_size !== undefined) {
    overrides.push(
      `trainer_config.train_data_loader.batch_size=${spec.batch_size}`,
      `trainer_config.val_data_loader.batch_size=${spec.batch_size}`,
    );
  }
  if (spec.learning_rate !== undefined) {
    overrides.push(`trainer_config.optimizer.lr=${spec.learning_rate}`);
  }
  overrides.push(`trainer_config.run_name=${hydraText(spec.run_name)}`);
  if (spec.resume_ckpt !== undefined) {
    if (paths.resumeCheckpoint === undefined) {
      throw new Error(`Expected the path of the checkpoint ${spec.resume_ckpt}, got none`);
    }
    overrides.push(`trainer_config.resume_ckpt_path=${hydraText(paths.resumeCheckpoint)}`);
  }
  overrides.push(
    `++trainer_config.ckpt_dir=${hydraText(paths.output)}`,
    "++trainer_config.zmq.controller_port=null",
    "++trainer_config.zmq.publish_port=null",
  );
  return {
    executable: executables.sleapNn,
    args: [
      "train",
      "--config-name",
      paths.config.name,
      "--config-dir",
      paths.config.folder,
      ...overrides,
    ],
    environment: {
      inherit: [...INHERITED, ...INHERITED_BY_PYTHON],
      // Unbuffered, so that lines arrive when they are written; UTF-8, so that they can be read.
      set: { PYTHONUNBUFFERED: "1", PYTHONIOENCODING: "utf-8" },
    },
  };
}

/** The hidden subcommand of this program that trains the demo model. */
function demoCommand(
  spec: Extract<JobSpec, { runner: "demo" }>,
  paths: RunnerPaths,
  executables: Executables,
): RunnerCommand {
  return {
    executable: executables.self.executable,
    args: [
      ...executables.self.leading,
      "demo-trainer",
      "--package",
      paths.package,
      "--output",
      paths.output,
      "--epochs",
      String(spec.max_epochs ?? DEMO_DEFAULTS.epochs),
      "--learning-rate",
      String(spec.learning_rate ?? DEMO_DEFAULTS.learningRate),
      "--batch-size",
      String(spec.batch_size ?? DEMO_DEFAULTS.batchSize),
      "--seed",
      String(spec.seed ?? DEMO_DEFAULTS.seed),
    ],
    environment: { inherit: [...INHERITED, "DENO_DIR"], set: { NO_COLOR: "1" } },
  };
}

/**
 * `text` as a value in Hydra's override grammar: as it is where that can only be a string, else in
 * single quotes. A run called `2024` stays a string, and a comma in a path starts no second element.
 *
 * @throws {Error} Where `text` has a line break or an interpolation, which quotes do not switch off.
 */
function hydraText(text: string): string {
  // deno-lint-ignore no-control-regex -- control characters are what is refused
  if (/[\u0000-\u001f\u007f]|\$\{/.test(text)) {
    throw new Error(
      `Expected a path or name without control characters and \`\${\`, got ${
        JSON.stringify(text)
      }; rename it`,
    );
  }
  const isPlain = /^[A-Za-z_/][A-Za-z0-9_./-]*$/.test(text) &&
    !/^(null|true|false|nan|inf)$/i.test(text);
  if (isPlain) return text;
  const escaped = text.replace(/(\\*)'/g, "$1$1\\'").replace(/(\\+)$/, "$1$1");
  return `'${escaped}'`;
}
