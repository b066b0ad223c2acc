import { deepEqual, equal } from "node:assert/strict";
import {
  foreignPathOf,
  learntMap,
  mappedPaths,
  mayBeMeant,
  nearest,
  tailsOf,
} from "../../lib/job/foreign_path.ts";

const paths: [string, string, string[]][] = [
  ["/home/ann/clip.mp4", "/", ["home", "ann", "clip.mp4"]],
  ["C:\\data\\clip.mp4", "c:/", ["data", "clip.mp4"]],
  ["C:/sleap/tests\\clip.mp4", "c:/", ["sleap", "tests", "clip.mp4"]],
  ["\\\\server\\share\\clip.mp4", "//", ["server", "share", "clip.mp4"]],
  ["tests/./data//clip.mp4", "", ["tests", "data", "clip.mp4"]],
  ["clip.mp4", "", ["clip.mp4"]],
  ["", "", []],
  ["/", "/", []],
];
for (const [path, root, parts] of paths) {
  Deno.test(`a foreign path is taken apart: ${JSON.stringify(path)}`, () => {
    deepEqual(foreignPathOf(path), { root, parts });
  });
}

const tails: [string, string[]][] = [
  ["/a/b/c.mp4", ["a/b/c.mp4", "b/c.mp4"]],
  ["c.mp4", ["c.mp4"]],
  ["/c.mp4", ["c.mp4"]],
  ["../../data/fly/c.mp4", ["data/fly/c.mp4", "fly/c.mp4"]],
  ["/a/b/..", []],
  ["", []],
];
for (const [path, wanted] of tails) {
  Deno.test(`the tails of ${JSON.stringify(path)}, longest first, none of them climbing`, () => {
    deepEqual(tailsOf(path), wanted);
  });
}

Deno.test("a path with hundreds of parts has few tails", () => {
  equal(tailsOf("a/".repeat(500) + "c.mp4").length, 11);
});

const maps: [string, [string, string][], string[]][] = [
  ["/home/ann/fly/c.mp4", [["/home/ann", "/mnt/lab"]], ["/mnt/lab/fly/c.mp4"]],
  ["/home/ann/fly/c.mp4", [["/home/ann/", "/mnt/lab/"]], ["/mnt/lab/fly/c.mp4"]],
  ["/home/ann/fly/c.mp4", [["/home/an", "/mnt/lab"]], []],
  ["/home/ann/fly/c.mp4", [["/home", "/x"], ["/home/ann", "/y"]], [
    "/y/fly/c.mp4",
    "/x/ann/fly/c.mp4",
  ]],
  ["C:\\Data\\fly\\c.mp4", [["c:/data", "lab:"]], ["lab:fly/c.mp4"]],
  ["C:\\Data\\fly\\c.mp4", [["C:\\DATA", "lab:videos"]], ["lab:videos/fly/c.mp4"]],
  ["/Data/c.mp4", [["/data", "/x"]], []],
  ["/data/../../etc/passwd", [["/data", "/mnt"]], []],
  ["/data/c.mp4", [["/data/c.mp4", "/mnt"]], []],
];
for (const [path, given, wanted] of maps) {
  Deno.test(`${path} by ${JSON.stringify(given)} is ${JSON.stringify(wanted)}`, () => {
    deepEqual(mappedPaths(path, given.map(([from, to]) => ({ from, to }))), wanted);
  });
}

const lessons: [string, string, { from: string; to: string } | undefined][] = [
  ["C:\\ann\\fly\\c.mp4", "/mnt/lab/fly/c.mp4", { from: "c:/ann", to: "/mnt/lab" }],
  ["/c.mp4", "/mnt/lab/c.mp4", undefined],
  ["fly/c.mp4", "/mnt/lab/fly/c.mp4", undefined],
  ["/ann/c.mp4", "/mnt/other.mp4", undefined],
  ["/../ann/fly/c.mp4", "/mnt/fly/c.mp4", undefined],
];
for (const [path, found, wanted] of lessons) {
  Deno.test(`what is learnt of ${path} being at ${found}`, () => {
    deepEqual(learntMap(path, found), wanted);
  });
}

Deno.test("the nearest candidates share most folders above the name", () => {
  const candidates = [
    "lab:c.mp4",
    "lab:old/day1/c.mp4",
    "lab:fly/day1/c.mp4",
    "lab:fly/day2/c.mp4",
  ];
  deepEqual(nearest("/home/ann/fly/day1/c.mp4", candidates, 3), [
    "lab:fly/day1/c.mp4",
    "lab:old/day1/c.mp4",
    "lab:c.mp4",
  ]);
});

const meant: [string, string, boolean][] = [
  ["/a/clip.mp4", "clip.mp4", true],
  ["/a/Clip.MP4", "clip.mp4", true],
  ["/a/clip.avi", "clip.mp4", true],
  ["/a/clip.mp4", "clip2.mp4", false],
  ["/a/.mp4", ".avi", false],
];
for (const [path, name, wanted] of meant) {
  Deno.test(`${name} ${wanted ? "may" : "cannot"} be meant by ${path}`, () => {
    equal(mayBeMeant(path, name), wanted);
  });
}
