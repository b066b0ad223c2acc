/** The list of videos in an `.slp` file: what is read of it, and that nothing else is changed. */

import { deepEqual, equal, ok, rejects } from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Dataset, File, ready } from "h5wasm/node";
import { writeSamplePackage } from "../../../lib/runtime/training_package.ts";
import {
  listVideos,
  rewriteVideos,
  VideoListRefused,
} from "../../../lib/runtime/training_package/video_list.ts";
import { overwriteText } from "../../../lib/runtime/training_package/text_patch.ts";
import { withFolder } from "../condition.ts";
import { writeOutsideLabels } from "../outside_labels.ts";

const DATA = fileURLToPath(new URL("../../../../shared/data/slp/", import.meta.url));

/** A file whose list of videos is `texts`, each of `size` bytes. */
async function withList(path: string, texts: readonly string[], size?: number): Promise<void> {
  await ready;
  const file = new File(path, "w");
  const dtype = `S${size ?? Math.max(1, ...texts.map((text) => text.length))}`;
  file.create_dataset({ name: "videos_json", data: [...texts], shape: [texts.length], dtype });
  file.close();
}

/** All datasets of a file but the list of videos, as bytes. */
async function everythingElse(path: string): Promise<Record<string, unknown>> {
  await ready;
  const file = new File(path, "r");
  try {
    return Object.fromEntries(
      file.keys().filter((key) => key !== "videos_json").map((key) => {
        const entity = file.get(key);
        return [key, entity instanceof Dataset ? entity.value : undefined];
      }),
    );
  } finally {
    file.close();
  }
}

const real: [string, readonly string[]][] = [
  ["typical.slp", ["C:/sleap/sleap/tests/data/json_format_v1\\centered_pair_low_quality.mp4"]],
  ["clip.2node.slp", ["tests/data/tracks\\clip.mp4"]],
  ["minimal_instance.pkg.slp", []],
];
for (const [name, files] of real) {
  Deno.test({
    name: `the videos of ${name} are listed, if the shared data is here`,
    ignore: !existsSync(DATA),
    fn: async () => {
      deepEqual((await listVideos(join(DATA, name))).flatMap((video) => video.files), files);
    },
  });
}

Deno.test({
  name: "other paths are written, and every other byte of the labels stays, if the data is here",
  ignore: !existsSync(DATA),
  fn: () =>
    withFolder(async (folder) => {
      for (const name of ["typical.slp", "clip.2node.slp", "centered_pair_predictions.slp"]) {
        const copy = join(folder, name);
        await Deno.copyFile(join(DATA, name), copy);
        const before = await everythingElse(copy);
        const long = `/mnt/${"long/".repeat(100)}clip.mp4`;
        await rewriteVideos(
          copy,
          new Map([[0, [{ files: [long] }, { files: ["resolved/0.mp4"] }]]]),
        );
        deepEqual(await listVideos(copy), [{ index: 0, files: ["resolved/0.mp4"] }]);
        deepEqual(await everythingElse(copy), before);
      }
    }),
});

Deno.test("a package whose frames are inside names no video", () =>
  withFolder(async (folder) => {
    const path = join(folder, "sample.pkg.slp");
    await writeSamplePackage(path, { frames: 2, seed: 1, width: 32, height: 32 });
    deepEqual(await listVideos(path), []);
  }));

Deno.test("texts of varying length, as the web's SLEAP writes them, are overwritten in place", () =>
  withFolder(async (folder) => {
    const path = join(folder, "labels.slp");
    const videos = [
      "/home/ann/fly/day1/clip.mp4",
      "/home/ann/fly/day2/clip.mp4",
      "/home/ann/x.mp4",
    ];
    await writeOutsideLabels(path, videos);
    const before = await everythingElse(path);
    await rewriteVideos(
      path,
      new Map([[0, [{ files: ["/mnt/a.mp4"] }]], [1, [{ files: ["resolved/1.mp4"] }]]]),
    );
    deepEqual((await listVideos(path)).flatMap(({ files }) => files), [
      "/mnt/a.mp4",
      "resolved/1.mp4",
      "/home/ann/x.mp4",
    ]);
    deepEqual(await everythingElse(path), before);
    await rejects(
      rewriteVideos(path, new Map([[2, [{ files: [`/${"x".repeat(300)}.mp4`] }]]])),
      /Expected room/,
    );
  }));

