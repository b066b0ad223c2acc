/** From the arguments of `train` to what is sent: files looked into, limits checked. Sends nothing. */

import { basename, dirname } from "node:path";
import type { BroughtKey } from "../job/config_files.ts";
import { MODEL_TYPES, type ModelType, readTrainingConfig } from "../job/training_config.ts";
import { CONFIG_BYTES_MAX } from "../protocol/job_spec.ts";
import type { PathMap } from "../protocol/mount.ts";
import type { InputBundle, InputFile } from "../runtime/input_bundle.ts";
import { findCheckpoint } from "../runtime/model_folder.ts";
import { inspectPackage, type PackageFacts } from "../runtime/training_package.ts";
import { count, formatBytes } from "./amount.ts";
import { EXIT } from "./exit_code.ts";
import { checkedSpec, labelsName, type PreparedJob, videosOf, withBundle } from "./input_option.ts";
import { Mistake } from "./mistake.ts";
import { mapsOf } from "./mount_option.ts";

/** What the command line says of a training. */
export interface TrainingFlags {
  readonly file: string;
  readonly runner: "sleap-nn" | "demo";
  readonly configs: readonly string[];
  readonly epochs: number | undefined;
  readonly batchSize: number | undefined;
  readonly learningRate: number | undefined;
  readonly runName: string | undefined;
  /** Labels to validate on. */
  readonly valLabels: string | undefined;
  readonly resume: string | undefined;
  readonly predict: boolean;
  readonly maps: readonly string[];
}

/** A configuration that was read and is well. */
interface Config {
  readonly file: string;
  readonly text: string;
  readonly modelType: ModelType;
}

/**
 * Looks into the labels and the configurations, and writes the job's specification.
 *
 * @param settings Prefixes of paths from the settings, weaker than the command line's.
 * @throws {Mistake} With the exit code for bad input where a file cannot be used, and with that for
 * usage where an option is wrong.
 */
export async function prepareTraining(
  flags: TrainingFlags,
  settings: readonly PathMap[] = [],
): Promise<PreparedJob> {
  if (flags.runner === "demo") {
    refuse("--config", flags.configs[0]);
    refuse("--resume", flags.resume);
    refuse("--val-labels", flags.valLabels);
  }
  return await withBundle(flags.file, async (bundle) => {
    const frames = flags.runner === "demo" ? "inside" : "anywhere";
    const facts = await inspectPackage(bundle.labels.local, { frames });
    const configs = flags.runner === "demo" ? [] : await configsOf(flags, bundle, facts);
    const [first, ...next] = configs;
    const validation = flags.valLabels === undefined
      ? undefined
      : await validationInput(flags.valLabels, facts);
    const outside = [facts, ...(validation === undefined ? [] : [validation.facts])]
      .flatMap((labels) => labels.videos.filter(({ isEmbedded }) => !isEmbedded));
    const videos = [...new Set(outside.map(({ source }) => source))];
    const resume = flags.resume === undefined ? undefined : await resumeInput(flags.resume);
    const maps = [...mapsOf(flags.maps), ...settings];
    const spec = checkedSpec({
      kind: "train",
      runner: flags.runner,
      package: bundle.labels.path,
      run_name: flags.runName ?? runNameOf(flags.file),
      max_epochs: flags.epochs,
      batch_size: flags.batchSize,
      learning_rate: flags.learningRate,
      predict: flags.predict ? true : undefined,
      videos: videos.length === 0 ? undefined : videos,
      maps: maps.length === 0 ? undefined : maps,
      ...(first === undefined ? {} : {
        config_content: first.text,
        model_types: configs.map(({ modelType }) => modelType),
      }),
      next_config_contents: next.length === 0 ? undefined : next.map(({ text }) => text),
      val_package: validation?.input.path,
      resume_ckpt: resume?.path,
    });
    const sent = videosOf(bundle, videos);
    return {
      spec,
      packagePath: bundle.labels.local,
      others: [
        ...sent,
        ...(validation === undefined ? [] : [validation.input]),
        ...(resume === undefined ? [] : [resume]),
      ],
      facts: [
        packageFact("Package", labelsName(flags.file, bundle), facts),
        ...(validation === undefined
          ? []
          : [packageFact("Validation", validation.input.local, validation.facts)]),
        ...videosFact(videos.length, sent.length),
        ...configs.map(({ file, modelType }) => `Configuration ${file}: ${modelType}`),
        ...(resume === undefined ? [] : [`Going on from ${resume.local}`]),
      ],
    };
  });
}

/** A run name made of the package's: `fly labels.pkg.slp` is `fly-labels`. */
export function runNameOf(file: string): string {
  const stem = basename(file).replace(/(\.pkg)?\.(slp|zip)$/i, "");
  const name = stem.replace(/[^A-Za-z0-9._-]+/g, "-").replace(/^[^A-Za-z0-9_]+/, "").slice(0, 64);
  return name === "" ? "training" : name;
}

