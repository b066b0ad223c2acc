import { deepEqual, equal, ok } from "node:assert/strict";
import { join } from "node:path";
import { LINK_MESSAGE_BYTES_MAX } from "../../lib/base/limits.ts";
import { describeFolder, digestFile } from "../../lib/runtime/file_digest.ts";
import { withFolder } from "./condition.ts";

/** Of FIPS 180-2, and of no bytes. */
const ABC = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
const EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

Deno.test("file digest: size and SHA-256 of a file", () =>
  withFolder(async (folder) => {
    await Deno.writeTextFile(join(folder, "abc"), "abc");
    await Deno.writeTextFile(join(folder, "empty"), "");
    deepEqual(await digestFile(join(folder, "abc")), { bytes: 3, sha256: ABC });
    deepEqual(await digestFile(join(folder, "empty")), { bytes: 0, sha256: EMPTY });
  }));

Deno.test("folder: its files by path, in folders too, and no link out of it", () =>
  withFolder(async (folder) => {
    await Deno.mkdir(join(folder, "results", "deep er"), { recursive: true });
    await Deno.writeTextFile(join(folder, "secret"), "not ours to send");
    for (const path of ["b", "a 蠅", "deep er/c"]) {
      await Deno.writeTextFile(join(folder, "results", path), "abc");
    }
    await Deno.symlink(join(folder, "secret"), join(folder, "results", "link"));
    await Deno.symlink(folder, join(folder, "results", "loop"));
    const { files } = await describeFolder(join(folder, "results"));
    deepEqual(files.map(({ path }) => path), ["a 蠅", "b", "deep er/c"]);
  }));

Deno.test({
  name: "folder: a name that cannot travel is left out with the reason, and the rest is not",
  ignore: Deno.build.os !== "linux",
  fn: () =>
    withFolder(async (folder) => {
      for (const name of ["a:b", "best.ckpt", "BEST.ckpt"]) {
        await Deno.writeTextFile(join(folder, name), "");
      }
      const leftOut: [string, string][] = [];
      const { files } = await describeFolder(folder, (...file) => leftOut.push(file));
      deepEqual(files.map(({ path }) => path), ["BEST.ckpt"]);
      deepEqual(leftOut, [
        ["a:b", "it names a drive"],
        ["best.ckpt", "another file's name differs in its letters' case alone"],
      ]);
    }),
});

Deno.test("folder: of more files than a message can list, the deep ones are left out", () =>
  withFolder(async (folder) => {
    const deep = join(folder, "a".repeat(240));
    Deno.mkdirSync(deep);
    const pathOf = (count: number) => join(deep, `${"y".repeat(230)}${count}`);
    for (let count = 0; count < 2_000; count++) Deno.writeTextFileSync(pathOf(count), "");
    Deno.writeTextFileSync(join(folder, "best.ckpt"), "");
    let leftOut = 0;
    const manifest = await describeFolder(folder, () => leftOut++);
    equal(manifest.files.at(-1)?.path, "best.ckpt");
    equal(manifest.files.length + leftOut, 2_001);
    ok(leftOut > 100 && leftOut < 1_000, `${leftOut} files are left out`);
    ok(JSON.stringify(manifest).length < LINK_MESSAGE_BYTES_MAX);
  }));
