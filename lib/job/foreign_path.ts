/**
 * Paths that another machine wrote into labels, and where they may lead on this one. Compares words
 * only: which of the guesses is a file is for others to see.
 */

import type { PathMap } from "../protocol/mount.ts";

/** Parts of a path that are tried as a tail. Higher: more looks at the disk for each mount. */
const TAIL_PARTS_MAX = 12;

/** A path taken apart, whichever system wrote it. */
export interface ForeignPath {
  /** `/`, a drive such as `c:/`, a share's `//`, or nothing for a relative path. */
  readonly root: string;
  readonly parts: readonly string[];
}

/**
 * Takes `path` apart. Backslashes count as slashes: SLEAP on Windows writes both, even in one path.
 *
 * @example
 * ```ts
 * import { deepEqual } from "node:assert/strict";
 * deepEqual(foreignPathOf("C:\\data\\fly/clip.mp4"), {
 *   root: "c:/",
 *   parts: ["data", "fly", "clip.mp4"],
 * });
 * ```
 */
export function foreignPathOf(path: string): ForeignPath {
  const slashed = path.replaceAll("\\", "/");
  const [root = ""] = /^(?:[A-Za-z]:\/?|\/\/(?!\/)|\/)/.exec(slashed) ?? [];
  const parts = slashed.slice(root.length).split("/").filter((part) => part !== "" && part !== ".");
  return { root: /^[A-Za-z]:/.test(root) ? `${root.slice(0, 2).toLowerCase()}/` : root, parts };
}

/**
 * The ends of `path` to look for under a folder, longest first. The bare name is among them only
 * where the path has no more: many folders of a lab have a `video.mp4`.
 */
export function tailsOf(path: string): string[] {
  const { parts } = foreignPathOf(path);
  // What climbs up leads nowhere from the middle on.
  const sure = parts.slice(parts.lastIndexOf("..") + 1).slice(-TAIL_PARTS_MAX);
  if (sure.length === 0) return [];
  if (sure.length === 1) return [sure.join("/")];
  return sure.slice(0, -1).map((_, index) => sure.slice(index).join("/"));
}

/** What `path` becomes by each of `maps` that fits, the longest prefix first. */
export function mappedPaths(path: string, maps: readonly PathMap[]): string[] {
  const whole = foreignPathOf(path);
  return maps
    .map(({ from, to }) => ({ prefix: foreignPathOf(from), to }))
    .filter(({ prefix }) => beginsWith(whole, prefix))
    .toSorted((one, other) => other.prefix.parts.length - one.prefix.parts.length)
    .map(({ prefix, to }) => joined(to, whole.parts.slice(prefix.parts.length)));
}

function beginsWith(whole: ForeignPath, prefix: ForeignPath): boolean {
  // Drives do not tell upper from lower case.
  const isDrive = /^[a-z]:/.test(whole.root);
  const same = (one: string | undefined, other: string) =>
    one === other || isDrive && one?.toLowerCase() === other.toLowerCase();
  return whole.root === prefix.root && prefix.parts.length < whole.parts.length &&
    !whole.parts.includes("..") &&
    prefix.parts.every((part, index) => same(whole.parts[index], part));
}

function joined(folder: string, parts: readonly string[]): string {
  const tail = parts.join("/");
  if (folder.endsWith("/") || folder.endsWith("\\")) return `${folder}${tail}`;
  return /^[A-Za-z0-9][A-Za-z0-9_-]+:$/.test(folder) ? `${folder}${tail}` : `${folder}/${tail}`;
}

/**
 * What is to be learnt of `path` having been found at `found`: the prefixes that differ. Nothing
 * where the names differ or where nothing would be left to map.
 *
 * @example
 * ```ts
 * import { deepEqual } from "node:assert/strict";
 * deepEqual(learntMap("/home/ann/fly/day1/clip.mp4", "/mnt/lab/fly/day1/clip.mp4"), {
 *   from: "/home/ann",
 *   to: "/mnt/lab",
 * });
 * ```
 */
export function learntMap(path: string, found: string): PathMap | undefined {
  const [one, other] = [foreignPathOf(path), foreignPathOf(found)];
  const shared = sharedTail(one.parts, other.parts);
  const from = one.parts.slice(0, one.parts.length - shared);
  const to = other.parts.slice(0, other.parts.length - shared);
  if (shared === 0 || one.root === "" || from.length === 0 || from.includes("..")) return undefined;
  return { from: one.root + from.join("/"), to: other.root + to.join("/") };
}

/** How many parts at the end of both are the same. */
function sharedTail(one: readonly string[], other: readonly string[]): number {
  let shared = 0;
  const at = (parts: readonly string[]) => parts.at(-1 - shared);
  while (at(one) !== undefined && at(one)?.toLowerCase() === at(other)?.toLowerCase()) shared++;
  return shared;
}

/**
 * Those of `candidates` that come nearest to `path`, nearest first: by the folders above the name.
 *
 * @param candidates Each as `LABEL:path`.
 */
export function nearest(path: string, candidates: readonly string[], max: number): string[] {
  const wanted = foreignPathOf(path).parts;
  const shared = (candidate: string) => {
    const { parts } = foreignPathOf(candidate.replace(":", "/"));
    const sameName = parts.at(-1) === wanted.at(-1) ? 0.5 : 0;
    return sharedTail(wanted.slice(0, -1), parts.slice(0, -1)) + sameName;
  };
  return candidates
    .map((candidate) => ({ candidate, shared: shared(candidate) }))
    .toSorted((one, other) =>
      other.shared - one.shared || one.candidate.length - other.candidate.length ||
      (one.candidate < other.candidate ? -1 : 1)
    )
    .slice(0, max)
    .map(({ candidate }) => candidate);
}

/**
 * Whether a file called `name` may be meant by `path`: the same name, or the same stem for one that
 * was converted.
 */
export function mayBeMeant(path: string, name: string): boolean {
  const wanted = foreignPathOf(path).parts.at(-1)?.toLowerCase() ?? "";
  const stem = (text: string) => text.replace(/\.[^.]+$/, "");
  const has = name.toLowerCase();
  return has === wanted || (stem(wanted) !== "" && stem(has) === stem(wanted));
}