function refuse(flag: string, value: string | undefined): void {
  if (value === undefined) return;
  throw new Mistake(`Expected no ${flag} with --runner demo, which reads none; leave it out`);
}

function packageFact(
  what: string,
  file: string,
  { labelledFrames, nodes, bytes }: PackageFacts,
): string {
  return `${what} ${file}: ${count(labelledFrames, "labelled frame")}, ${
    count(nodes.length, "keypoint")
  }, ${formatBytes(bytes)}`;
}

/** How many videos stay outside of the labels, in a sentence; none where all frames are inside. */
export function videosFact(videos: number, sent: number): string[] {
  if (videos === 0) return [];
  const where = sent === videos
    ? "sent along"
    : `to be found on the worker, but ${sent} sent along`;
  return [
    `Videos outside of the labels: ${videos}, ${sent === 0 ? "to be found on the worker" : where}`,
  ];
}

/** Labels to validate on are a file of the same skeleton. */
async function validationInput(
  local: string,
  { nodes }: PackageFacts,
): Promise<{ readonly input: InputFile; readonly facts: PackageFacts }> {
  const facts = await inspectPackage(local, { frames: "anywhere" });
  if (facts.nodes.join("\n") !== nodes.join("\n")) {
    throw new Mistake(
      `Expected labels of ${nodes.join(", ")} at ${local} (from --val-labels), got some of ${
        facts.nodes.join(", ")
      }`,
      { exitCode: EXIT.badInput },
    );
  }
  return { input: { path: `validation/${basename(local)}`, local }, facts };
}

async function resumeInput(path: string): Promise<InputFile> {
  const local = await findCheckpoint(path);
  return { path: "resume/checkpoint.ckpt", local };
}

/** The configurations that were named, or else those that came along, centroids first. */
async function configsOf(
  { configs: named, resume, valLabels }: TrainingFlags,
  bundle: InputBundle,
  { nodes }: PackageFacts,
): Promise<Config[]> {
  const replaced: BroughtKey[] = [];
  if (valLabels !== undefined) replaced.push("data_config.val_labels_path");
  if (resume !== undefined) replaced.push("trainer_config.resume_ckpt_path");
  const read = (file: string, text: string): Config => {
    const config = readTrainingConfig(text, { nodes, replaced });
    if (!("message" in config)) return { file, text, modelType: config.modelType };
    throw new Mistake(`${config.message} (${file}, line ${config.line})`, {
      exitCode: EXIT.badInput,
    });
  };
  const configs: Config[] = [];
  for (const file of named) configs.push(read(file, await readConfig(file)));
  if (named.length > 0) return configs;
  for (const { path, local } of await configsAmong(bundle)) {
    const text = await readConfig(local);
    if (isMeantForTraining(text)) configs.push(read(path, text));
  }
  if (configs.length > 0) {
    const rank = ({ modelType }: Config) => MODEL_TYPES.indexOf(modelType);
    return configs.toSorted((one, other) => rank(one) - rank(other));
  }
  throw new Mistake(
    "Expected --config FILE.yaml for sleap-nn, got none; export one in SLEAP (Predict → Run Training), or try things out with --runner demo",
  );
}

/** Files that came along and may be configurations to train by: those of models that are trained are not. */
async function configsAmong(bundle: InputBundle): Promise<InputFile[]> {
  const trained = new Set(bundle.withEndings([".ckpt"]).map(({ path }) => dirname(path)));
  const files: InputFile[] = [];
  for (const file of bundle.withEndings([".yaml", ".yml", ".json"])) {
    const isSmall = (await Deno.stat(file.local)).size <= CONFIG_BYTES_MAX;
    if (isSmall && !trained.has(dirname(file.path))) files.push(file);
  }
  return files;
}

/**
 * Whether somebody wrote `text` to train by it, well or not: what is left out silently is missed when
 * the results are there.
 */
function isMeantForTraining(text: string): boolean {
  return /^\s*["']?model_config["']?\s*:/m.test(text) || /[{,]\s*"model_config"\s*:/.test(text);
}

async function readConfig(file: string): Promise<string> {
  const exitCode = EXIT.badInput;
  try {
    const { size } = await Deno.stat(file);
    if (size <= CONFIG_BYTES_MAX) return await Deno.readTextFile(file);
  } catch (cause) {
    throw new Mistake(
      `Expected a readable configuration at ${file} (from --config), got an error`,
      { cause, exitCode },
    );
  }
  throw new Mistake(
    `Expected a configuration of at most ${CONFIG_BYTES_MAX} bytes at ${file} (from --config), got more`,
    { exitCode },
  );
}
