/** How many epochs a job trains at most, by what it says or by its configurations. */

import { configTextsOf, type JobSpec } from "../protocol/job_spec.ts";
import { broughtKeysOf } from "./config_files.ts";
import { readTrainingConfig } from "./training_config.ts";

/**
 * Epochs at most of each model that `spec` trains; `undefined` where nothing says so, or where the
 * configurations of several models say different things.
 */
export function epochsMaxOf(spec: JobSpec): number | undefined {
  if (spec.kind !== "train") return undefined;
  if (spec.max_epochs !== undefined) return spec.max_epochs;
  const limits = configTextsOf(spec).map((text) => {
    const config = readTrainingConfig(text, { replaced: broughtKeysOf(spec) });
    return "message" in config ? undefined : config.maxEpochs;
  });
  const [first] = limits;
  return limits.every((limit) => limit === first) ? first : undefined;
}
