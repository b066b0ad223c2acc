/** What a worker looks at before a GPU is touched, besides what `tests/client/prepared_job_test.ts` plays. */

import { deepEqual, equal, match, ok, rejects } from "node:assert/strict";
import { join } from "node:path";
import { isPeerId, type PeerId } from "../../lib/base/id.ts";
import type { JobSpec } from "../../lib/protocol/job_spec.ts";
import { sha256Of } from "../../lib/runtime/file_digest.ts";
import { JobPreparation } from "../../lib/runtime/job_preparation.ts";
import { MapMemory } from "../../lib/runtime/map_memory.ts";
import { MountTable } from "../../lib/runtime/mount_table.ts";
import { listVideos } from "../../lib/runtime/training_package/video_list.ts";
import { SAMPLE_CONFIG } from "../job/sample_config.ts";
import { withFolder } from "./condition.ts";
import { writeOutsideLabels } from "./outside_labels.ts";

function peer(text: string): PeerId {
  if (!isPeerId(text)) throw new Error(`Expected a peer id, got ${text}`);
  return text;
}

const ANN = peer("ann-aaaaaaaaaa");
const NEVER = new AbortController().signal;
const ANN_AGAIN = peer("ann-2-aaaaaaaaaa");
const BOB = peer("bob-bbbbbbbbbb");
const SPEC: JobSpec = { kind: "train", runner: "demo", package: "labels.slp", run_name: "x" };

interface Worker {
  readonly folder: string;
  readonly mount: string;
  readonly job: { readonly path: string; readonly inputs: string };
  readonly preparation: JobPreparation;
}

function test(what: string, body: (worker: Worker) => Promise<void>): void {
  Deno.test({
    name: `preparation: ${what}`,
    ignore: Deno.build.os === "windows",
    fn: () =>
      withFolder(async (given) => {
        const folder = await Deno.realPath(given);
        const mount = join(folder, "mount");
        const job = { path: join(folder, "job"), inputs: join(folder, "job", "inputs") };
        await Deno.mkdir(mount);
        await Deno.mkdir(job.inputs, { recursive: true });
        const mounts = await MountTable.open([{ label: "lab", path: mount }]);
        await body({
          folder,
          mount,
          job,
          preparation: new JobPreparation(folder, { mounts, maps: [], spareableBytes: () => 0 }),
        });
      }),
  });
}

test("what has arrived already needs no room", async ({ folder, preparation }) => {
  const [bytes, sha256] = [2 ** 52, sha256Of("a".repeat(64))];
  const inputs = { files: [{ path: "labels.slp", bytes, sha256 }] };
  await Deno.mkdir(join(folder, "parts"));
  equal(preparation.objectionOfDisk(inputs)?.code, "too_large");
  const reason = () => preparation.objectionOfDisk(inputs)?.reason ?? "";
  const toCome = () => /Expected ([\d.]+) MB/.exec(reason())?.[1];
  const less = (arrived: number) => ((bytes - arrived) / 1e6).toFixed(0);
  await Deno.writeFile(join(folder, "parts", `${sha256}.part`), new Uint8Array(4_096_000));
  equal(toCome(), less(4_096_000));
  // Its holes are still to come.
  await Deno.truncate(join(folder, "parts", `${sha256}.part`), 10_000_000);
  equal(toCome(), less(4_096_000));
  await Deno.writeFile(join(folder, "parts", `${sha256}.whole`), new Uint8Array(8_192_000));
  equal(toCome(), less(8_192_000));
  // A whole file of another job that did not run would be given up; it need not be all there.
  const free = () => 1e6 * Number(/got ([\d.]+) MB/.exec(reason())?.[1]);
  const before = free();
  const other = join(folder, "parts", `${"b".repeat(64)}.whole`);
  await Deno.writeTextFile(other, "");
  await Deno.truncate(other, 2 ** 40);
  ok(free() - before > 2 ** 39, `${free()} bytes, ${before} before`);
});