Deno.test("a text is overwritten wherever it stands, over the borders of reads, too", () =>
  withFolder(async (folder) => {
    const path = join(folder, "file");
    const bytes = new Uint8Array(9 * 1024 ** 2).fill(97);
    const places = [0, 4 * 1024 ** 2 - 2, 8 * 1024 ** 2 - 3, bytes.length - 4];
    for (const place of places) bytes.set(new TextEncoder().encode("abcd"), place);
    await Deno.writeFile(path, bytes);
    const text = (content: string) => new TextEncoder().encode(content);
    equal(await overwriteText(path, text("abcd"), text("WXYZ")), places.length);
    const after = await Deno.readFile(path);
    for (const place of places) {
      equal(new TextDecoder().decode(after.subarray(place, place + 4)), "WXYZ");
    }
    equal(after.filter((byte) => byte === 97).length, bytes.length - 4 * places.length);
    await rejects(overwriteText(path, text("a"), text("ab")), /Expected 1 bytes/);
  }));

Deno.test("pictures of a sequence are listed and written one by one", () =>
  withFolder(async (folder) => {
    const path = join(folder, "labels.slp");
    const filenames = ["/home/ann/frames/0001.png", "/home/ann/frames/0002.png"];
    await withList(path, [JSON.stringify({ backend: { filename: filenames[0], filenames } })]);
    deepEqual(await listVideos(path), [{ index: 0, files: filenames }]);
    const files = ["resolved/0/0001.png", "resolved/0/0002.png"];
    await rewriteVideos(path, new Map([[0, [{ files }]]]));
    deepEqual(await listVideos(path), [{ index: 0, files }]);
  }));

Deno.test("a path that is not ASCII comes back as it was written", () =>
  withFolder(async (folder) => {
    const path = join(folder, "labels.slp");
    await withList(path, [JSON.stringify({ filename: "/a/very/long/path/to/a/clip.mp4" })]);
    await rewriteVideos(path, new Map([[0, [{ files: ["/été/ü.mp4"] }]]]));
    deepEqual(await listVideos(path), [{ index: 0, files: ["/été/ü.mp4"] }]);
  }));

Deno.test("where no way to say a path fits, nothing is cut", () =>
  withFolder(async (folder) => {
    const path = join(folder, "labels.slp");
    await withList(path, [JSON.stringify({ filename: "a.mp4" })]);
    const ways = new Map([[0, [{ files: ["longer.mp4"] }]]]);
    await rejects(rewriteVideos(path, ways), /Expected room for a path of video 1/);
    deepEqual(await listVideos(path), [{ index: 0, files: ["a.mp4"] }]);
  }));

const hostile: [string, readonly string[]][] = [
  ["no JSON", ["not json"]],
  ["a number for a name", ['{"filename": 7}']],
  ["a list for a video", ["[]"]],
  ["numbers among pictures", ['{"backend": {"filenames": [1]}}']],
  ["nothing", ["null"]],
];
for (const [what, texts] of hostile) {
  Deno.test(`a hostile list of videos is refused in words: ${what}`, () =>
    withFolder(async (folder) => {
      const path = join(folder, "labels.slp");
      await withList(path, texts);
      await rejects(listVideos(path), VideoListRefused);
    }));
}

for (const name of ["videos_json", "frames", "video0/video"]) {
  Deno.test(`a link to another file is not followed: ${name}`, () =>
    withFolder(async (folder) => {
      await withList(join(folder, "secret.slp"), ['{"filename": "/secret.mp4"}']);
      const path = join(folder, "labels.slp");
      if (name !== "videos_json") await withList(path, ['{"filename": "a.mp4"}']);
      const file = new File(path, name === "videos_json" ? "w" : "a");
      if (name.includes("/")) file.create_group("video0");
      file.create_external_link(join(folder, "secret.slp"), "videos_json", name);
      file.close();
      await rejects(listVideos(path), /with a link to another at/);
    }));
}

Deno.test("a link round in circles ends", () =>
  withFolder(async (folder) => {
    const path = join(folder, "labels.slp");
    await withList(path, ['{"filename": "a.mp4"}']);
    const file = new File(path, "a");
    file.create_group("video0");
    file.create_soft_link("/", "video0/up");
    file.close();
    deepEqual(await listVideos(path), [{ index: 0, files: ["a.mp4"] }]);
  }));

Deno.test("reading a list leaves the file closed and unchanged", () =>
  withFolder(async (folder) => {
    const path = join(folder, "labels.slp");
    await withList(path, ['{"filename": "a.mp4"}']);
    const before = await Deno.readFile(path);
    await listVideos(path);
    equal((await Deno.readFile(path)).length, before.length);
    ok(before.every((byte, at) => byte === before[at]));
  }));
