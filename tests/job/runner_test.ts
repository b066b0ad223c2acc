import { deepEqual, equal, throws } from "node:assert/strict";
import {
  type Executables,
  logsOf,
  type RunnerPaths,
  runnerStages,
  stagesCommand,
} from "../../lib/job/runner.ts";
import type { JobSpec } from "../../lib/protocol/job_spec.ts";

const PATHS: RunnerPaths = {
  package: "/jobs/1/inputs/fly.pkg.slp",
  output: "/jobs/1/output",
  config: { folder: "/jobs/1", names: ["config.yaml"] },
  models: [],
};
const EXECUTABLES = {
  sleapNn: "/opt/sleap/bin/sleap-nn",
  self: { executable: "/usr/bin/deno", leading: ["run", "-A", "main.ts"] },
};
const SLEAP_NN: JobSpec = {
  kind: "train",
  runner: "sleap-nn",
  package: "fly.pkg.slp",
  run_name: "fly",
  config_content: "trainer_config: {}",
};
const DEMO: JobSpec = { kind: "train", runner: "demo", package: "fly.pkg.slp", run_name: "fly" };

/** The only process of a job. */
function stagesOf(spec: JobSpec, paths: RunnerPaths, executables: Executables) {
  return stagesCommand(runnerStages(spec, paths, executables), "/jobs/1/stages.json", executables);
}

const HEAD = ["train", "--config-name", "config.yaml", "--config-dir", "/jobs/1"];
const LABELS = "data_config.train_labels_path=[/jobs/1/inputs/fly.pkg.slp]";
const TAIL = [
  "++data_config.cache_img_path=null",
  "++trainer_config.ckpt_dir=/jobs/1/output",
  "++trainer_config.zmq.controller_port=null",
  "++trainer_config.zmq.publish_port=null",
];

const vectors: [string, JobSpec, RunnerPaths, string[]][] = [
  ["sleap-nn, as its configuration says", SLEAP_NN, PATHS, [
    ...HEAD,
    LABELS,
    "trainer_config.run_name=fly",
    ...TAIL,
  ]],
  [
    "sleap-nn, with every override in the original's order",
    {
      ...SLEAP_NN,
      max_epochs: 30,
      batch_size: 8,
      learning_rate: 1e-10,
      resume_ckpt: "best.ckpt",
      model_types: ["centroid"],
    },
    { ...PATHS, resumeCheckpoint: "/jobs/1/inputs/best.ckpt" },
    [
      ...HEAD,
      LABELS,
      "trainer_config.max_epochs=30",
      "trainer_config.train_data_loader.batch_size=8",
      "trainer_config.val_data_loader.batch_size=8",
      "trainer_config.optimizer.lr=1e-10",
      "trainer_config.run_name=fly",
      "trainer_config.resume_ckpt_path=/jobs/1/inputs/best.ckpt",
      ...TAIL,
    ],
  ],
  [
    "sleap-nn, with labels to validate on",
    { ...SLEAP_NN, val_package: "validation/val.pkg.slp" },
    { ...PATHS, validation: "/jobs/1/inputs/validation/val.pkg.slp" },
    [
      ...HEAD,
      LABELS,
      "data_config.val_labels_path=[/jobs/1/inputs/validation/val.pkg.slp]",
      "trainer_config.run_name=fly",
      ...TAIL,
    ],
  ],
  ["demo, by its defaults", DEMO, PATHS, [
    "run",
    "-A",
    "main.ts",
    "demo-trainer",
    "--package",
    "/jobs/1/inputs/fly.pkg.slp",
    "--output",
    "/jobs/1/output",
    "--epochs",
    "20",
    "--learning-rate",
    "0.005",
    "--batch-size",
    "4",
    "--seed",
    "1",
  ]],
  [
    "demo, as specified",
    { ...DEMO, max_epochs: 3, batch_size: 1, learning_rate: 0.5, seed: 0 },
    PATHS,
    [
      "run",
      "-A",
      "main.ts",
      "demo-trainer",
      "--package",
      "/jobs/1/inputs/fly.pkg.slp",
      "--output",
      "/jobs/1/output",
      "--epochs",
      "3",
      "--learning-rate",
      "0.5",
      "--batch-size",
      "1",
      "--seed",
      "0",
    ],
  ],
];

for (const [what, spec, paths, args] of vectors) {
  Deno.test(`a runner's arguments: ${what}`, () => {
    const command = stagesOf(spec, paths, EXECUTABLES);
    deepEqual(command.args, args);
    equal(
      command.executable,
      spec.runner === "demo" ? EXECUTABLES.self.executable : EXECUTABLES.sleapNn,
    );
  });
}

// Hydra's override grammar: what is not plainly a string is put in quotes.
const quoted: [string, string][] = [
  ["/jobs/1/a b,c.slp", "'/jobs/1/a b,c.slp'"],
  ["/jobs/[1]/it's.slp", "'/jobs/[1]/it\\'s.slp'"],
  ["/jobs/a\\'b.slp", "'/jobs/a\\\\\\'b.slp'"],
  ["C:\\jobs\\fly.slp", "'C:\\jobs\\fly.slp'"],
  ["C:\\jobs\\", "'C:\\jobs\\\\'"],
  ["/jobs/x=1.slp", "'/jobs/x=1.slp'"],
];
for (const [path, value] of quoted) {
  Deno.test(`a path in an override: ${path}`, () => {
    const { args } = stagesOf(SLEAP_NN, { ...PATHS, package: path }, EXECUTABLES);
    deepEqual(args[5], `data_config.train_labels_path=[${value}]`);
  });
}