test("inputs above the worker's own limit are refused, whatever has arrived of them", async ({ folder, mount }) => {
  const mounts = await MountTable.open([{ label: "lab", path: mount }]);
  const limited = { mounts, maps: [], spareableBytes: () => 0, inputsBytesMax: 1_000_000 };
  const preparation = new JobPreparation(folder, limited);
  const [sent, seen] = [sha256Of("a".repeat(64)), sha256Of("b".repeat(64))];
  const shared = { mount: "lab", path: "seen.mp4" };
  const inputs = (bytes: number) => ({
    files: [
      { path: "labels.slp", bytes, sha256: sent },
      { path: "seen.mp4", bytes: 2 ** 40, sha256: seen, shared },
    ],
  });
  await Deno.mkdir(join(folder, "parts"));
  await Deno.writeFile(join(folder, "parts", `${sent}.whole`), new Uint8Array(1_100_000));
  equal(preparation.objectionOfDisk(inputs(1_000_000)), undefined);
  deepEqual(preparation.objectionOfDisk(inputs(1_100_000)), {
    code: "too_large",
    reason: "Expected inputs of at most 1.0 MB, which this worker takes for a job (its " +
      "--inputs-max), got 1.1 MB; send less, or name files that it has mounted",
  });
});

test("inputs that the disk cannot take are refused", (worker) => {
  const inputs = (bytes: number) => ({
    files: [{ path: "labels.slp", bytes, sha256: sha256Of("a".repeat(64)) }],
  });
  equal(worker.preparation.objectionOfDisk(inputs(1)), undefined);
  const objection = worker.preparation.objectionOfDisk(inputs(2 ** 52));
  equal(objection?.code, "too_large");
  match(
    objection?.reason ?? "",
    /^Expected 4503599627 MB on the worker's disk, and 100 MB to spare, got [\d.]+ MB; make room/,
  );
  return Promise.resolve();
});

test("a trainer that is gone since the worker began is an objection", async ({ folder, mount }) => {
  const sleapNn = join(mount, "sleap-nn");
  await Deno.writeTextFile(sleapNn, "", { mode: 0o755 });
  const mounts = MountTable.none;
  const preparation = new JobPreparation(folder, {
    mounts,
    maps: [],
    sleapNn,
    spareableBytes: () => 0,
  });
  const trains: JobSpec = { ...SPEC, runner: "sleap-nn", config_content: SAMPLE_CONFIG };
  equal(await preparation.objectionOfTrainer(trains), undefined);
  await Deno.remove(sleapNn);
  equal((await preparation.objectionOfTrainer(trains))?.code, "no_runner");
  equal(await preparation.objectionOfTrainer(SPEC), undefined);
});

test("what is learnt of one key's paths leads no other key's jobs", async ({ mount, folder, preparation }) => {
  await Deno.mkdir(join(mount, "moved"));
  await Deno.writeTextFile(join(mount, "moved", "clip.mp4"), "");
  await new MapMemory(folder).learn(ANN, [{ from: "/home/ann/fly", to: "lab:moved" }]);
  const spec: JobSpec = { ...SPEC, videos: ["/home/ann/fly/clip.mp4"] };
  const inputs = { files: [] };
  equal(await preparation.objectionOfPaths(ANN, spec, inputs), undefined);
  equal(await preparation.objectionOfPaths(ANN_AGAIN, spec, inputs), undefined);
  const objection = await preparation.objectionOfPaths(BOB, spec, inputs);
  deepEqual(objection?.missing, [{
    path: "/home/ann/fly/clip.mp4",
    candidates: ["lab:moved/clip.mp4"],
  }]);
});

test("a newer lesson takes the place of an older one, and a spoilt file is told", async ({ folder }) => {
  const memory = new MapMemory(folder);
  await memory.learn(ANN, [{ from: "/a", to: "/1" }, { from: "/b", to: "/2" }]);
  await memory.learn(BOB, [{ from: "/a", to: "/bob" }]);
  await memory.learn(ANN_AGAIN, [{ from: "/a", to: "/3" }]);
  deepEqual(await memory.of(ANN), [{ from: "/a", to: "/3" }, { from: "/b", to: "/2" }]);
  deepEqual(await memory.of(BOB), [{ from: "/a", to: "/bob" }]);
  await Deno.writeTextFile(join(folder, "maps.json"), "{");
  await rejects(memory.of(ANN), /maps\.json as a worker writes it/);
});

