import { deepEqual, equal, rejects } from "node:assert/strict";
import { join } from "node:path";
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
  name: "folder: a name that cannot travel is refused with the reason",
  ignore: Deno.build.os === "windows",
  fn: () =>
    withFolder(async (folder) => {
      await Deno.writeTextFile(join(folder, "a:b"), "");
      await rejects(describeFolder(folder), /whose names can travel.*it names a drive/);
    }),
});

Deno.test("folder: so many files that their list fits into no message are refused", () =>
  withFolder(async (folder) => {
    const deep = join(folder, "x".repeat(240));
    Deno.mkdirSync(deep);
    const pathOf = (count: number) => join(deep, `${"y".repeat(230)}${count}`);
    for (let count = 0; count < 2_000; count++) Deno.writeTextFileSync(pathOf(count), "");
    await rejects(
      describeFolder(folder),
      /whose list has at most \d+ bytes, got \d+ for 2000 files/,
    );
    for (let count = 0; count < 1_900; count++) Deno.removeSync(pathOf(count));
    equal((await describeFolder(folder)).files.length, 100);
  }));
