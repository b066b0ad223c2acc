/** What a mount lets jobs see, with links that lead out, round and nowhere. */

import { deepEqual, equal, rejects } from "node:assert/strict";
import { join } from "node:path";
import { isWithin, MountTable } from "../../lib/runtime/mount_table.ts";
import { withFolder } from "./condition.ts";

const IS_WINDOWS = Deno.build.os === "windows";

/** A mount `lab` with videos and hostile links, and a secret beside it. */
async function laidOut(folder: string): Promise<MountTable> {
  const lab = join(folder, "lab");
  await Deno.mkdir(join(lab, "fly", "day1"), { recursive: true });
  await Deno.mkdir(join(folder, "secret"));
  await Deno.mkdir(join(folder, "lab-other"));
  await Deno.writeTextFile(join(lab, "fly", "day1", "clip.mp4"), "");
  await Deno.writeTextFile(join(folder, "secret", "clip.mp4"), "");
  await Deno.writeTextFile(join(folder, "lab-other", "clip.mp4"), "");
  const links: [string, string][] = [
    [join(folder, "secret", "clip.mp4"), "file_out.mp4"],
    [join(folder, "secret"), "folder_out"],
    ["../secret/clip.mp4", "relative_out.mp4"],
    ["link_to_link.mp4", "chain.mp4"],
    ["file_out.mp4", "link_to_link.mp4"],
    ["loop.mp4", "loop.mp4"],
    ["nowhere.mp4", "broken.mp4"],
    ["/proc/self/root", "root"],
    ["..", "up"],
    ["fly/day1/clip.mp4", "inside.mp4"],
  ];
  for (const [target, name] of links) await Deno.symlink(target, join(lab, name));
  return await MountTable.open([{ label: "lab", path: lab }]);
}

function test(what: string, body: (table: MountTable, folder: string) => Promise<void>): void {
  Deno.test({
    name: `mounts: ${what}`,
    ignore: IS_WINDOWS,
    fn: () =>
      withFolder(async (given) => {
        const folder = await Deno.realPath(given);
        await body(await laidOut(folder), folder);
      }),
  });
}

test("a file is found by its path, its label and its tail", async (table, folder) => {
  const file = {
    path: join(folder, "lab", "fly", "day1", "clip.mp4"),
    name: "lab:fly/day1/clip.mp4",
  };
  deepEqual(await table.find(file.path), file);
  deepEqual(await table.find("lab:fly/day1/clip.mp4"), file);
  deepEqual(await table.find("lab:/fly/../fly/day1/clip.mp4"), file);
  deepEqual(await table.findTail("day1/clip.mp4"), []);
  deepEqual(await table.findTail("fly/day1/clip.mp4"), [file]);
});

test("a link within the mount is what it points at", async (table, folder) => {
  const real = join(folder, "lab", "fly", "day1", "clip.mp4");
  equal((await table.find("lab:inside.mp4"))?.path, real);
});

test("a file has the same place on every machine that has its mount", async (table, folder) => {
  const clip = join(folder, "lab", "fly", "day1", "clip.mp4");
  const place = { mount: "lab", path: "fly/day1/clip.mp4" };
  deepEqual(await table.placeOf(clip), place);
  deepEqual(await table.placeOf(join(folder, "lab", "inside.mp4")), place);
  equal(await table.placeOf(join(folder, "secret", "clip.mp4")), undefined);
  equal(await table.placeOf(join(folder, "lab", "file_out.mp4")), undefined);
  equal(await table.locate(place), clip);
  equal(await table.locate({ ...place, mount: "other" }), undefined);
  const hostile = ["nothing.mp4", "file_out.mp4", "folder_out/clip.mp4", "up/secret/clip.mp4"];
  for (const path of [...hostile, "../secret/clip.mp4", join(folder, "secret", "clip.mp4")]) {
    equal(await table.locate({ mount: "lab", path }), undefined, path);
  }
  equal(await MountTable.none.locate(place), undefined);
});

const outside = [
  "file_out.mp4",
  "folder_out/clip.mp4",
  "folder_out",
  "relative_out.mp4",
  "chain.mp4",
  "loop.mp4",
  "broken.mp4",
  "root",
  "root/etc/passwd",
  "up/secret/clip.mp4",
  "up",
  "../secret/clip.mp4",
  "fly/../../secret/clip.mp4",
  "../lab-other/clip.mp4",
  "fly/day1/clip.mp4/..//../../../secret/clip.mp4",
  "fly/day1/clip.mp4\0.txt",
  "fly/".repeat(2_000),
];
for (const tail of outside) {
  test(`nothing is at ${JSON.stringify(tail.slice(0, 60))}`, async (table, folder) => {
    equal(await table.find(`lab:${tail}`), undefined);
    equal(await table.find(`${folder}/lab/${tail}`), undefined);
    deepEqual(await table.findTail(tail), []);
  });
}

test("what is not under a mount is not found, nor by a relative path", async (table, folder) => {
  for (
    const path of [
      join(folder, "secret", "clip.mp4"),
      "/etc/passwd",
      "fly/day1/clip.mp4",
      "",
      "other:fly",
    ]
  ) {
    equal(await table.find(path), undefined, path);
  }
});

test("a search tells names by their labels, and follows no link", async (table) => {
  deepEqual(await table.search((name) => name === "clip.mp4"), ["lab:fly/day1/clip.mp4"]);
});

test("a mount that is reached by a link is a mount", async (_table, folder) => {
  await Deno.symlink(join(folder, "lab"), join(folder, "alias"));
  const table = await MountTable.open([{ label: "alias", path: join(folder, "alias") }]);
  const found = await table.find(join(folder, "alias", "fly", "day1", "clip.mp4"));
  equal(found?.name, "alias:fly/day1/clip.mp4");
  equal(await table.find("alias:file_out.mp4"), undefined);
});

test("a mount must be a folder, by its absolute path", async (_table, folder) => {
  for (const path of ["lab", join(folder, "nowhere"), join(folder, "secret", "clip.mp4")]) {
    await rejects(
      MountTable.open([{ label: "lab", path }]),
      /Expected the absolute path of a folder/,
    );
  }
});

const within: [string, string, boolean][] = [
  ["/a", "/a", true],
  ["/a", "/a/b", true],
  ["/a", "/ab", false],
  ["/a", "/", false],
  ["/a", "/a/../b", false],
  ["/a", "/a/..b", true],
  ["/", "/a", true],
];
for (const [folder, path, wanted] of within) {
  Deno.test({
    name: `${path} is ${wanted ? "" : "not "}within ${folder}`,
    ignore: IS_WINDOWS,
    fn: () => equal(isWithin(folder, path), wanted),
  });
}
