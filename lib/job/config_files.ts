/**
 * The keys of a sleap-nn configuration that name files. A job's files are those that were sent with it:
 * what the runner puts in a key's place may stand there, and all else is refused. Knows no file system.
 */

import { z } from "zod";
import type { JobSpec } from "../protocol/job_spec.ts";
import { type ConfigFault, describe } from "./config_fault.ts";
import type { YamlText } from "./yaml_text.ts";

/** A key that a job may bring the file for. */
export type BroughtKey = "data_config.val_labels_path" | "trainer_config.resume_ckpt_path";

/** The keys that `spec` brings the files for. */
export function broughtKeysOf(spec: JobSpec): readonly BroughtKey[] {
  if (spec.kind !== "train" || spec.runner !== "sleap-nn") return [];
  return [
    ...(spec.val_package === undefined ? [] : ["data_config.val_labels_path"] as const),
    ...(spec.resume_ckpt === undefined ? [] : ["trainer_config.resume_ckpt_path"] as const),
  ];
}

/** Keys whose files are always the runner's: `lib/job/sleap_nn.ts` overrides each of them. */
const RUNNER_KEYS: readonly string[] = [
  "data_config.train_labels_path",
  "data_config.cache_img_path",
  "trainer_config.ckpt_dir",
];

/** What to do instead, where there is something. */
const ADVICE: ReadonlyMap<string, string> = new Map([
  ["data_config.val_labels_path", "send them with --val-labels FILE"],
  ["data_config.test_file_path", "predict on them with `track` when it is trained"],
  ["trainer_config.resume_ckpt_path", "send it with --resume FILE"],
]);

/** Whether a key of this name is one of a file, also in a sleap-nn that is younger than this. */
const NAMES_A_FILE =
  /(^|_)(path|paths|file|files|folder|dir|dirpath|directory)$|^pretrained_.*_weights$/;

/** Sections by which Hydra is led to other files and folders. */
const HYDRA_SECTIONS = ["defaults", "hydra"] as const;

/** The first file that `read` names and no job brings; `undefined` where there is none. */
export function fileFault(
  read: YamlText,
  replaced: readonly BroughtKey[],
): ConfigFault | undefined {
  const top = z.record(z.string(), z.unknown()).safeParse(read.value).data ?? {};
  const section = HYDRA_SECTIONS.find((name) => name in top);
  if (section !== undefined) {
    const message =
      `Expected no ${section}, by which Hydra reads or writes elsewhere, got it; leave it out`;
    return { line: read.lineOf([section]), message };
  }
  const allowed = [...RUNNER_KEYS, ...replaced];
  const found = strangerIn(read.value, [], allowed, new Set());
  if (found === undefined) return undefined;
  const name = found.path.join(".");
  const advice = ADVICE.get(name);
  return {
    line: read.lineOf(found.path),
    message: `Expected null for ${name}, got ${describe(found.value)}, which no worker has` +
      (advice === undefined ? "" : `; ${advice}`),
  };
}

interface Found {
  readonly path: readonly string[];
  readonly value: unknown;
}

/** @param seen What was looked through: aliases lead to the same thing again, even to itself. */
function strangerIn(
  value: unknown,
  path: readonly string[],
  allowed: readonly string[],
  seen: Set<object>,
): Found | undefined {
  if (typeof value !== "object" || value === null || seen.has(value)) return undefined;
  seen.add(value);
  for (const [key, inner] of Object.entries(value)) {
    const here = [...path, key];
    if (allowed.includes(here.join("."))) continue;
    const found = NAMES_A_FILE.test(key) && !isUnset(inner)
      ? { path: here, value: inner }
      : strangerIn(inner, here, allowed, seen);
    if (found !== undefined) return found;
  }
  return undefined;
}

function isUnset(value: unknown): boolean {
  return value === null || value === "" || (Array.isArray(value) && value.length === 0);
}
