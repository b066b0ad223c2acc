import { equal, match } from "node:assert/strict";
import { objectionTo } from "../../lib/job/suitability.ts";
import type { JobSpec } from "../../lib/protocol/job_spec.ts";
import type { Manifest } from "../../lib/protocol/manifest.ts";
import { sha256Of } from "../../lib/runtime/file_digest.ts";
import { SAMPLE_CONFIG } from "./sample_config.ts";

const SPEC: JobSpec = { kind: "train", runner: "demo", package: "fly.pkg.slp", run_name: "fly" };
const inputs = (path: string, bytes: number): Manifest => ({
  files: [{ path, bytes, sha256: sha256Of("a".repeat(64)) }],
});

const RESUMED: JobSpec = {
  ...SPEC,
  runner: "sleap-nn",
  config_content: SAMPLE_CONFIG,
  resume_ckpt: "resume/best.ckpt",
};
const TRACK: JobSpec = { ...SPEC, kind: "track", models: ["models/1"] };
const namings: [string, JobSpec, string[], RegExp][] = [
  ["a model's folder that is there", TRACK, ["fly.pkg.slp", "models/1/best_model.json"], /^$/],
  [
    "a model's folder that is not",
    TRACK,
    ["fly.pkg.slp", "models/10/x"],
    /^The model models\/1 is not/,
  ],
  [
    "labels to validate on that are not there",
    { ...RESUMED, val_package: "validation/val.slp" },
    ["fly.pkg.slp", "resume/best.ckpt"],
    /^The validation package validation\/val\.slp is not/,
  ],
  ["a checkpoint that is there", RESUMED, ["fly.pkg.slp", "resume/best.ckpt"], /^$/],
  [
    "a checkpoint that is not",
    RESUMED,
    ["fly.pkg.slp"],
    /^The checkpoint resume\/best\.ckpt is not/,
  ],
];
for (const [what, spec, paths, reason] of namings) {
  Deno.test(`suitability: ${what}`, () => {
    const files = paths.flatMap((path) => inputs(path, 1).files);
    match(objectionTo(spec, { files }, { runners: ["sleap-nn", "demo"] })?.reason ?? "", reason);
  });
}

const NAMES_A_FILE = SAMPLE_CONFIG.replace("{}", "{test_file_path: /etc/shadow}");
const RESUMES = SAMPLE_CONFIG.replace(
  "trainer_config: {}",
  "trainer_config: {resume_ckpt_path: a}",
);
const { resume_ckpt: _, ...FRESH } = RESUMED;
const configs: [string, JobSpec, RegExp][] = [
  ["that is well", FRESH, /^$/],
  [
    "that is none",
    { ...FRESH, config_content: "a: 1" },
    /^Expected .* \(configuration 1, line 1\)$/,
  ],
  [
    "that names a file of the worker",
    { ...FRESH, config_content: NAMES_A_FILE },
    /test_file_path, got "\/etc\/shadow".*configuration 1, line 1/,
  ],
  [
    "that does so in a later model",
    { ...FRESH, next_config_contents: [NAMES_A_FILE] },
    /shadow.*configuration 2, line 1/,
  ],
  ["that goes on from a file", { ...FRESH, config_content: RESUMES }, /resume_ckpt_path, got "a"/],
  ["whose checkpoint was sent", { ...RESUMED, config_content: RESUMES }, /^$/],
];
for (const [what, spec, reason] of configs) {
  Deno.test(`suitability: a configuration ${what}`, () => {
    const files = ["fly.pkg.slp", "resume/best.ckpt"].flatMap((path) => inputs(path, 1).files);
    const objection = objectionTo(spec, { files }, { runners: ["sleap-nn", "demo"] });
    match(objection?.reason ?? "", reason);
    equal(objection?.code, objection === undefined ? undefined : "unsuitable");
  });
}

const cases: [string, Manifest, readonly JobSpec["runner"][], string | undefined, RegExp][] = [
  ["a job that fits", inputs("fly.pkg.slp", 7), ["demo"], undefined, /^$/],
  ["another runner", inputs("fly.pkg.slp", 7), ["sleap-nn"], "no_runner", /demo; it has sleap-nn$/],
  ["no runner", inputs("fly.pkg.slp", 7), [], "no_runner", /it has none$/],
  ["no package", inputs("other.slp", 7), ["demo"], "unsuitable", /is not among the inputs$/],
  ["too much", inputs("fly.pkg.slp", 2 ** 40), ["demo"], "too_large", /have 1099511627776 bytes/],
];
for (const [what, manifest, runners, code, reason] of cases) {
  Deno.test(`suitability: ${what}`, () => {
    const objection = objectionTo(SPEC, manifest, { runners });
    equal(objection?.code, code);
    match(objection?.reason ?? "", reason);
  });
}

const versions: [string, string | undefined, boolean][] = [
  ["0.2.0", "0.1.9", true],
  ["1.0.0", "0.9.0", true],
  ["0.1.9", "0.1.2", false],
  ["0.1.0a3", "0.2.0", false],
  ["0.9.0", "1.0.0", false],
  ["0.2.0", undefined, false],
  ["main", "0.1.0", false],
];
for (const [wanted, sleapNnVersion, isRefused] of versions) {
  Deno.test(`suitability: a configuration of sleap-nn ${wanted}, where ${sleapNnVersion} is`, () => {
    const spec: JobSpec = {
      ...FRESH,
      config_content: `${SAMPLE_CONFIG}sleap_nn_version: ${wanted}\n`,
    };
    const trainers = { runners: ["sleap-nn"], sleapNnVersion } as const;
    const objection = objectionTo(spec, inputs("fly.pkg.slp", 7), trainers);
    match(
      objection?.reason ?? "",
      isRefused ? /^The configuration is of sleap-nn .* has 0\./ : /^$/,
    );
  });
}
