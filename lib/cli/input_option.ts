/** What `train` and `track` are given on this machine, opened and looked into. Sends nothing. */

import { basename } from "node:path";
import { decode } from "../protocol/decode.ts";
import { type JobSpec, jobSpecSchema } from "../protocol/job_spec.ts";
import { ArchiveRefused } from "../runtime/archive/refusal.ts";
import { InputBundle, type InputFile, InputRefused } from "../runtime/input_bundle.ts";
import { sentAs } from "../runtime/path_resolution.ts";
import { PackageRefused } from "../runtime/training_package.ts";
import { VideoListRefused } from "../runtime/training_package/video_list.ts";
import { EXIT } from "./exit_code.ts";
import { Mistake } from "./mistake.ts";

/** A job that can be sent. Disposing of it removes what was unpacked for it. */
export interface PreparedJob extends AsyncDisposable {
  readonly spec: JobSpec;
  /** The labels or the video, on this machine. */
  readonly packagePath: string;
  /** What is sent besides. */
  readonly others: readonly InputFile[];
  /** What was found, a sentence each. */
  readonly facts: readonly string[];
}

/**
 * Does `work` with what is at `path`, and removes what was unpacked for it where that fails.
 *
 * @throws {Mistake} With the exit code for bad input, where something cannot be used.
 */
export async function withBundle(
  path: string,
  work: (bundle: InputBundle) => Promise<Omit<PreparedJob, typeof Symbol.asyncDispose>>,
): Promise<PreparedJob> {
  const bundle = await asMistake(path, () => InputBundle.open(path));
  try {
    const job = await asMistake(path, () => work(bundle));
    return { ...job, [Symbol.asyncDispose]: () => bundle[Symbol.asyncDispose]() };
  } catch (error) {
    await bundle[Symbol.asyncDispose]();
    throw error;
  }
}

async function asMistake<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    const exitCode = EXIT.badInput;
    const isRefusal = cause instanceof PackageRefused || cause instanceof InputRefused ||
      cause instanceof ArchiveRefused || cause instanceof VideoListRefused;
    if (isRefusal) throw new Mistake(cause.message, { cause, exitCode });
    if (cause instanceof Deno.errors.NotFound) {
      const message = `Expected a file or a folder at ${path}, got no such file; check the path`;
      throw new Mistake(message, { cause, exitCode });
    }
    throw cause;
  }
}

/** What was named, and which labels in it are meant where it is a folder or an archive. */
export function labelsName(named: string, { labels: { path } }: InputBundle): string {
  return path === basename(named) ? named : `${named} (${path})`;
}

/** Those of `videos` that came along in the bundle, to be sent with its labels. */
export function videosOf(bundle: InputBundle, videos: readonly string[]): InputFile[] {
  const paths = bundle.others.map(({ path }) => path);
  const wanted = new Set(videos.map((video) => sentAs(video, paths)));
  return bundle.others.filter(({ path }) => wanted.has(path));
}

/**
 * The specification, checked as a worker will.
 *
 * @throws {Mistake} Where a worker would refuse it.
 */
export function checkedSpec(spec: Readonly<Record<string, unknown>>): JobSpec {
  const decoded = decode(JSON.parse(JSON.stringify(spec)), jobSpecSchema);
  if (decoded.ok) return decoded.value;
  throw new Mistake(`Expected a job that workers take, got one they refuse: ${decoded.reason}`);
}