for (const name of ["2024", "1e5", "null", "True", "3.14"]) {
  Deno.test(`a run name stays a string: ${name}`, () => {
    const { args } = stagesOf({ ...SLEAP_NN, run_name: name }, PATHS, EXECUTABLES);
    equal(args[6], `trainer_config.run_name='${name}'`);
  });
}

Deno.test("a runner's errors say what was wanted and what to do next", () => {
  throws(
    () => stagesOf(SLEAP_NN, PATHS, { self: EXECUTABLES.self }),
    /Expected sleap-nn on this worker, found none .* install sleap-nn/,
  );
  throws(
    () => stagesOf({ ...SLEAP_NN, resume_ckpt: "best.ckpt" }, PATHS, EXECUTABLES),
    /Expected the path of the checkpoint best\.ckpt/,
  );
  for (const path of ["/jobs/${oc.env:HOME}/a.slp", "/jobs/a\nb.slp"]) {
    throws(
      () => stagesOf(SLEAP_NN, { ...PATHS, package: path }, EXECUTABLES),
      /without control characters and `\$\{`/,
    );
  }
});

Deno.test("a trainer sees no variable that could be a secret", () => {
  for (const spec of [SLEAP_NN, DEMO]) {
    const { environment } = stagesOf(spec, PATHS, EXECUTABLES);
    const suspicious = environment.inherit.filter((name) =>
      /SLEAP_RTC|TOKEN|SECRET|KEY|PASS|AWS|WANDB/.test(name)
    );
    deepEqual(suspicious, []);
    equal(environment.inherit.includes("PATH"), true);
  }
});

Deno.test("a job sees the worker's GPU and no other, by its name", () => {
  const gpuUuid = "GPU-8f2e1c34-0000-0000-0000-000000000000";
  for (const spec of [SLEAP_NN, DEMO]) {
    const alone = stagesOf(spec, PATHS, EXECUTABLES);
    const given = stagesOf(spec, PATHS, { ...EXECUTABLES, gpuUuid });
    equal("CUDA_VISIBLE_DEVICES" in alone.environment.set, false);
    deepEqual(given, {
      ...alone,
      environment: {
        inherit: alone.environment.inherit,
        set: { ...alone.environment.set, CUDA_VISIBLE_DEVICES: gpuUuid },
      },
    });
  }
});

const TRACK: JobSpec = {
  kind: "track",
  runner: "sleap-nn",
  package: "fly.slp",
  run_name: "fly",
  models: ["models/1", "models/2"],
};
const TRACKED: RunnerPaths = {
  ...PATHS,
  models: ["/jobs/1/inputs/models/1", "/jobs/1/inputs/models/2"],
};
const TRACK_HEAD = [
  "track",
  "--data_path",
  PATHS.package,
  "--model_paths",
  "/jobs/1/inputs/models/1",
  "--model_paths",
  "/jobs/1/inputs/models/2",
  "-o",
  "/jobs/1/output/predictions.slp",
];

const trackings: [string, JobSpec, string[]][] = [
  ["as its models say", TRACK, TRACK_HEAD],
  [
    "with every option in the original's order",
    {
      ...TRACK,
      batch_size: 4,
      peak_threshold: 0.25,
      frame_filter: "user",
      exclude_user_labeled: true,
      video_index: 0,
      frames: "0-9,20",
    },
    [
      ...TRACK_HEAD,
      "--batch_size",
      "4",
      "--peak_threshold",
      "0.25",
      "--only_labeled_frames",
      "--exclude_user_labeled",
      "--video_index",
      "0",
      "--frames",
      "0-9,20",
    ],
  ],
];
for (const [what, spec, args] of trackings) {
  Deno.test(`a tracker's arguments: ${what}`, () => {
    deepEqual(stagesOf(spec, TRACKED, EXECUTABLES).args, args);
  });
}

Deno.test("several models and their predictions are stages of one process", () => {
  const spec: JobSpec = {
    ...SLEAP_NN,
    next_config_contents: ["b: 2"],
    model_types: ["centroid", "centered_instance"],
    resume_ckpt: "best.ckpt",
    predict: true,
  };
  const paths: RunnerPaths = {
    ...PATHS,
    config: { folder: "/jobs/1", names: ["config.yaml", "config_2.yaml"] },
    resumeCheckpoint: "/jobs/1/inputs/best.ckpt",
  };
  const gpuUuid = "GPU-1";
  const stages = runnerStages(spec, paths, { ...EXECUTABLES, gpuUuid });
  deepEqual(stages.map(({ title }) => title), [
    "Training model 1/2: centroid",
    "Training model 2/2: centered_instance",
    "Predicting on the labels",
  ]);
  deepEqual(logsOf(spec), [
    ["output/fly.1.centroid/training_log.csv"],
    ["output/fly.2.centered_instance/training_log.csv"],
  ]);
  const resumed = stages.map(({ command }) =>
    command.args.find((word) => word.includes("trainer_config.resume_ckpt_path="))
  );
  deepEqual(resumed, [
    "trainer_config.resume_ckpt_path=/jobs/1/inputs/best.ckpt",
    "++trainer_config.resume_ckpt_path=null",
    undefined,
  ]);
  const command = stagesCommand(stages, "/jobs/1/stages.json", EXECUTABLES);
  deepEqual([command.executable, ...command.args], [
    "/usr/bin/deno",
    "run",
    "-A",
    "main.ts",
    "job-stages",
    "--plan",
    "/jobs/1/stages.json",
  ]);
  equal(command.environment.set["CUDA_VISIBLE_DEVICES"], gpuUuid);
  equal(command.environment.set["PYTHONUNBUFFERED"], "1");
});
