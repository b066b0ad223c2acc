/**
 * Finds, on this worker, the files that labels name by their paths on other machines. Knows mounts,
 * prefixes and what the client sent along; knows nothing of what is in the files.
 */

import { join } from "node:path";
import { learntMap, mappedPaths, mayBeMeant, nearest, tailsOf } from "../job/foreign_path.ts";
import type { MissingFile, PathMap } from "../protocol/mount.ts";
import type { MountTable } from "./mount_table.ts";

/** Candidates that are told for each file that is missing. */
const CANDIDATES_MAX = 3;

/** Where to look. */
export interface Surroundings {
  readonly mounts: MountTable;
  /** From the strongest to the weakest. */
  readonly maps: readonly PathMap[];
  /** What the client sent along, by path below `folder`. */
  readonly sent: { readonly folder: string; readonly paths: readonly string[] };
}

/** What came of the search for all files. */
export interface Resolution {
  /** Each file's path here, by its path in the labels. */
  readonly found: ReadonlyMap<string, string>;
  readonly missing: readonly MissingFile[];
  /** Prefixes that would have led to files that were found by their tails. */
  readonly learnt: readonly PathMap[];
}

/**
 * Finds each of `paths`: among what was sent, under its own path, by a prefix that is mapped, by the
 * longest tail that one mount alone has. Two mounts with the same tail are no find.
 */
export async function resolvePaths(
  paths: readonly string[],
  surroundings: Surroundings,
): Promise<Resolution> {
  const found = new Map<string, string>();
  const lost: { path: string; rivals: readonly string[] }[] = [];
  const learnt: PathMap[] = [];
  for (const path of new Set(paths)) {
    const outcome = await resolve(path, {
      ...surroundings,
      maps: [...surroundings.maps, ...learnt],
    });
    if (typeof outcome !== "string") {
      lost.push({ path, rivals: outcome.rivals });
      continue;
    }
    found.set(path, outcome);
    const lesson = learntMap(path, outcome);
    const isSent = outcome.startsWith(surroundings.sent.folder);
    if (lesson !== undefined && !isSent && !learnt.some(({ from }) => from === lesson.from)) {
      learnt.push(lesson);
    }
  }
  return { found, missing: await missingFiles(lost, surroundings.mounts), learnt };
}

async function resolve(
  path: string,
  { mounts, maps, sent }: Surroundings,
): Promise<string | { readonly rivals: readonly string[] }> {
  const among = sentAs(path, sent.paths);
  if (among !== undefined) return join(sent.folder, among);
  for (const guess of [path, ...mappedPaths(path, maps)]) {
    const file = await mounts.find(guess);
    if (file !== undefined) return file.path;
  }
  for (const tail of tailsOf(path)) {
    const files = await mounts.findTail(tail);
    if (files.length > 1) return { rivals: files.map(({ name }) => name) };
    if (files[0] !== undefined) return files[0].path;
  }
  return { rivals: [] };
}

/** Which of the files that were sent is meant: the longest tail, or the one of that name. */
export function sentAs(path: string, sent: readonly string[]): string | undefined {
  const tails = tailsOf(path);
  const name = tails.at(-1)?.split("/").at(-1);
  for (const tail of [...tails, ...(name === undefined ? [] : [name])]) {
    const fitting = sent.filter((file) => file === tail || file.endsWith(`/${tail}`));
    if (fitting.length === 1) return fitting[0];
  }
  return undefined;
}

async function missingFiles(
  lost: readonly { readonly path: string; readonly rivals: readonly string[] }[],
  mounts: MountTable,
): Promise<MissingFile[]> {
  if (lost.length === 0) return [];
  const near = await mounts.search((name) => lost.some(({ path }) => mayBeMeant(path, name)));
  return lost.map(({ path, rivals }) => {
    const meant = near.filter((file) => mayBeMeant(path, file.split(/[/:]/).at(-1) ?? ""));
    const candidates = rivals.length > 0 ? rivals : nearest(path, meant, CANDIDATES_MAX);
    return { path, candidates: candidates.slice(0, CANDIDATES_MAX) };
  });
}
