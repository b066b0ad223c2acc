import { equal } from "node:assert/strict";
import { epochsMaxOf } from "../../lib/job/epoch_limit.ts";
import type { JobSpec } from "../../lib/protocol/job_spec.ts";
import { SAMPLE_CONFIG } from "./sample_config.ts";

const JOB = { package: "fly.pkg.slp", run_name: "fly" };
const limited = (epochs: number) =>
  SAMPLE_CONFIG.replace("trainer_config: {}", `trainer_config: {max_epochs: ${epochs}}`);
const training = (...configs: readonly string[]): JobSpec => {
  const [config_content = "", ...next_config_contents] = configs;
  return { ...JOB, kind: "train", runner: "sleap-nn", config_content, next_config_contents };
};

const cases: [string, JobSpec, number | undefined][] = [
  ["what the configuration says", training(limited(200)), 200],
  [
    "what the job says, before it",
    { ...JOB, kind: "train", runner: "sleap-nn", config_content: limited(200), max_epochs: 5 },
    5,
  ],
  ["nothing that says so", training(SAMPLE_CONFIG), undefined],
  ["several models that agree", training(limited(200), limited(200)), 200],
  ["several models that do not", training(limited(200), limited(100)), undefined],
  ["several models, one of which says nothing", training(limited(200), SAMPLE_CONFIG), undefined],
  ["the demo", { ...JOB, kind: "train", runner: "demo", max_epochs: 3 }, 3],
  ["predictions", { ...JOB, kind: "track", runner: "demo", models: ["m"] }, undefined],
];
for (const [what, spec, epochs] of cases) {
  Deno.test(`epochs at most: ${what}`, () => equal(epochsMaxOf(spec), epochs));
}
