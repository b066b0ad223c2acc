import { deepEqual, match } from "node:assert/strict";
import { decode } from "../../lib/protocol/decode.ts";
import { CONFIG_BYTES_MAX, jobSpecSchema } from "../../lib/protocol/job_spec.ts";

const DEMO = { kind: "train", runner: "demo", package: "fly.pkg.slp", run_name: "fly-1" };
const SLEAP_NN = { ...DEMO, runner: "sleap-nn", config_content: "trainer_config: {}\n" };

const accepted: [string, unknown][] = [
  ["a demo that leaves all to its defaults", DEMO],
  ["a demo with all it can say", {
    ...DEMO,
    max_epochs: 10_000,
    batch_size: 256,
    learning_rate: 1,
    seed: 0,
  }],
  ["a sleap-nn training", SLEAP_NN],
  ["a sleap-nn training with all it can say", {
    ...SLEAP_NN,
    package: "inputs/my flies.pkg.slp",
    model_types: ["centroid"],
    resume_ckpt: "best.ckpt",
    max_epochs: 1,
    batch_size: 1,
    learning_rate: 1e-10,
  }],
  ["a configuration as long as may be", {
    ...SLEAP_NN,
    config_content: "#".repeat(CONFIG_BYTES_MAX),
  }],
];

for (const [what, spec] of accepted) {
  Deno.test(`a job specification is accepted: ${what}`, () => {
    deepEqual(decode(spec, jobSpecSchema), { ok: true, value: spec });
  });
}

const refused: [string, unknown, RegExp][] = [
  ["no kind", { ...DEMO, kind: undefined }, /kind/],
  ["a runner nobody knows", { ...DEMO, runner: "bash" }, /runner/],
  ["an unknown field", { ...DEMO, max_epoch: 3 }, /max_epoch/],
  ["a configuration for demo", { ...DEMO, config_content: "a: 1" }, /config_content/],
  ["no configuration", { ...SLEAP_NN, config_content: undefined }, /export one in SLEAP/],
  ["a blank configuration", { ...SLEAP_NN, config_content: " \n" }, /Expected config_content/],
  [
    "a configuration too long in bytes, not in characters",
    { ...SLEAP_NN, config_content: "é".repeat(CONFIG_BYTES_MAX / 2 + 1) },
    /256 KiB/,
  ],
  ["a package like an option", { ...DEMO, package: "--config-dir" }, /package.*starts with `-`/],
  ["a folder like an option", { ...DEMO, package: "a/-b.slp" }, /starts with `-`/],
  ["a package that climbs", { ...DEMO, package: "../../etc/passwd" }, /package/],
  ["an absolute package", { ...DEMO, package: "/etc/passwd" }, /package/],
  ["a checkpoint like an option", { ...SLEAP_NN, resume_ckpt: "-x" }, /resume_ckpt/],
  ["a run name like an option", { ...DEMO, run_name: "-x" }, /run_name/],
  ["a hidden run name", { ...DEMO, run_name: ".." }, /run_name/],
  ["a run name that is a path", { ...DEMO, run_name: "a/b" }, /run_name/],
  ["a run name with a second line", { ...DEMO, run_name: "a\nb" }, /run_name/],
  ["a run name too long", { ...DEMO, run_name: "a".repeat(65) }, /run_name/],
  ["no epoch", { ...DEMO, max_epochs: 0 }, /max_epochs/],
  ["too many epochs", { ...DEMO, max_epochs: 10_001 }, /max_epochs/],
  ["half an epoch", { ...DEMO, max_epochs: 1.5 }, /max_epochs/],
  ["too large a batch", { ...DEMO, batch_size: 257 }, /batch_size/],
  ["no learning", { ...DEMO, learning_rate: 0 }, /learning_rate/],
  ["a learning rate in words", { ...DEMO, learning_rate: "0.1" }, /learning_rate/],
];

for (const [what, spec, reason] of refused) {
  Deno.test(`a job specification is refused: ${what}`, () => {
    const decoded = decode(spec, jobSpecSchema);
    match(decoded.ok ? "accepted" : decoded.reason, reason);
  });
}
