/** Where a worker keeps a job: its specification, its inputs, what it wrote, and what was said of it. */

import { join } from "node:path";
import type { JobId } from "../base/id.ts";
import { DAY_MS } from "../base/time.ts";
import type { JobEvent } from "../protocol/job_message.ts";
import type { JobSpec } from "../protocol/job_spec.ts";
import type { RunnerPaths } from "../job/runner.ts";

/** Jobs that are kept. Higher: more disk; lower: results go sooner. */
const JOBS_KEPT_MAX = 50;
/** For how long a job is kept after its last change. */
const KEPT_MS = 7 * DAY_MS;
const CONFIG_NAME = "config.yaml";

/** The folder of one job. */
export class JobFolder {
  readonly path: string;

  constructor(root: string, jobId: JobId) {
    this.path = join(root, jobId);
  }

  /** Where the inputs stand, each by its path in the manifest. */
  get inputs(): string {
    return join(this.path, "inputs");
  }

  /** Where the trainer writes. */
  get output(): string {
    return join(this.path, "output");
  }

  /** Makes the folders, and writes the specification down. */
  async create(spec: JobSpec): Promise<void> {
    for (const folder of [this.inputs, this.output, this.#config]) {
      await Deno.mkdir(folder, { recursive: true, mode: 0o700 });
    }
    await Deno.writeTextFile(join(this.path, "spec.json"), `${JSON.stringify(spec, null, 2)}\n`);
    if (spec.runner === "sleap-nn") {
      await Deno.writeTextFile(join(this.#config, CONFIG_NAME), spec.config_content);
    }
  }

  /** The paths that the runner's command line names. */
  pathsFor(spec: JobSpec): RunnerPaths {
    const paths = {
      package: join(this.inputs, spec.package),
      output: this.output,
      config: { folder: this.#config, name: CONFIG_NAME },
    };
    if (spec.runner !== "sleap-nn" || spec.resume_ckpt === undefined) return paths;
    return { ...paths, resumeCheckpoint: join(this.inputs, spec.resume_ckpt) };
  }

  /** Writes down what is said of the job, so that it can be said again. */
  note(event: JobEvent): void {
    const line = `${JSON.stringify(event)}\n`;
    Deno.writeTextFileSync(join(this.path, "events.jsonl"), line, { append: true });
  }

  async remove(): Promise<void> {
    await Deno.remove(this.path, { recursive: true });
  }

  get #config(): string {
    return join(this.path, "config");
  }
}

/** Removes the folders of jobs that are too old or too many. Gives the names of those removed. */
export async function sweepJobFolders(root: string, nowMs: number): Promise<string[]> {
  const folders: { name: string; changedMs: number }[] = [];
  for await (const entry of Deno.readDir(root)) {
    if (!entry.isDirectory) continue;
    const { mtime } = await Deno.stat(join(root, entry.name));
    folders.push({ name: entry.name, changedMs: mtime?.getTime() ?? 0 });
  }
  const newestFirst = folders.toSorted((one, other) => other.changedMs - one.changedMs);
  const removed = newestFirst
    .filter(({ changedMs }, place) => place >= JOBS_KEPT_MAX || nowMs - changedMs > KEPT_MS)
    .map(({ name }) => name);
  for (const name of removed) await Deno.remove(join(root, name), { recursive: true });
  return removed;
}
