/** Labels, folders and archives as a person gives them: told apart by what is in them. */

import { deepEqual, equal, rejects } from "node:assert/strict";
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { InputBundle, InputRefused } from "../../lib/runtime/input_bundle.ts";
import { withFolder } from "./condition.ts";
import { bytesOf, makeZip } from "./archive/zip_maker.ts";

const HDF5 = Uint8Array.from("\x89HDF\r\n\x1a\n rest", (letter) => letter.charCodeAt(0));

async function write(folder: string, files: Readonly<Record<string, Uint8Array>>): Promise<void> {
  for (const [path, bytes] of Object.entries(files)) {
    await Deno.mkdir(join(folder, dirname(path)), { recursive: true });
    await Deno.writeFile(join(folder, path), bytes);
  }
}

const layouts: [string, Record<string, Uint8Array>, string, string[]][] = [
  ["labels alone", { "fly.slp": HDF5 }, "fly.slp", []],
  [
    "labels, videos and configurations",
    {
      "a/fly.slp": HDF5,
      "a/clip.mp4": bytesOf("video"),
      "centroid.yaml": bytesOf("model_config: {}"),
    },
    "a/fly.slp",
    ["a/clip.mp4", "centroid.yaml"],
  ],
  ["a package among labels", { "fly.slp": HDF5, "fly.pkg.slp": HDF5 }, "fly.pkg.slp", ["fly.slp"]],
  [
    "something that is only called labels",
    {
      "fly.slp": HDF5,
      "other.slp": bytesOf("no labels"),
    },
    "fly.slp",
    ["other.slp"],
  ],
];
for (const [what, files, labels, others] of layouts) {
  Deno.test(`a folder is opened: ${what}`, () =>
    withFolder(async (folder) => {
      await write(folder, files);
      await using bundle = await InputBundle.open(folder);
      equal(bundle.labels.path, labels);
      deepEqual(bundle.others.map(({ path }) => path), others);
    }));

  Deno.test(`an archive is opened, whatever it is called, and what was unpacked goes: ${what}`, () =>
    withFolder(async (folder) => {
      const path = join(folder, "package.slp");
      const entries = Object.entries(files).map(([name, data]) => ({ name, data }));
      await Deno.writeFile(path, makeZip({ entries }));
      const bundle = await InputBundle.open(path);
      equal(bundle.labels.path, labels);
      deepEqual(bundle.others.map((file) => file.path), others);
      deepEqual(await Deno.readFile(bundle.labels.local), HDF5);
      await bundle[Symbol.asyncDispose]();
      equal(existsSync(bundle.labels.local), false);
    }));
}

Deno.test("what is neither a folder nor an archive is taken for labels", () =>
  withFolder(async (folder) => {
    await write(folder, { "fly labels.zip": HDF5 });
    await using bundle = await InputBundle.open(join(folder, "fly labels.zip"));
    deepEqual(bundle.labels, { path: "fly labels.zip", local: join(folder, "fly labels.zip") });
  }));

const refused: [string, Record<string, Uint8Array>, RegExp][] = [
  ["nothing", { "a.txt": bytesOf("x") }, /Expected labels \(\.slp\) in .*, got none/],
  ["several labels", { "a.slp": HDF5, "b.slp": HDF5 }, /Expected one file.*"a\.slp", "b\.slp"/],
  [
    "several packages",
    { "a.pkg.slp": HDF5, "b.pkg.slp": HDF5, "c.slp": HDF5 },
    /Expected one file/,
  ],
];
for (const [what, files, message] of refused) {
  Deno.test(`a folder is refused in words: ${what}`, () =>
    withFolder(async (folder) => {
      await write(folder, files);
      await rejects(InputBundle.open(folder), (error) => {
        return error instanceof InputRefused && message.test(error.message);
      });
    }));
}

Deno.test("a refused archive leaves nothing behind", () =>
  withFolder(async (folder) => {
    const path = join(folder, "x.zip");
    const temporary = join(folder, "tmp");
    await Deno.mkdir(temporary);
    await Deno.writeFile(path, makeZip({ entries: [{ name: "../x", data: HDF5 }] }));
    const before = Deno.env.get("TMPDIR");
    Deno.env.set("TMPDIR", temporary);
    try {
      await rejects(InputBundle.open(path), /climbs out/);
    } finally {
      if (before === undefined) Deno.env.delete("TMPDIR");
      else Deno.env.set("TMPDIR", before);
    }
    deepEqual(await Array.fromAsync(Deno.readDir(temporary)), []);
  }));

Deno.test({
  name: "links in a folder are left out",
  ignore: Deno.build.os === "windows",
  fn: () =>
    withFolder(async (folder) => {
      await write(folder, { "fly.slp": HDF5 });
      await Deno.symlink("/etc/passwd", join(folder, "passwd"));
      await Deno.symlink("/etc", join(folder, "etc"));
      await using bundle = await InputBundle.open(folder);
      deepEqual(bundle.others, []);
    }),
});
