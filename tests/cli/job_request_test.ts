/** What `train` and `track` make of what they are given, before anything is sent. */

import { deepEqual, equal, match, ok, rejects } from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { Mistake } from "../../lib/cli/mistake.ts";
import { prepareTracking, type TrackingFlags } from "../../lib/cli/tracking_request.ts";
import { prepareTraining, runNameOf, type TrainingFlags } from "../../lib/cli/training_request.ts";
import { writeSamplePackage } from "../../lib/runtime/training_package.ts";
import { makeZip } from "../runtime/archive/zip_maker.ts";
import { withFolder } from "../runtime/condition.ts";
import { writeOutsideLabels } from "../runtime/outside_labels.ts";

const TRAINING: TrainingFlags = {
  file: "",
  runner: "sleap-nn",
  configs: [],
  epochs: undefined,
  batchSize: undefined,
  learningRate: undefined,
  runName: undefined,
  valLabels: undefined,
  resume: undefined,
  predict: false,
  maps: [],
};
const TRACKING: TrackingFlags = {
  file: "",
  runner: "sleap-nn",
  models: [],
  batchSize: undefined,
  peakThreshold: undefined,
  only: undefined,
  excludeUserLabeled: false,
  frames: undefined,
  videoIndex: undefined,
  runName: undefined,
  maps: [],
};

/** A configuration of that model. */
function configOf(model: string, part = "head"): string {
  return [
    "data_config: {}",
    "model_config:",
    "  backbone_config: unet",
    "  head_configs:",
    `    ${model}:`,
    "      confmaps:",
    `        anchor_part: ${part}`,
    "trainer_config: {}",
    "",
  ].join("\n");
}

function isMistake(exitCode: number, message: RegExp) {
  return (error: unknown) => {
    if (!(error instanceof Mistake)) return false;
    match(error.message, message);
    return error.exitCode === exitCode;
  };
}

async function samplePackage(folder: string): Promise<string> {
  const file = join(folder, "fly.pkg.slp");
  await writeSamplePackage(file, { frames: 3, seed: 1, width: 48, height: 48 });
  return file;
}

Deno.test("of the configurations that came along, none is left out for a fault, and none of a trained model taken", () =>
  withFolder(async (folder) => {
    await samplePackage(folder);
    const old = join(folder, "models", "old");
    await Deno.mkdir(old, { recursive: true });
    const write = (name: string, text: string) => Deno.writeTextFile(join(folder, name), text);
    await write("centered.yaml", configOf("centered_instance"));
    for (const name of ["initial_config.yaml", "training_config.yaml", "best.ckpt"]) {
      await write(`models/old/${name}`, configOf("bottomup"));
    }
    await write("metrics.json", `{"x": "${"x".repeat(300 * 1024)}"}`);
    await write("notes.json", "{ not JSON");
    const flags: TrainingFlags = { ...TRAINING, file: folder };
    await using job = await prepareTraining(flags);
    ok(job.spec.kind === "train" && job.spec.runner === "sleap-nn");
    deepEqual(job.spec.model_types, ["centered_instance"]);
    const faulty: [string, RegExp][] = [
      [configOf("centroid", "wing"), /got "wing" \(centroid\.yaml, line 7\)$/],
      [configOf("centroid").replace("centroid:", "centroid: ["), /got text that is not/],
      [
        JSON.stringify({ model_config: {} }),
        /for data_config, got nothing \(centroid\.yaml, line 1\)$/,
      ],
    ];
    for (const [text, message] of faulty) {
      await write("centroid.yaml", text);
      await rejects(prepareTraining(flags), isMistake(3, message));
    }
  }));

Deno.test("a configuration may not name files of this machine, but for those that are sent", () =>
  withFolder(async (folder) => {
    const file = await samplePackage(folder);
    const config = join(folder, "a.yaml");
    const saying = (key: string) =>
      configOf("centroid").replace("trainer_config: {}", `trainer_config: {${key}}`);
    const flags: TrainingFlags = { ...TRAINING, file, configs: [config] };
    await Deno.writeTextFile(config, saying("resume_ckpt_path: /home/ann/best.ckpt"));
    await rejects(prepareTraining(flags), isMistake(3, /--resume FILE \(.*a\.yaml, line 8\)$/));
    const checkpoint = join(folder, "best.ckpt");
    await Deno.writeTextFile(checkpoint, "");
    await using _job = await prepareTraining({ ...flags, resume: checkpoint });
  }));

