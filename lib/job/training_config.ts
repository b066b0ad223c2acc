/**
 * Whether a configuration is one that sleap-nn can train by, as far as that shows before a GPU is
 * touched: its sections, its model, its numbers, the files it names, and whether its parts are those
 * of the skeleton.
 */

import { z } from "zod";
import { type ConfigFault, describe } from "./config_fault.ts";
import { type BroughtKey, fileFault } from "./config_files.ts";
import { readYaml, type YamlText } from "./yaml_text.ts";

/** The models of sleap-nn, in the order in which they are trained. */
export const MODEL_TYPES = [
  "single_instance",
  "centroid",
  "centered_instance",
  "bottomup",
  "multi_class_bottomup",
  "multi_class_topdown",
] as const;
/** A model of sleap-nn. */
export type ModelType = typeof MODEL_TYPES[number];

/** The backbones of sleap-nn. */
const BACKBONES = ["unet", "convnext", "swint"] as const;

/** What a configuration trains. */
export interface TrainingConfig {
  readonly modelType: ModelType;
  readonly maxEpochs: number | undefined;
  /** The sleap-nn that wrote it, where it says so. */
  readonly sleapNnVersion: string | undefined;
}

const partsSchema = z.array(z.string()).nullish();
const headSchema = z.looseObject({
  confmaps: z.looseObject({ part_names: partsSchema, anchor_part: z.string().nullish() }).nullish(),
}).nullable();
const loaderSchema = z.looseObject({ batch_size: z.int().min(1).max(4_096).nullish() }).nullish();

/** The parts that are looked at. Whatever else stands there is the trainer's to judge. */
const configSchema = z.looseObject({
  sleap_nn_version: z.string().max(64).nullish(),
  data_config: z.looseObject({ validation_fraction: z.number().min(0).max(1).nullish() }),
  model_config: z.looseObject({
    backbone_config: z.union([z.string(), z.looseObject({})]),
    head_configs: z.union([z.string(), z.record(z.string(), headSchema)]),
  }),
  trainer_config: z.looseObject({
    max_epochs: z.int().min(1).nullish(),
    train_data_loader: loaderSchema,
    val_data_loader: loaderSchema,
    optimizer: z.looseObject({ lr: z.number().positive().nullish() }).nullish(),
  }),
});

/** What a configuration is compared with. */
export interface ConfigSurroundings {
  /** The skeleton's, where there is one to compare with. */
  readonly nodes?: readonly string[];
  /** Keys that the job brings the files for: whatever stands there is not what is read. */
  readonly replaced?: readonly BroughtKey[];
}

/** Reads a configuration, YAML or JSON. */
export function readTrainingConfig(
  text: string,
  { nodes, replaced = [] }: ConfigSurroundings = {},
): TrainingConfig | ConfigFault {
  const read = readYaml(text);
  if ("reason" in read) {
    return {
      line: read.line,
      message: `Expected YAML or JSON, got text that is not: ${read.reason}`,
    };
  }
  const older = olderFault(read);
  if (older !== undefined) return older;
  const decoded = configSchema.safeParse(read.value);
  if (!decoded.success) return faultOf(read, decoded.error.issues[0]);
  const stray = fileFault(read, replaced);
  if (stray !== undefined) return stray;
  const { model_config: { backbone_config: backbone, head_configs: heads } } = decoded.data;
  const { trainer_config: trainer } = decoded.data;
  const baseless = backboneFault(read, backbone);
  if (baseless !== undefined) return baseless;
  const modelType = typeof heads === "string"
    ? modelNamed(read, heads)
    : modelAmong(read, Object.keys(heads).filter((name) => heads[name] !== null));
  if (typeof modelType !== "string") return modelType;
  const head = typeof heads === "string" ? undefined : heads[modelType];
  const stranger = strangerTo(nodes, head?.confmaps ?? undefined);
  if (stranger !== undefined) {
    const path = ["model_config", "head_configs", modelType, "confmaps", stranger.key];
    return {
      line: read.lineOf(path),
      message: `Expected parts of the skeleton (${nodes?.join(", ")}) for ${path.join(".")}, got ${
        JSON.stringify(stranger.part)
      }`,
    };
  }
  const { sleap_nn_version: version } = decoded.data;
  return {
    modelType,
    maxEpochs: trainer.max_epochs ?? undefined,
    sleapNnVersion: version ?? undefined,
  };
}

