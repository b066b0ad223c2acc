/**
 * Jobs with videos elsewhere, several models and predictions, from a laptop to a worker and back: a
 * real server, werift links and real processes. sleap-nn is a script here that says how it was called.
 */

import { deepEqual, equal, match, ok } from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { SILENT_LOG } from "../../lib/base/log.ts";
import type { SubmissionEvent } from "../../lib/client/event.ts";
import { FilesMissing } from "../../lib/client/refusal.ts";
import { rehearse } from "../../lib/client/rehearsal.ts";
import type { JobSpec } from "../../lib/protocol/job_spec.ts";
import { temporaryIdentity } from "../../lib/runtime/credentials.ts";
import { MountTable } from "../../lib/runtime/mount_table.ts";
import { writeSamplePackage } from "../../lib/runtime/training_package.ts";
import { listVideos } from "../../lib/runtime/training_package/video_list.ts";
import { SAMPLE_CONFIG } from "../job/sample_config.ts";
import { withFolder } from "../runtime/condition.ts";
import { writeOutsideLabels } from "../runtime/outside_labels.ts";
import { SignalingLab } from "../runtime/signaling_lab.ts";
import { recordsOf, submit, TrainingWorker } from "./training_lab.ts";

/** werift's own timers and address look-ups outlive its links by up to a second (TRAPS). */
const WITH_WERIFT = { sanitizeOps: false, sanitizeResources: false };
/** Writes down each argument, and keeps the labels that it was given. */
const RECORDS = [
  "n=$(ls output | grep -c calls || true)",
  'printf "%s\\n" "$@" > output/calls.$n',
  "mkdir -p output/fly; echo model > output/fly/best.ckpt",
  // The worker removes them when the job has ended.
  "[ -e seen ] || cp -a inputs seen",
  "ls -la resolved > output/resolved.txt 2>/dev/null || true",
  "cp resolved/*.slp output/labels.slp 2>/dev/null || true",
].join("\n");

const SPEC: JobSpec = {
  kind: "train",
  runner: "sleap-nn",
  package: "labels.slp",
  run_name: "fly",
  config_content: SAMPLE_CONFIG,
};

interface Scene {
  readonly signaling: SignalingLab;
  readonly worker: TrainingWorker;
  readonly folder: string;
  /** The worker's mount `lab`. */
  readonly mount: string;
}

function test(what: string, body: (scene: Scene) => Promise<void>): void {
  Deno.test({
    name: `a prepared job: ${what}`,
    ignore: Deno.build.os === "windows",
    ...WITH_WERIFT,
    fn: () =>
      SignalingLab.with((signaling) =>
        withFolder(async (given) => {
          const folder = await Deno.realPath(given);
          const mount = join(folder, "worker", "mount");
          await Deno.mkdir(mount, { recursive: true });
          const worker = await TrainingWorker.start(
            join(folder, "worker"),
            RECORDS,
            signaling,
            mount,
          );
          try {
            await body({ signaling, worker, folder, mount });
          } finally {
            await worker.stop();
          }
        })
      ),
  });
}

async function namesIn(folder: string): Promise<string[]> {
  return (await Array.fromAsync(Deno.readDir(folder))).map(({ name }) => name);
}

async function write(path: string): Promise<void> {
  await Deno.mkdir(join(path, ".."), { recursive: true });
  await Deno.writeTextFile(path, "frames");
}

test("videos are found under the worker's mount, and the labels that are trained on name them", async (scene) => {
  const { signaling, folder, mount } = scene;
  const videos = ["C:\\Users\\ann\\fly\\day1\\clip.mp4", "/home/ann/fly/day2/other.mp4"];
  await write(join(mount, "fly", "day1", "clip.mp4"));
  await write(join(mount, "fly", "day2", "other.mp4"));
  const packagePath = join(folder, "labels.slp");
  await writeOutsideLabels(packagePath, videos);
  await submit(signaling, { folder, packagePath, spec: { ...SPEC, videos } });
  const calls = await Deno.readTextFile(join(folder, "results", "calls.0"));
  match(calls, /^data_config\.train_labels_path=\[.*\/resolved\/labels\.slp\]$/m);
  const listed = await listVideos(join(folder, "results", "labels.slp"));
  const files = listed.flatMap((video) => video.files);
  equal(files.length, 2);
  // Either the path itself fits, or a link beside the labels stands for it.
  const links = await Deno.readTextFile(join(folder, "results", "resolved.txt"));
  for (const [index, file] of files.entries()) {
    const target = [join(mount, "fly/day1/clip.mp4"), join(mount, "fly/day2/other.mp4")][index] ??
      "";
    ok(file === target || links.includes(`${file.replace("resolved/", "")} -> ${target}`), file);
  }
});