Deno.test("labels to validate on are looked into and sent along", () =>
  withFolder(async (folder) => {
    const file = await samplePackage(folder);
    const config = join(folder, "a.yaml");
    const saying = configOf("centroid").replace(
      "data_config: {}",
      "data_config: {val_labels_path: [x]}",
    );
    await Deno.writeTextFile(config, saying);
    const validation = join(folder, "val");
    await writeOutsideLabels(validation, ["/home/ann/clip.mp4"]);
    const flags: TrainingFlags = { ...TRAINING, file, configs: [config], valLabels: file };
    await using job = await prepareTraining(flags);
    ok(job.spec.kind === "train" && job.spec.runner === "sleap-nn");
    equal(job.spec.val_package, "validation/fly.pkg.slp");
    deepEqual(job.others, [{ path: "validation/fly.pkg.slp", local: file }]);
    match(job.facts.join("\n"), /Validation .*fly\.pkg\.slp: 3 labelled frames/);
    const wrong: [Partial<TrainingFlags>, number, RegExp][] = [
      [{ valLabels: config }, 3, /Expected/],
      [{ valLabels: undefined }, 3, /val_labels_path, got a list.*--val-labels/],
      [{ runner: "demo", configs: [] }, 2, /no --val-labels with --runner demo/],
      [{ valLabels: validation }, 3, /Expected labels of head.*from --val-labels/],
    ];
    for (const [change, exitCode, message] of wrong) {
      await rejects(prepareTraining({ ...flags, ...change }), isMistake(exitCode, message));
    }
  }));

Deno.test("run names are made of file names", () => {
  const cases: [string, string][] = [
    ["labels.pkg.slp", "labels"],
    ["data/fly labels.PKG.SLP", "fly-labels"],
    ["data/fly labels.zip", "fly-labels"],
    ["--odd.slp", "odd"],
    ["東京.slp", "training"],
    [`${"x".repeat(80)}.slp`, "x".repeat(64)],
  ];
  for (const [file, name] of cases) equal(runNameOf(file), name);
});

Deno.test("a training with the demo runner is checked before anything is sent", () =>
  withFolder(async (folder) => {
    const file = await samplePackage(folder);
    const flags: TrainingFlags = { ...TRAINING, file, runner: "demo", epochs: 3 };
    await using job = await prepareTraining(flags);
    deepEqual(job.spec, {
      kind: "train",
      runner: "demo",
      package: "fly.pkg.slp",
      run_name: "fly",
      max_epochs: 3,
    });
    match(job.facts.join("\n"), /3 labelled frames, 3 keypoints/);
    const text = join(folder, "text.slp");
    await Deno.writeTextFile(text, "{}");
    const outside = join(folder, "outside.slp");
    await writeOutsideLabels(outside, ["/home/ann/clip.mp4"]);
    const cases: [Partial<TrainingFlags>, number, RegExp][] = [
      [{ runner: "sleap-nn" }, 2, /--config FILE\.yaml.*--runner demo/],
      [{ configs: ["c.yaml"] }, 2, /no --config with --runner demo/],
      [{ resume: "c.ckpt" }, 2, /no --resume with --runner demo/],
      [{ file: text }, 3, /Expected/],
      [{ file: outside }, 3, /labels whose frames are elsewhere, in "\/home\/ann\/clip\.mp4"/],
      [{ file: join(folder, "none.slp") }, 3, /no such file/],
      [{ runner: "sleap-nn", configs: [join(folder, "none.yaml")] }, 3, /from --config/],
      [{ runName: "../up" }, 2, /run_name/],
      [{ maps: ["nothing"] }, 2, /Expected FROM=TO for --map, got `nothing`/],
    ];
    for (const [change, exitCode, message] of cases) {
      await rejects(prepareTraining({ ...flags, ...change }), isMistake(exitCode, message));
    }
  }));

