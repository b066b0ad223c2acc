/** Whether a job can be run by a worker at all, from what it says of itself. Knows no files. */

import { broughtKeysOf } from "./config_files.ts";
import { readTrainingConfig } from "./training_config.ts";
import { configTextsOf, type JobSpec } from "../protocol/job_spec.ts";
import type { Manifest } from "../protocol/manifest.ts";
import type { Refused } from "./slot.ts";

/** Bytes of inputs that a worker takes for one job. */
const INPUT_BYTES_MAX = 256 * 1024 ** 3;

/** What a worker can train with. */
export interface Trainers {
  readonly runners: readonly JobSpec["runner"][];
  /** The sleap-nn that is installed, where that is known. */
  readonly sleapNnVersion?: string | undefined;
}

/** Why a worker that has `runners` does not take the job; `undefined` where it does. */
export function objectionTo(
  spec: JobSpec,
  inputs: Manifest,
  { runners, sleapNnVersion }: Trainers,
): Refused | undefined {
  if (!runners.includes(spec.runner)) {
    const has = runners.join(", ") || "none";
    return { code: "no_runner", reason: `The worker has no runner ${spec.runner}; it has ${has}` };
  }
  const absent = namesOf(spec).find(([name]) =>
    !inputs.files.some(({ path }) => path === name || path.startsWith(`${name}/`))
  );
  if (absent !== undefined) {
    const [name, what] = absent;
    return { code: "unsuitable", reason: `The ${what} ${name} is not among the inputs` };
  }
  const bytes = inputs.files.reduce((sum, file) => sum + file.bytes, 0);
  if (bytes <= INPUT_BYTES_MAX) return objectionToConfigs(spec, sleapNnVersion);
  const reason = `The inputs have ${bytes} bytes; the worker takes ${INPUT_BYTES_MAX}`;
  return { code: "too_large", reason };
}

/** A client has looked at them too, to tell the line of its own file; a worker trusts no client. */
function objectionToConfigs(
  spec: JobSpec,
  installed: string | undefined,
): Refused | undefined {
  const replaced = broughtKeysOf(spec);
  for (const [index, text] of configTextsOf(spec).entries()) {
    const config = readTrainingConfig(text, { replaced });
    if (!("message" in config)) {
      const { sleapNnVersion: wanted } = config;
      if (wanted === undefined || installed === undefined || !isNewer(wanted, installed)) continue;
      const reason = `The configuration is of sleap-nn ${wanted}, the worker has ${installed}; ` +
        "update sleap-nn there, or export the configuration by the older one";
      return { code: "unsuitable", reason };
    }
    const where = `(configuration ${index + 1}, line ${config.line})`;
    return { code: "unsuitable", reason: `${config.message} ${where}` };
  }
  return undefined;
}

/**
 * Whether a configuration of one version may say what another does not know yet: whether its first two
 * numbers are higher. What is no such version is not compared.
 */
function isNewer(version: string, than: string): boolean {
  const numbers = (text: string) => (/^(\d+)\.(\d+)/.exec(text) ?? []).slice(1).map(Number);
  const [[major, minor], [thanMajor, thanMinor]] = [numbers(version), numbers(than)];
  if (major === undefined || minor === undefined) return false;
  if (thanMajor === undefined || thanMinor === undefined) return false;
  return major > thanMajor || (major === thanMajor && minor > thanMinor);
}

/** What the job names of its inputs, and what it takes each for. */
function namesOf(spec: JobSpec): [name: string, what: string][] {
  const names: [string, string][] = [[spec.package, "package"]];
  if (spec.kind === "track") {
    names.push(...spec.models.map((name): [string, string] => [name, "model"]));
  } else if (spec.runner === "sleap-nn") {
    if (spec.val_package !== undefined) names.push([spec.val_package, "validation package"]);
    if (spec.resume_ckpt !== undefined) names.push([spec.resume_ckpt, "checkpoint"]);
  }
  return names;
}
