/** The arguments of sleap-nn. Knows neither processes nor which paths exist. */

import type { TrackJobSpec, TrainJobSpec } from "../protocol/job_spec.ts";
import {
  type Executables,
  pythonCommand,
  type RunnerCommand,
  type RunnerPaths,
} from "./runner_command.ts";

/** The predictions' file, within the folder for what the trainer writes. */
export const PREDICTIONS_NAME = "predictions.slp";
/**
 * `sleap-nn train` in the original's order (UPSTREAM 3.2), then what is ours: the checkpoint folder,
 * so that all output lands in the job's folder, no other cache of pictures, and no ZMQ ports. The original's fixed ports 9000
 * and 9001 make two jobs on one machine fight; progress is read from `training_log.csv`, and `null`
 * keeps sleap-nn from opening a port even where the configuration names one. `++` adds or replaces:
 * a configuration need not have these keys.
 */
export function sleapNnCommand(
  spec: Extract<TrainJobSpec, { runner: "sleap-nn" }>,
  paths: RunnerPaths,
  executables: Executables,
  model: { readonly name: string; readonly index: number },
): RunnerCommand {
  const overrides = [`data_config.train_labels_path=[${hydraText(paths.package)}]`];
  if (spec.val_package !== undefined) {
    if (paths.validation === undefined) {
      throw new Error(`Expected the path of the labels ${spec.val_package}, got none`);
    }
    // A list, as the labels to train on: the original passes a plain text, of which sleap-nn's schema
    // (a list of paths) makes no list.
    overrides.push(`data_config.val_labels_path=[${hydraText(paths.validation)}]`);
  }
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
  overrides.push(`trainer_config.run_name=${hydraText(model.name)}`);
  // A checkpoint is of one model: the first.
  if (spec.resume_ckpt !== undefined && model.index === 0) {
    if (paths.resumeCheckpoint === undefined) {
      throw new Error(`Expected the path of the checkpoint ${spec.resume_ckpt}, got none`);
    }
    overrides.push(`trainer_config.resume_ckpt_path=${hydraText(paths.resumeCheckpoint)}`);
  } else if (spec.resume_ckpt !== undefined) {
    overrides.push("++trainer_config.resume_ckpt_path=null");
  }
  overrides.push(
    // Whatever folder it names is not of this machine: pictures are kept beside the checkpoints.
    "++data_config.cache_img_path=null",
    `++trainer_config.ckpt_dir=${hydraText(paths.output)}`,
    "++trainer_config.zmq.controller_port=null",
    "++trainer_config.zmq.publish_port=null",
  );
  const config = paths.config.names[model.index];
  if (config === undefined) throw new Error(`Expected a configuration for ${model.name}, got none`);
  const args = [
    "train",
    "--config-name",
    config,
    "--config-dir",
    paths.config.folder,
    ...overrides,
  ];
  return pythonCommand(executables, args);
}

/** `sleap-nn track` in the original's order (UPSTREAM 3.2). Its results are one file. */
export function sleapNnTrackCommand(
  spec: Omit<Partial<Extract<TrackJobSpec, { runner: "sleap-nn" }>>, "kind" | "models"> & {
    readonly models: readonly string[];
  },
  paths: RunnerPaths,
  executables: Executables,
): RunnerCommand {
  const args = ["track", "--data_path", paths.package];
  for (const model of spec.models) args.push("--model_paths", model);
  args.push("-o", `${paths.output}/${PREDICTIONS_NAME}`);
  if (spec.batch_size !== undefined) args.push("--batch_size", String(spec.batch_size));
  if (spec.peak_threshold !== undefined) args.push("--peak_threshold", String(spec.peak_threshold));
  if (spec.frame_filter !== undefined) args.push(FRAME_FLAGS[spec.frame_filter]);
  if (spec.exclude_user_labeled === true) args.push("--exclude_user_labeled");
  if (spec.video_index !== undefined) args.push("--video_index", String(spec.video_index));
  if (spec.frames !== undefined) args.push("--frames", spec.frames);
  return pythonCommand(executables, args);
}

const FRAME_FLAGS = {
  suggested: "--only_suggested_frames",
  user: "--only_labeled_frames",
  predicted: "--only_predicted_frames",
} as const;

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