test("what lies under a mount of both is not sent, and what the worker's mount lacks is", async (scene) => {
  const { signaling, folder, mount, worker } = scene;
  const ours = join(folder, "ours");
  const [packagePath, video] = [join(ours, "day1", "labels.slp"), join(ours, "day1", "clip.mp4")];
  await write(video);
  await writeOutsideLabels(packagePath, ["/home/ann/videos/clip.mp4"]);
  const mounts = await MountTable.open([{ label: "lab", path: ours }]);
  // Under this path it is nowhere under the mount: it is found among the inputs, or not at all.
  const others = [{ path: "videos/clip.mp4", local: video }];
  await Deno.mkdir(join(mount, "day1"));
  await Deno.copyFile(packagePath, join(mount, "day1", "labels.slp"));
  // The same name with other bytes: nobody's word is taken for what a file has.
  await Deno.writeTextFile(join(mount, "day1", "clip.mp4"), "others");
  await submit(signaling, { folder, packagePath, others, mounts, spec: SPEC });
  const [job = ""] = await namesIn(join(worker.folder, "jobs"));
  const inputs = join(worker.folder, "jobs", job, "seen");
  equal(await Deno.readLink(join(inputs, "labels.slp")), join(mount, "day1", "labels.slp"));
  equal((await Deno.lstat(join(inputs, "videos", "clip.mp4"))).isFile, true);
  equal(await Deno.readTextFile(join(inputs, "videos", "clip.mp4")), "frames");

  // A video that both see is found among the inputs, and nothing is copied.
  await Deno.copyFile(video, join(mount, "day1", "clip.mp4"));
  await Deno.remove(join(folder, "results"), { recursive: true });
  await submit(signaling, { folder, packagePath, others, mounts, spec: SPEC });
  const jobs = await namesIn(join(worker.folder, "jobs"));
  const next = join(worker.folder, "jobs", jobs.find((name) => name !== job) ?? "", "seen");
  equal(await Deno.readLink(join(next, "videos", "clip.mp4")), join(mount, "day1", "clip.mp4"));

  // Who wants everything sent gets it sent.
  await Deno.remove(join(folder, "results"), { recursive: true });
  await submit(signaling, { folder, packagePath, others, mounts, spec: SPEC, isFresh: true });
  const last = (await namesIn(join(worker.folder, "jobs"))).find((name) => !jobs.includes(name));
  const fresh = join(worker.folder, "jobs", last ?? "", "seen", "labels.slp");
  equal((await Deno.lstat(fresh)).isSymlink, false);
});

test("a video that is missing is refused before anything is sent, with what comes nearest", async (scene) => {
  const { signaling, folder, mount, worker } = scene;
  const videos = ["/home/ann/fly/clip.mp4"];
  await write(join(mount, "mouse", "clip.mp4"));
  const packagePath = join(folder, "labels.slp");
  await writeOutsideLabels(packagePath, videos);
  const events: SubmissionEvent[] = [];
  const watch = (event: SubmissionEvent) => events.push(event);
  const spec: JobSpec = { ...SPEC, videos };
  const error = await submit(signaling, { folder, packagePath, spec, watch }).catch((failure) =>
    failure
  );
  ok(error instanceof FilesMissing, String(error));
  deepEqual(error.lists.map(({ missing }) => missing), [[
    { path: "/home/ann/fly/clip.mp4", candidates: ["lab:mouse/clip.mp4"] },
  ]]);
  match(
    error.message,
    /does not find "\/home\/ann\/fly\/clip\.mp4"; its mounts are lab; say where with --map/,
  );
  ok(!events.some(({ type }) => type === "uploaded" || type === "leased"));
  deepEqual(worker.statuses, []);
  // With the map it runs, and the next time the worker knows by itself.
  const identity = temporaryIdentity();
  const maps = [{ from: "/home/ann/fly", to: "lab:mouse" }];
  await submit(signaling, { folder, packagePath, identity, spec: { ...spec, maps } });
  await Deno.remove(join(folder, "results"), { recursive: true });
  await submit(signaling, { folder, packagePath, identity, spec });
});

test("labels that name a video which the client did not tell of are looked into again", async (scene) => {
  const { signaling, folder } = scene;
  const packagePath = join(folder, "labels.slp");
  await writeOutsideLabels(packagePath, ["/etc/passwd"]);
  const error = await submit(signaling, { folder, packagePath, spec: SPEC }).catch((failure) =>
    failure
  );
  match(String(error), /does not find "\/etc\/passwd"/);
  equal(existsSync(join(folder, "results")), false);
});

test("a video that is sent along is used", async (scene) => {
  const { signaling, folder } = scene;
  const videos = ["/home/ann/fly/clip.mp4"];
  const packagePath = join(folder, "labels.slp");
  await writeOutsideLabels(packagePath, videos);
  await write(join(folder, "sent", "clip.mp4"));
  const others = [{ path: "videos/clip.mp4", local: join(folder, "sent", "clip.mp4") }];
  await submit(signaling, { folder, packagePath, others, spec: { ...SPEC, videos } });
  const links = await Deno.readTextFile(join(folder, "results", "resolved.txt"));
  match(links, /0\.mp4 -> .*\/inputs\/videos\/clip\.mp4/);
});