test("the labels as they came stay as they are", async ({ mount, job, preparation }) => {
  const path = join(job.inputs, "labels.slp");
  await writeOutsideLabels(path, ["/home/ann/fly/clip.mp4"]);
  await Deno.mkdir(join(mount, "fly"));
  await Deno.writeTextFile(join(mount, "fly", "clip.mp4"), "frames");
  const before = await Deno.readFile(path);
  const { package: copy } = await preparation.labelsFor(ANN, SPEC, job, NEVER);
  equal(copy, join(job.path, "resolved", "labels.slp"));
  deepEqual(await Deno.readFile(path), before);
  const [video] = await listVideos(copy);
  const file = video?.files[0] ?? "";
  // Where the path itself does not fit, the trainer finds the video by a link, from where it starts.
  const real = await Deno.realPath(file.startsWith("/") ? file : join(job.path, file));
  equal(real, join(mount, "fly", "clip.mp4"));
});

/** Labels of a sequence of pictures. */
async function writeSequence(path: string, pictures: readonly string[]): Promise<void> {
  await writeOutsideLabels(path, [[...pictures]]);
}

const PICTURES = [
  "/home/ann/a folder of pictures/0001.png",
  "/home/ann/a folder of pictures/0002.png",
];

test("a sequence of pictures is found as a whole", async ({ mount, job, preparation }) => {
  await writeSequence(join(job.inputs, "labels.slp"), PICTURES);
  const folder = join(mount, "a folder of pictures");
  await Deno.mkdir(folder);
  await Deno.writeTextFile(join(folder, "0001.png"), "");
  await rejects(
    preparation.labelsFor(ANN, SPEC, job, NEVER),
    /all pictures of a video.*got none for .*0002\.png/,
  );
  await Deno.symlink("/etc/passwd", join(folder, "0002.png"));
  await rejects(preparation.labelsFor(ANN, SPEC, job, NEVER), /got none for .*0002\.png/);
  await Deno.remove(join(folder, "0002.png"));
  await Deno.writeTextFile(join(folder, "0002.png"), "");
  const [video] = await listVideos(
    (await preparation.labelsFor(ANN, SPEC, job, NEVER)).package,
  );
  const files = await Promise.all(
    (video?.files ?? []).map((file) =>
      Deno.realPath(file.startsWith("/") ? file : join(job.path, file))
    ),
  );
  deepEqual(files, [join(folder, "0001.png"), join(folder, "0002.png")]);
});

test("labels to validate on find their videos, too, beside those to train on", async ({ mount, job, preparation }) => {
  for (const name of ["one.mp4", "two.mp4"]) await Deno.writeTextFile(join(mount, name), "");
  await writeOutsideLabels(join(job.inputs, "labels.slp"), ["/home/ann/one.mp4"]);
  await Deno.mkdir(join(job.inputs, "validation"));
  await writeOutsideLabels(join(job.inputs, "validation", "labels.slp"), ["/home/ann/two.mp4"]);
  const spec: JobSpec = {
    ...SPEC,
    runner: "sleap-nn",
    config_content: SAMPLE_CONFIG,
    val_package: "validation/labels.slp",
    maps: [{ from: "/home/ann", to: "lab:" }],
  };
  const paths = await preparation.labelsFor(ANN, spec, job, NEVER);
  equal(paths.package, join(job.path, "resolved", "labels.slp"));
  equal(paths.validation, join(job.path, "resolved_validation", "labels.slp"));
  const linked = (folder: string) => Deno.realPath(join(job.path, folder, "0.mp4"));
  equal(await linked("resolved"), join(mount, "one.mp4"));
  equal(await linked("resolved_validation"), join(mount, "two.mp4"));
});