Deno.test("several configurations are several models, and each is checked", () =>
  withFolder(async (folder) => {
    const file = await samplePackage(folder);
    const [centroid, centered] = [join(folder, "a.yaml"), join(folder, "b.json")];
    await Deno.writeTextFile(centroid, configOf("centroid"));
    await Deno.writeTextFile(centered, configOf("centered_instance"));
    await using job = await prepareTraining({ ...TRAINING, file, configs: [centroid, centered] });
    const { spec } = job;
    ok(spec.kind === "train" && spec.runner === "sleap-nn");
    deepEqual(spec.model_types, ["centroid", "centered_instance"]);
    equal(spec.config_content, configOf("centroid"));
    deepEqual(spec.next_config_contents, [configOf("centered_instance")]);
    await Deno.writeTextFile(centered, configOf("centered_instance", "wing"));
    await rejects(
      prepareTraining({ ...TRAINING, file, configs: [centroid, centered] }),
      isMistake(3, /Expected parts of the skeleton \(head, .*got "wing" \(.*b\.json, line 7\)$/),
    );
  }));

Deno.test("an archive brings its own configurations and videos, and is gone afterwards", () =>
  withFolder(async (folder) => {
    const labels = join(folder, "labels.slp");
    await writeOutsideLabels(labels, ["C:\\ann\\fly\\clip.mp4", "/elsewhere/other.mp4"]);
    const text = (content: string) => new TextEncoder().encode(content);
    const file = join(folder, "fly.zip");
    await Deno.writeFile(
      file,
      makeZip({
        entries: [
          { name: "job/labels.slp", data: await Deno.readFile(labels) },
          { name: "job/a_centered.yaml", data: text(configOf("centered_instance")) },
          { name: "job/centroid.yaml", data: text(configOf("centroid")) },
          { name: "job/jobs.yaml", data: text("training: []\n") },
          { name: "job/clip.mp4", data: text("frames") },
          { name: "job/train-script.sh", data: text("rm -rf /\n") },
        ],
      }),
    );
    const settings = [{ from: "/ann", to: "lab:ann" }];
    const job = await prepareTraining(
      { ...TRAINING, file, maps: ["/elsewhere=lab:fly"] },
      settings,
    );
    const { spec } = job;
    ok(spec.kind === "train" && spec.runner === "sleap-nn");
    deepEqual(spec.model_types, ["centroid", "centered_instance"]);
    deepEqual(spec.videos, ["C:\\ann\\fly\\clip.mp4", "/elsewhere/other.mp4"]);
    deepEqual(spec.maps, [{ from: "/elsewhere", to: "lab:fly" }, ...settings]);
    deepEqual(job.others.map(({ path }) => path), ["job/clip.mp4"]);
    match(job.facts.join("\n"), /Videos outside of the labels: 2, .* but 1 sent along/);
    // Which labels of it were taken is not to be guessed.
    match(job.facts[0] ?? "", /^Package .*fly\.zip \(job\/labels\.slp\): /);
    ok(existsSync(job.packagePath));
    await job[Symbol.asyncDispose]();
    equal(existsSync(job.packagePath), false);
  }));

Deno.test("a training goes on from a checkpoint of earlier results, and says so", () =>
  withFolder(async (folder) => {
    const file = await samplePackage(folder);
    const config = join(folder, "c.yaml");
    await Deno.writeTextFile(config, configOf("centroid"));
    const run = join(folder, "results", "fly");
    await Deno.mkdir(run, { recursive: true });
    const flags = { ...TRAINING, file, configs: [config], resume: join(folder, "results") };
    await rejects(prepareTraining(flags), isMistake(3, /Expected a trained model \(best\.ckpt/));
    await Deno.writeTextFile(join(run, "best.ckpt"), "weights");
    await using job = await prepareTraining(flags);
    ok(job.spec.kind === "train" && job.spec.runner === "sleap-nn");
    equal(job.spec.resume_ckpt, "resume/checkpoint.ckpt");
    deepEqual(job.others, [{ path: "resume/checkpoint.ckpt", local: join(run, "best.ckpt") }]);
    match(job.facts.join("\n"), /Going on from .*best\.ckpt/);
    await Deno.mkdir(join(folder, "results", "other"));
    await Deno.writeTextFile(join(folder, "results", "other", "best.ckpt"), "weights");
    await rejects(prepareTraining(flags), isMistake(3, /results of one model.*fly.*other/));
    const astray = { ...flags, resume: join(folder, "none") };
    await rejects(prepareTraining(astray), isMistake(3, /at .*none, got no such file or folder/));
  }));

Deno.test("predictions are asked for with all models of some results", () =>
  withFolder(async (folder) => {
    const file = await samplePackage(folder);
    for (const name of ["1.centroid", "2.centered"]) {
      await Deno.mkdir(join(folder, "run", name), { recursive: true });
      for (const kept of ["best.ckpt", "training_config.yaml", "training_log.csv"]) {
        await Deno.writeTextFile(join(folder, "run", name, kept), kept);
      }
    }
    const flags: TrackingFlags = {
      ...TRACKING,
      file,
      models: [join(folder, "run")],
      frames: "0-9,20",
      only: "suggested",
      peakThreshold: 0.5,
    };
    await using job = await prepareTracking(flags);
    deepEqual(job.spec, {
      kind: "track",
      runner: "sleap-nn",
      package: "fly.pkg.slp",
      run_name: "fly",
      models: ["models/1-1.centroid", "models/2-2.centered"],
      peak_threshold: 0.5,
      frame_filter: "suggested",
      frames: "0-9,20",
    });
    deepEqual(job.others.map(({ path }) => path), [
      "models/1-1.centroid/best.ckpt",
      "models/1-1.centroid/training_config.yaml",
      "models/2-2.centered/best.ckpt",
      "models/2-2.centered/training_config.yaml",
    ]);
    const cases: [Partial<TrackingFlags>, number, RegExp][] = [
      [{ models: [] }, 2, /Expected --model FOLDER/],
      [
        { models: [join(folder, "none")] },
        3,
        /results of a training at .*none, got no such folder/,
      ],
      [
        { models: [join(folder, "run", "1.centroid", "best.ckpt")] },
        3,
        /got a file; name its folder/,
      ],
      [{ runner: "demo" }, 3, /Expected a trained model \(best_model\.json\)/],
      [{ frames: "0;rm -rf /" }, 2, /frames: Expected frames such as/],
      [{ frames: "--help" }, 2, /frames/],
    ];
    for (const [change, exitCode, message] of cases) {
      await rejects(prepareTracking({ ...flags, ...change }), isMistake(exitCode, message));
    }
    const video = join(folder, "clip.mp4");
    await Deno.writeTextFile(video, "frames");
    await using onVideo = await prepareTracking({ ...flags, file: video });
    deepEqual([onVideo.spec.package, onVideo.spec.videos], ["clip.mp4", undefined]);
  }));
