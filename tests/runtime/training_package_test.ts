import { deepEqual, equal, match, ok, rejects } from "node:assert/strict";
import { existsSync } from "node:fs";
import { readlink } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Dataset, File, ready } from "h5wasm/node";
import {
  inspectPackage,
  PackageRefused,
  readSamples,
  type RefusalReason,
  writeSamplePackage,
} from "../../lib/runtime/training_package.ts";

const DATA = fileURLToPath(new URL("../../../shared/data/slp/", import.meta.url));
const HDF5 = "\x89HDF\r\n\x1a\n";

async function refusalOf(path: string): Promise<PackageRefused> {
  try {
    await inspectPackage(path);
  } catch (error) {
    if (error instanceof PackageRefused) return error;
    throw error;
  }
  throw new Error(`Expected ${path} to be refused, got accepted`);
}

async function inFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "sleap-rtc-test-" });
  try {
    await work(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

function bytesOf(latin1: string): Uint8Array {
  return Uint8Array.from(latin1, (character) => character.charCodeAt(0));
}

/** A superblock of version 0 that says that the file has `total` bytes. */
function superblock(total: number): Uint8Array {
  const bytes = new Uint8Array(96);
  bytes.set(bytesOf(HDF5));
  bytes.set([0, 0, 0, 0, 0, 8, 8], 8);
  new DataView(bytes.buffer).setBigUint64(40, BigInt(total), true);
  return bytes;
}

const contents: [string, Uint8Array, RefusalReason, RegExp][] = [
  ["empty", new Uint8Array(), "empty", /got an empty file/],
  ["a ZIP archive", bytesOf("PK\x03\x04rest"), "not_hdf5", /got a ZIP archive/],
  ["JSON", bytesOf('{"version": 1}'), "not_hdf5", /got a JSON text/],
  ["an MP4 video", bytesOf("\0\0\0\x18ftypmp42"), "not_hdf5", /got an MP4 video/],
  ["a text", bytesOf("hello\n"), "not_hdf5", /got a plain text/],
  ["bytes without a name", bytesOf("\x01\x02\xfe"), "not_hdf5", /a kind that is not HDF5/],
  ["cut short", superblock(5_000), "incomplete", /got only 96 of its 5000 bytes; copy/],
];

for (const [what, bytes, reason, message] of contents) {
  Deno.test(`a file is refused, and the refusal says what it is: ${what}`, () =>
    inFolder(async (folder) => {
      const path = join(folder, "labels.pkg.slp");
      await Deno.writeFile(path, bytes);
      const refusal = await refusalOf(path);
      equal(refusal.reason, reason);
      match(refusal.message, message);
    }));
}

Deno.test("a path that leads to no file is refused", () =>
  inFolder(async (folder) => {
    equal((await refusalOf(join(folder, "nowhere.slp"))).reason, "no_such_file");
    equal((await refusalOf(folder)).reason, "not_a_file");
  }));

Deno.test("the sample package holds what it was asked for", () =>
  inFolder(async (folder) => {
    const path = join(folder, "sample.pkg.slp");
    await writeSamplePackage(path, { frames: 12, seed: 3, width: 96, height: 64 });
    const facts = await inspectPackage(path);
    deepEqual({
      ...facts,
      videos: facts.videos.map(({ isEmbedded, shape }) => [isEmbedded, shape]),
    }, {
      path,
      bytes: (await Deno.stat(path)).size,
      labelledFrames: 12,
      instances: 12,
      nodes: ["head", "thorax", "abdomen"],
      videos: [[true, { frames: 12, height: 64, width: 96, channels: 1 }]],
    });
  }));

Deno.test("the sample package's labels lie on the animal, brightest at its head", () =>
  inFolder(async (folder) => {
    const path = join(folder, "sample.pkg.slp");
    await writeSamplePackage(path, { frames: 12, seed: 3, width: 128, height: 128 });
    const size = 64;
    const { samples, nodes, skipped } = await readSamples(path, { size });
    deepEqual([samples.length, nodes.length, skipped], [12, 3, 0]);
    for (const { pixels, keypoints } of samples) {
      const lightAt = (node: number) => {
        const column = Math.floor((keypoints[2 * node] ?? NaN) * size);
        const row = Math.floor((keypoints[2 * node + 1] ?? NaN) * size);
        return pixels[row * size + column] ?? NaN;
      };
      ok(lightAt(0) > 0.9, "head");
      ok(lightAt(1) > 0.6 && lightAt(1) < 0.9, "thorax");
      ok(lightAt(2) > 0.4 && lightAt(2) < 0.6, "abdomen");
    }
  }));

Deno.test("the same seed makes the same samples, another seed others", () =>
  inFolder(async (folder) => {
    const pixelsOf = async (name: string, seed: number) => {
      const path = join(folder, `${name}.pkg.slp`);
      await writeSamplePackage(path, { frames: 3, seed, width: 48, height: 48 });
      const { samples } = await readSamples(path, { size: 8 });
      return samples.map(({ pixels, keypoints }) => [...pixels, ...keypoints]);
    };
    const first = await pixelsOf("a", 1);
    deepEqual(await pixelsOf("b", 1), first);
    ok(JSON.stringify(await pixelsOf("c", 2)) !== JSON.stringify(first));
  }));

Deno.test({
  name: "reading a package leaves no file open (Linux only: it looks into /proc)",
  ignore: Deno.build.os !== "linux",
  fn: () =>
    inFolder(async (folder) => {
      const path = join(folder, "sample.pkg.slp");
      await writeSamplePackage(path, { frames: 2, seed: 1, width: 32, height: 32 });
      await inspectPackage(path);
      await readSamples(path, { size: 8 });
      const open = await Promise.all(
        [...Deno.readDirSync("/proc/self/fd")].map(({ name }) =>
          readlink(`/proc/self/fd/${name}`).catch((error) => `closed meanwhile: ${error}`)
        ),
      );
      deepEqual(open.filter((target) => target === path), []);
    }),
});

Deno.test("HDF5 without SLEAP labels is refused", () =>
  inFolder(async (folder) => {
    const path = join(folder, "other.slp");
    await ready;
    const file = new File(path, "w");
    file.create_dataset({ name: "data", data: [1, 2, 3] });
    file.close();
    const refusal = await refusalOf(path);
    equal(refusal.reason, "not_sleap");
    match(refusal.message, /got an HDF5 file without SLEAP labels; export a training package/);
    ok(refusal.cause instanceof Error);
  }));

Deno.test("a package with a damaged picture is refused when it is read", () =>
  inFolder(async (folder) => {
    const path = join(folder, "sample.pkg.slp");
    await writeSamplePackage(path, { frames: 2, seed: 1, width: 32, height: 32 });
    const file = new File(path, "a");
    const video = file.get("video0/video");
    ok(video instanceof Dataset);
    video.write_slice([[1, 2], [0, 8]], new Int8Array(8));
    file.close();
    await rejects(readSamples(path, { size: 8 }), {
      name: "PackageRefused",
      reason: "picture_unreadable",
      message: /a picture of frame 1 that cannot be decoded/,
    });
  }));

const wrong: [string, string, Record<string, number>, RegExp][] = [
  ["a name that is none of a package", "sample.slp", {}, /ends in \.pkg\.slp/],
  ["no frame", "sample.pkg.slp", { frames: 0 }, /Expected frames to be .* from 1 to 1000, got 0/],
  ["a tiny picture", "sample.pkg.slp", { width: 8 }, /Expected width/],
];
for (const [what, name, options, message] of wrong) {
  Deno.test(`a sample package is not made: ${what}`, () =>
    inFolder(async (folder) => {
      const asked = { frames: 2, seed: 1, width: 32, height: 32, ...options };
      const problem = await writeSamplePackage(join(folder, name), asked)
        .then(() => "written", (error) => String(error));
      match(problem, message);
      deepEqual([...Deno.readDirSync(folder)], []);
    }));
}

const real: [string, RefusalReason, RegExp][] = [
  ["minimal_instance.slp", "frames_elsewhere", /"tests\/data\/.*\.mp4"; export a training package/],
  ["typical.slp", "frames_elsewhere", /"C:\/sleap\/sleap\/tests.*Export Training Package/],
  ["clip.2node.slp", "frames_elsewhere", /clip\.mp4/],
  [
    "centered_pair_predictions.slp",
    "no_labels",
    /1100 predicted frames and no labelled one; label/,
  ],
  ["centered_pair_low_quality.mp4", "not_hdf5", /an MP4 video/],
];
for (const [name, reason, message] of real) {
  Deno.test({
    name: `a real file is refused: ${name} (skipped without ../shared/data)`,
    ignore: !existsSync(DATA),
    fn: async () => {
      const refusal = await refusalOf(join(DATA, name));
      equal(refusal.reason, reason);
      match(refusal.message, message);
    },
  });
}

Deno.test({
  name: "a real training package is read (skipped without ../shared/data)",
  ignore: !existsSync(DATA),
  fn: async () => {
    const path = join(DATA, "minimal_instance.pkg.slp");
    const facts = await inspectPackage(path);
    deepEqual([facts.bytes, facts.labelledFrames, facts.instances, facts.nodes], [
      43_128,
      1,
      2,
      ["A", "B"],
    ]);
    deepEqual(facts.videos, [{
      source: "tests/data/json_format_v1/centered_pair_low_quality.mp4",
      isEmbedded: true,
      shape: { frames: 1, height: 384, width: 384, channels: 1 },
    }]);
    const { samples } = await readSamples(path, { size: 24 });
    equal(samples.length, 2);
    ok(Math.abs((samples[0]?.keypoints[0] ?? NaN) - 92.652 / 384) < 1e-4);
  },
});
