import { deepEqual, equal, match, ok, rejects } from "node:assert/strict";
import { join } from "node:path";
import { Failure } from "../../lib/base/failure.ts";
import { isJobId } from "../../lib/base/id.ts";
import { ResultFolder } from "../../lib/client/result_folder.ts";
import { sha256OfBytes } from "../../lib/runtime/file_digest.ts";
import { withFolder } from "../runtime/condition.ts";

const JOB = "job-results1";
if (!isJobId(JOB)) throw new Error("Expected a job id");

async function names(folder: string): Promise<string[]> {
  return (await Array.fromAsync(Deno.readDir(folder))).map(({ name }) => name).toSorted();
}

/** Folders as people give them, and where their results are found in the end. */
const given: [string, string, string][] = [
  ["a new folder", "out", "out"],
  ["a trailing slash", "out/", "out"],
  ["folders that are not there yet", "a/b/out", "a/b/out"],
  ["a folder that is there and empty", "empty", "empty"],
  ["spaces and other letters", "fly é 蠅 ", "fly é 蠅 "],
];
for (const [what, path, place] of given) {
  Deno.test(`result folder: ${what} is there when the results are whole, and not before`, () =>
    withFolder(async (folder) => {
      await Deno.mkdir(join(folder, "empty"));
      const results = await ResultFolder.prepare(`${folder}/${path}`, JOB);
      await Deno.mkdir(results.files, { recursive: true });
      await Deno.writeTextFile(join(results.files, "model.json"), "weights");
      const before = path === "empty" ? await names(join(folder, "empty")) : [];
      deepEqual(before, []);
      await results.complete();
      equal(await Deno.readTextFile(join(folder, place, "model.json")), "weights");
      deepEqual(
        (await names(join(folder, place, ".."))).filter((name) => name.startsWith(".")),
        [],
      );
    }));
}

Deno.test("result folder: a client that ends before anything arrived leaves nothing", () =>
  withFolder(async (folder) => {
    await ResultFolder.prepare(join(folder, "out"), JOB);
    deepEqual(await names(folder), []);
  }));

Deno.test("result folder: what a client had received is there for the next one of its job", () =>
  withFolder(async (folder) => {
    const killed = await ResultFolder.prepare(join(folder, "out"), JOB);
    await Deno.mkdir(killed.parts, { recursive: true });
    await Deno.writeTextFile(join(killed.parts, "half"), "half");
    const { parts } = await ResultFolder.prepare(join(folder, "out"), JOB);
    equal(await Deno.readTextFile(join(parts, "half")), "half");
  }));

Deno.test("result folder: one client at a time has it, and the next one finds what is home", () =>
  withFolder(async (folder) => {
    const manifest = { files: [{ path: "model.json", ...digestOf("weights") }] };
    const [one, other] = await Promise.all([
      ResultFolder.prepare(join(folder, "out"), JOB),
      ResultFolder.prepare(join(folder, "out"), JOB),
    ]);
    const hold = await one.tryHold();
    ok(hold !== undefined);
    equal(await other.tryHold(), undefined);
    await Deno.mkdir(one.files, { recursive: true });
    await Deno.writeTextFile(join(one.files, "model.json"), "weights");
    equal(await other.isHome(manifest), false);
    await one.complete();
    await hold[Symbol.asyncDispose]();
    {
      await using next = await other.tryHold();
      ok(next !== undefined);
      equal(await other.isHome(manifest), true);
      await Deno.writeTextFile(join(folder, "out", "model.json"), "changed");
      equal(await other.isHome(manifest), false);
    }
    deepEqual(await names(folder), ["out"]);
  }));

Deno.test("result folder: one that cannot be made is a failure with what to do", () =>
  withFolder(async (folder) => {
    await Deno.writeTextFile(join(folder, "file"), "");
    const error = await ResultFolder.prepare(join(folder, "file", "out"), JOB).catch((one) => one);
    ok(error instanceof Failure, String(error));
    equal(error.kind, "no_place");
    match(error.message, /^Expected a place for the results at .*; give another --output$/);
  }));

function digestOf(text: string) {
  const bytes = new TextEncoder().encode(text);
  return { bytes: bytes.length, sha256: sha256OfBytes(bytes) };
}

for (
  const [what, make] of [
    ["a folder with something in it", async (path: string) => {
      await Deno.mkdir(path);
      await Deno.writeTextFile(join(path, "mine"), "mine");
    }],
    ["a file", (path: string) => Deno.writeTextFile(path, "mine")],
  ] as const
) {
  Deno.test(`result folder: ${what} is refused before anything is sent`, () =>
    withFolder(async (folder) => {
      await make(join(folder, "out"));
      await rejects(
        ResultFolder.prepare(join(folder, "out"), JOB),
        /Expected a new or empty folder/,
      );
      deepEqual(await names(folder), ["out"]);
    }));

  Deno.test(`result folder: ${what} that appears meanwhile costs neither it nor the results`, () =>
    withFolder(async (folder) => {
      const results = await ResultFolder.prepare(join(folder, "out"), JOB);
      await Deno.mkdir(results.files, { recursive: true });
      await Deno.writeTextFile(join(results.files, "model.json"), "weights");
      await make(join(folder, "out"));
      await rejects(
        results.complete(),
        /The results are whole, but cannot be moved .* they are in/,
      );
      equal(await Deno.readTextFile(join(results.files, "model.json")), "weights");
      const mine = what === "a file" ? join(folder, "out") : join(folder, "out", "mine");
      equal(await Deno.readTextFile(mine), "mine");
    }));
}
