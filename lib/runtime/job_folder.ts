/**
 * Where a worker keeps a job: its specification, its inputs, what it wrote, and what was said of it.
 * Knows nothing of who asked for the job.
 */

import { join } from "node:path";
import type { JobId } from "../base/id.ts";
import type { JobEvent } from "../protocol/job_message.ts";
import type { JobSpec } from "../protocol/job_spec.ts";
import type { RunnerPaths } from "../job/runner.ts";

/** The file within a job's folder that has what was said of the job, one event a line. */
export const EVENTS_NAME = "events.jsonl";
const CONFIG_NAME = "config.yaml";

/** The folder of one job. */
export class JobFolder {
  readonly path: string;
  readonly #root: string;

  constructor(root: string, jobId: JobId) {
    this.#root = root;
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

  /**
   * Makes the folders, and writes the specification down.
   *
   * @throws {Error} Where there is such a folder: job ids are chosen by clients, and none may get at
   * the job of another by naming it.
   */
  async create(spec: JobSpec): Promise<void> {
    await Deno.mkdir(this.#root, { recursive: true, mode: 0o700 });
    try {
      await Deno.mkdir(this.path, { mode: 0o700 });
    } catch (cause) {
      if (!(cause instanceof Deno.errors.AlreadyExists)) throw cause;
      throw new Error("Expected a new job id, got one that is taken; choose another", { cause });
    }
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
    Deno.writeTextFileSync(join(this.path, EVENTS_NAME), line, { append: true });
  }

  async remove(): Promise<void> {
    await Deno.remove(this.path, { recursive: true });
  }

  get #config(): string {
    return join(this.path, "config");
  }
}
