/**
 * Trained models on this machine: which folders of somebody's results hold one, and which of their
 * files a tracker needs. Knows the names that trainers write, not what is in them.
 */

import { basename, join, resolve } from "node:path";
import { DEMO_MODEL_NAME } from "../job/demo.ts";
import type { JobSpec } from "../protocol/job_spec.ts";
import { type InputFile, InputRefused } from "./input_bundle.ts";

/** How deep results are looked into. */
const DEPTH_MAX = 4;
/** Files and folders that are looked at. */
const ENTRIES_MAX = 20_000;
/** What sleap-nn and its forerunner keep of a model, besides what is only for people. */
const SLEAP_NN_FILE = /^(best|last)\.ckpt$|^(training|initial)_config\.(yaml|yml|json)$/;
const CHECKPOINTS = ["best.ckpt", "last.ckpt"] as const;

/** A trained model. */
export interface TrainedModelFolder {
  /** Its folder on this machine. */
  readonly folder: string;
  /** The names of its files that a tracker needs. */
  readonly names: readonly string[];
}

/**
 * The models below `folder`, in the order of their names: results of several models have several.
 *
 * @throws {InputRefused} Where there is none.
 */
export async function findModels(
  folder: string,
  runner: JobSpec["runner"],
): Promise<TrainedModelFolder[]> {
  const isNeeded = (name: string) =>
    runner === "demo" ? name === DEMO_MODEL_NAME : SLEAP_NN_FILE.test(name);
  const isModel = (names: readonly string[]) =>
    runner === "demo" ? names.length > 0 : CHECKPOINTS.some((name) => names.includes(name));
  const models: TrainedModelFolder[] = [];
  let entries = 0;
  const visit = async (path: string, depth: number): Promise<void> => {
    const names: string[] = [];
    const folders: string[] = [];
    for await (const entry of Deno.readDir(path)) {
      if (++entries > ENTRIES_MAX) {
        throw new InputRefused(
          `Expected at most ${ENTRIES_MAX} files in ${folder}, got more; name the model's own folder`,
        );
      }
      if (entry.isDirectory && depth < DEPTH_MAX) folders.push(join(path, entry.name));
      if (entry.isFile && isNeeded(entry.name)) names.push(entry.name);
    }
    if (isModel(names)) models.push({ folder: path, names: names.toSorted() });
    for (const inner of folders.toSorted()) await visit(inner, depth + 1);
  };
  await requireFolder(folder);
  await visit(folder, 0);
  if (models.length > 0) return models;
  const wanted = runner === "demo" ? DEMO_MODEL_NAME : CHECKPOINTS.join(" or ");
  throw new InputRefused(`Expected a trained model (${wanted}) in ${folder}, got none`);
}

/** The model's files to send, and the folder that they will be in among the job's inputs. */
export function modelInputs(
  { folder, names }: TrainedModelFolder,
  number: number,
): { readonly path: string; readonly files: readonly InputFile[] } {
  const label = basename(resolve(folder)).replace(/[^A-Za-z0-9._-]+/g, "-").replace(
    /^[^A-Za-z0-9]+/,
    "",
  );
  const path = `models/${number}${label === "" ? "" : `-${label.slice(0, 100)}`}`;
  const trimmed = path.replace(/\.+$/, "");
  const files = names.map((name) => ({ path: `${trimmed}/${name}`, local: join(folder, name) }));
  return { path: trimmed, files };
}

async function requireFolder(path: string): Promise<void> {
  const found = await kindOf(path);
  if (found === "folder") return;
  const got = found === "file" ? "a file; name its folder" : "no such folder; check the path";
  throw new InputRefused(`Expected the results of a training at ${path}, got ${got}`);
}

async function kindOf(path: string): Promise<"file" | "folder" | undefined> {
  try {
    return (await Deno.stat(path)).isDirectory ? "folder" : "file";
  } catch (error) {
    const isMissing = error instanceof Deno.errors.NotFound ||
      error instanceof Deno.errors.NotADirectory;
    if (!isMissing) throw error;
    return undefined;
  }
}

/**
 * The checkpoint that `path` means: the file itself, or that of the only model below the folder.
 *
 * @throws {InputRefused} Where there is none, or several.
 */
export async function findCheckpoint(path: string): Promise<string> {
  const found = await kindOf(path);
  if (found === undefined) {
    throw new InputRefused(
      `Expected the results of a training or a .ckpt file at ${path}, got no such file or folder; check the path`,
    );
  }
  if (found === "file") {
    if (path.endsWith(".ckpt")) return path;
    throw new InputRefused(`Expected a checkpoint (.ckpt) or a folder of results, got ${path}`);
  }
  const [model, ...others] = await findModels(path, "sleap-nn");
  if (model === undefined || others.length > 0) {
    const folders = [model, ...others].flatMap((found) =>
      found === undefined ? [] : [found.folder]
    );
    throw new InputRefused(
      `Expected the results of one model to go on from, got ${
        folders.join(", ")
      }; name one of them`,
    );
  }
  const name = CHECKPOINTS.find((candidate) => model.names.includes(candidate)) ?? CHECKPOINTS[0];
  return join(model.folder, name);
}
