/**
 * The processes of a job: from a specification to argument vectors, never to a shell's text. Knows
 * neither processes nor which paths exist.
 */

import {
  type JobSpec,
  modelsOf,
  type TrackJobSpec,
  type TrainJobSpec,
} from "../protocol/job_spec.ts";
import { demoCommand, demoTrackCommand } from "./demo.ts";
import { type Executables, onGpu, type RunnerCommand, type RunnerPaths } from "./runner_command.ts";
import { sleapNnCommand, sleapNnTrackCommand } from "./sleap_nn.ts";
import { PREDICTION_TITLE, trainingTitle } from "./stage_title.ts";

export { DEMO_DEFAULTS } from "./demo.ts";
export type { EnvironmentPlan, Executables, RunnerCommand, RunnerPaths } from "./runner_command.ts";

/** One process of a job. Those of a job run one after the other. */
export interface Stage {
  /** For people: what it does. */
  readonly title: string;
  readonly command: RunnerCommand;
}

/**
 * The processes that run `spec`, one after the other, with the worker's GPU and no other.
 *
 * @throws {Error} Where this worker lacks the runner, a path that the specification needs, or where
 * a path cannot be said in an override.
 */
export function runnerStages(
  spec: JobSpec,
  paths: RunnerPaths,
  executables: Executables,
): readonly Stage[] {
  const stages = spec.kind === "train"
    ? trainingStages(spec, paths, executables)
    : [trackingStage(spec, paths, executables)];
  return stages.map((stage) => ({ ...stage, command: onGpu(executables.gpuUuid, stage.command) }));
}

function trainingStages(
  spec: TrainJobSpec,
  paths: RunnerPaths,
  executables: Executables,
): Stage[] {
  switch (spec.runner) {
    case "sleap-nn": {
      const names = runNamesOf(spec, paths.config.names.length);
      const stages = names.map((name, index) => ({
        title: names.length === 1
          ? `Training ${name}`
          : trainingTitle(index, names.length, spec.model_types?.[index] ?? name),
        command: sleapNnCommand(spec, paths, executables, { name, index }),
      }));
      if (spec.predict !== true) return stages;
      const models = names.map((name) => `${paths.output}/${name}`);
      const command = sleapNnTrackCommand({ ...spec, models }, paths, executables);
      return [...stages, { title: PREDICTION_TITLE, command }];
    }
    case "demo": {
      const stage = {
        title: `Training ${spec.run_name}`,
        command: demoCommand(spec, paths, executables),
      };
      if (spec.predict !== true) return [stage];
      const command = demoTrackCommand(paths, executables, paths.output);
      return [stage, { title: PREDICTION_TITLE, command }];
    }
    default:
      return spec satisfies never;
  }
}

function trackingStage(spec: TrackJobSpec, paths: RunnerPaths, executables: Executables): Stage {
  const title = "Predicting";
  switch (spec.runner) {
    case "sleap-nn": {
      const command = sleapNnTrackCommand({ ...spec, models: paths.models }, paths, executables);
      return { title, command };
    }
    case "demo":
      return { title, command: demoTrackCommand(paths, executables, paths.models[0]) };
    default:
      return spec satisfies never;
  }
}

/**
 * Where the stages of `spec` may write their logs, within the job's folder and with forward slashes:
 * of each that writes one, all places, in the order of the stages.
 */
export function logsOf(spec: JobSpec): readonly (readonly string[])[] {
  if (spec.kind === "track") return [];
  const inOutput = "output/training_log.csv";
  if (spec.runner === "demo") return [[inOutput]];
  const names = runNamesOf(spec, modelsOf(spec));
  return names.map((name) => {
    const inFolder = `output/${name}/training_log.csv`;
    return names.length === 1 ? [inOutput, inFolder] : [inFolder];
  });
}

/** Each model trains into a folder of its own, by the run's name and what it is. */
function runNamesOf(
  { run_name, model_types }: Extract<TrainJobSpec, { runner: "sleap-nn" }>,
  count: number,
): string[] {
  if (count === 1) return [run_name];
  return Array.from({ length: count }, (_, index) => {
    return `${run_name}.${index + 1}.${model_types?.[index] ?? "model"}`;
  });
}

/**
 * The stages as one process: this program runs them one after the other, so that whoever watches,
 * stops and finds again a job's process has one to do with. A single stage is its own process.
 *
 * @param plan The file that holds the stages, as {@linkcode runnerStages} gives them.
 */
export function stagesCommand(
  stages: readonly Stage[],
  plan: string,
  { self }: Executables,
): RunnerCommand {
  const [first] = stages;
  if (first !== undefined && stages.length === 1) return first.command;
  const environments = stages.map(({ command }) => command.environment);
  return {
    executable: self.executable,
    args: [...self.leading, "job-stages", "--plan", plan],
    environment: {
      inherit: [...new Set([...environments.flatMap(({ inherit }) => inherit), "DENO_DIR"])],
      set: Object.assign({}, ...environments.map(({ set }) => set)),
    },
  };
}