/** SLEAP up to 1.4 wrote another form, which sleap-nn does not train by. */
function olderFault({ value, lineOf }: YamlText): ConfigFault | undefined {
  const older = z.looseObject({ model: z.looseObject({ heads: z.looseObject({}) }) });
  if (!older.safeParse(value).success) return undefined;
  return {
    line: lineOf(["model"]),
    message:
      "Expected a configuration of sleap-nn, got one of SLEAP 1.4 or older; export it again " +
      "in SLEAP 1.5 or newer",
  };
}

function faultOf(read: YamlText, issue: z.core.$ZodIssue | undefined): ConfigFault {
  const path = (issue?.path ?? []).map(String);
  const got = read.value === null || typeof read.value !== "object"
    ? "no mapping"
    : describe(valueAt(read.value, path));
  const where = path.length === 0 ? "a configuration of sleap-nn" : path.join(".");
  const wanted = path.length === 0
    ? "data_config, model_config and trainer_config"
    : issue?.message.replace(/^Invalid input: expected /, "").replace(/, received .*$/, "") ??
      "something else";
  return { line: read.lineOf(path), message: `Expected ${wanted} for ${where}, got ${got}` };
}

/** A backbone is named by its size, as `unet_large_rf`, or has the one section that is filled in. */
function backboneFault(
  read: YamlText,
  backbone: string | Readonly<Record<string, unknown>>,
): ConfigFault | undefined {
  const names = typeof backbone === "string"
    ? [backbone]
    : Object.keys(backbone).filter((name) => backbone[name] !== null);
  const isKnown = ([name = ""]: readonly string[]) =>
    BACKBONES.some((known) =>
      name === known || (typeof backbone === "string" && name.startsWith(`${known}_`))
    );
  if (names.length === 1 && isKnown(names)) return undefined;
  const got = typeof backbone === "string" ? describe(backbone) : names.join(" and ") || "none";
  return {
    line: read.lineOf(["model_config", "backbone_config"]),
    message: `Expected one of ${BACKBONES.join(", ")} in model_config.backbone_config, got ${got}`,
  };
}

function modelNamed(read: YamlText, name: string): ModelType | ConfigFault {
  const found = MODEL_TYPES.find((type) => type === name);
  return found ?? modelFault(read, JSON.stringify(name));
}

function modelAmong(read: YamlText, names: readonly string[]): ModelType | ConfigFault {
  const [name] = names;
  if (name === undefined) return modelFault(read, "none");
  if (names.length > 1) return modelFault(read, names.join(" and "));
  return modelNamed(read, name);
}

function modelFault(read: YamlText, got: string): ConfigFault {
  return {
    line: read.lineOf(["model_config", "head_configs"]),
    message: `Expected one of ${MODEL_TYPES.join(", ")} in model_config.head_configs, got ${got}`,
  };
}

function strangerTo(
  nodes: readonly string[] | undefined,
  confmaps:
    | { part_names?: string[] | null | undefined; anchor_part?: string | null | undefined }
    | undefined,
): { key: "part_names" | "anchor_part"; part: string } | undefined {
  if (nodes === undefined || confmaps === undefined) return undefined;
  const part = confmaps.part_names?.find((name) => !nodes.includes(name));
  if (part !== undefined) return { key: "part_names", part };
  const anchor = confmaps.anchor_part;
  if (anchor === undefined || anchor === null || nodes.includes(anchor)) return undefined;
  return { key: "anchor_part", part: anchor };
}

function valueAt(value: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>(
    (inner, key) => z.record(z.string(), z.unknown()).safeParse(inner).data?.[key],
    value,
  );
}
