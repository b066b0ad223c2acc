/** Paths of other machines, found on this one or told as missing. */

import { deepEqual } from "node:assert/strict";
import { dirname, join } from "node:path";
import type { PathMap } from "../../lib/protocol/mount.ts";
import { MountTable } from "../../lib/runtime/mount_table.ts";
import { resolvePaths } from "../../lib/runtime/path_resolution.ts";
import { withFolder } from "./condition.ts";

interface Case {
  readonly what: string;
  readonly path: string;
  readonly files: readonly string[];
  readonly maps?: readonly PathMap[];
  readonly sent?: readonly string[];
  /** Where it is, below the test's folder; or the candidates. */
  readonly wanted: string | readonly string[];
}

const cases: Case[] = [
  {
    what: "by its tail under a mount",
    path: "C:\\Users\\ann\\fly\\day1\\clip.mp4",
    files: ["lab/fly/day1/clip.mp4"],
    wanted: "lab/fly/day1/clip.mp4",
  },
  {
    what: "by its longest tail, though another mount has a shorter one",
    path: "/home/ann/fly/day1/clip.mp4",
    files: ["lab/day1/clip.mp4", "data/fly/day1/clip.mp4"],
    wanted: "data/fly/day1/clip.mp4",
  },
  {
    what: "by a mapped prefix, before any tail",
    path: "/home/ann/fly/clip.mp4",
    files: ["lab/fly/clip.mp4", "data/other/clip.mp4"],
    maps: [{ from: "/home/ann/fly", to: "data:other" }],
    wanted: "data/other/clip.mp4",
  },
  {
    what: "among what was sent, before any mount",
    path: "/home/ann/fly/clip.mp4",
    files: ["lab/fly/clip.mp4"],
    sent: ["labels.slp", "videos/clip.mp4"],
    wanted: "inputs/videos/clip.mp4",
  },
  {
    what: "not at all: the bare name under another folder is only told",
    path: "/home/ann/fly/clip.mp4",
    files: ["lab/mouse/clip.mp4"],
    wanted: ["lab:mouse/clip.mp4"],
  },
  {
    what: "not at all: two mounts have the same tail",
    path: "/home/ann/fly/clip.mp4",
    files: ["lab/fly/clip.mp4", "data/fly/clip.mp4"],
    wanted: ["lab:fly/clip.mp4", "data:fly/clip.mp4"],
  },
  {
    what: "not at all: two that were sent have that name",
    path: "/home/ann/fly/clip.mp4",
    files: [],
    sent: ["a/clip.mp4", "b/clip.mp4"],
    wanted: [],
  },
  {
    what: "not at all: it was converted, and the copy is told",
    path: "/home/ann/fly/clip.avi",
    files: ["lab/x/clip.mp4", "lab/fly/clip.mp4", "lab/fly/other.mp4"],
    wanted: ["lab:fly/clip.mp4", "lab:x/clip.mp4"],
  },
  {
    what: "not outside of the mounts, though it exists",
    path: "/etc/passwd",
    files: ["lab/a.mp4"],
    wanted: [],
  },
  {
    what: "not outside of the mounts, by a map that leads there",
    path: "/data/passwd",
    files: ["lab/a.mp4"],
    maps: [{ from: "/data", to: "/etc" }],
    wanted: [],
  },
  {
    what: "not outside of the mounts, by climbing",
    path: "/lab/../../../../../../etc/passwd",
    files: ["lab/a.mp4"],
    maps: [{ from: "/lab", to: "lab:" }],
    wanted: [],
  },
];

async function laidOut(folder: string, files: readonly string[]): Promise<MountTable> {
  for (const file of ["lab/.keep", "data/.keep", ...files]) {
    await Deno.mkdir(join(folder, dirname(file)), { recursive: true });
    await Deno.writeTextFile(join(folder, file), "");
  }
  return await MountTable.open(
    ["lab", "data"].map((label) => ({ label, path: join(folder, label) })),
  );
}

for (const { what, path, files, maps = [], sent = [], wanted } of cases) {
  Deno.test(`a path of another machine is found: ${what}`, () =>
    withFolder(async (given) => {
      const folder = await Deno.realPath(given);
      const mounts = await laidOut(folder, files);
      const surroundings = { mounts, maps, sent: { folder: join(folder, "inputs"), paths: sent } };
      const { found, missing } = await resolvePaths([path], surroundings);
      if (typeof wanted === "string") {
        deepEqual([...found], [[path, join(folder, wanted)]]);
        deepEqual(missing, []);
      } else {
        deepEqual([...found], []);
        deepEqual(missing, [{ path, candidates: wanted }]);
      }
    }));
}

Deno.test("what one path teaches leads to the next, and is told", () =>
  withFolder(async (given) => {
    const folder = await Deno.realPath(given);
    const mounts = await laidOut(folder, ["lab/deep/fly/day1/a.mp4", "lab/deep/b.mp4"]);
    const paths = ["/home/ann/deep/fly/day1/a.mp4", "/home/ann/deep/b.mp4"];
    const { learnt, missing } = await resolvePaths(paths, {
      mounts,
      maps: [],
      sent: { folder: join(folder, "inputs"), paths: [] },
    });
    deepEqual(missing, []);
    deepEqual(learnt, [{ from: "/home/ann", to: join(folder, "lab") }]);
  }));