test("several models are trained one after the other, and then predict", async (scene) => {
  const { signaling, folder } = scene;
  const packagePath = join(folder, "sample.pkg.slp");
  await writeSamplePackage(packagePath, { frames: 2, seed: 1, width: 32, height: 32 });
  const lines: string[] = [];
  const watch = (event: SubmissionEvent) => {
    if (event.type === "output") lines.push(event.text);
  };
  const spec: JobSpec = {
    ...SPEC,
    package: "sample.pkg.slp",
    model_types: ["centroid", "centered_instance"],
    next_config_contents: [SAMPLE_CONFIG],
    predict: true,
  };
  const result = await submit(signaling, { folder, packagePath, spec, watch });
  deepEqual(lines, [
    "Training model 1/2: centroid",
    "Training model 2/2: centered_instance",
    "Predicting on the labels",
  ]);
  const call = (number: number) =>
    Deno.readTextFileSync(join(folder, "results", `calls.${number}`)).split("\n");
  deepEqual(call(0).slice(0, 3), ["train", "--config-name", "config.yaml"]);
  deepEqual(call(1).slice(0, 3), ["train", "--config-name", "config_2.yaml"]);
  ok(call(1).includes("trainer_config.run_name=fly.2.centered_instance"));
  deepEqual(call(2).filter((word) => /^(track|--model_paths|-o)$/.test(word)), [
    "track",
    "--model_paths",
    "--model_paths",
    "-o",
  ]);
  ok(call(2).some((word) => word.endsWith("/output/fly.1.centroid")));
  ok(result.files.some(({ path }) => path === "calls.2"));
});

test("the demo model is trained, predicts, and predicts again by `track`", async (scene) => {
  const { signaling, folder } = scene;
  const packagePath = join(folder, "sample.pkg.slp");
  await writeSamplePackage(packagePath, { frames: 6, seed: 3, width: 64, height: 64 });
  const demo = { runner: "demo", package: "sample.pkg.slp", run_name: "demo" } as const;
  const training: JobSpec = { ...demo, kind: "train", max_epochs: 3, predict: true };
  const trained = await submit(signaling, { folder, packagePath, spec: training });
  equal(trained.epochs, 3);
  const names = ["best_model.json", "predictions.slp", "training_log.csv"];
  deepEqual(trained.files.map(({ path }) => path), names);
  const model = join(folder, "model.json");
  await Deno.rename(join(folder, "results", "best_model.json"), model);
  const predictions = await Deno.readFile(join(folder, "results", "predictions.slp"));
  await Deno.remove(join(folder, "results"), { recursive: true });
  const tracking: JobSpec = { ...demo, kind: "track", models: ["models/1"] };
  const others = [{ path: "models/1/best_model.json", local: model }];
  const tracked = await submit(signaling, { folder, packagePath, others, spec: tracking });
  deepEqual(tracked.files.map(({ path }) => path), ["predictions.slp"]);
  equal(
    (await Deno.readFile(join(folder, "results", "predictions.slp"))).length,
    predictions.length,
  );
});

test("a rehearsal says who would run it and why not, and sends nothing", async (scene) => {
  const { signaling, folder, mount, worker } = scene;
  const packagePath = join(folder, "labels.slp");
  const videos = ["/home/ann/fly/clip.mp4"];
  await writeOutsideLabels(packagePath, videos);
  const ask = (spec: JobSpec, minGpuMemoryMb = 0) =>
    rehearse({
      packagePath,
      spec,
      outputFolder: join(folder, "results"),
      reattachMs: 0,
      minGpuMemoryMb,
    }, {
      room: signaling.room,
      identity: temporaryIdentity(),
      rtc: "werift",
      iceServers: [],
      records: recordsOf({ folder }),
      log: SILENT_LOG,
      signal: new AbortController().signal,
      watch: () => {},
    });
  const spec: JobSpec = { ...SPEC, videos };
  const missing = await ask(spec);
  equal(missing.chosen, undefined);
  deepEqual(missing.answers.map((answer) => answer.missing), [[{
    path: videos[0],
    candidates: [],
  }]]);
  await write(join(mount, "fly", "clip.mp4"));
  const { answers, chosen } = await ask(spec);
  deepEqual(answers.map(({ objection }) => objection), [undefined]);
  equal(chosen, answers[0]?.worker);
  const small = await ask(spec, 16_000);
  deepEqual(small.answers.map(({ objection }) => objection), ["has 8000 MB of GPU memory"]);
  deepEqual(worker.statuses, []);
  equal(existsSync(join(folder, "worker", "jobs")), false);
});
