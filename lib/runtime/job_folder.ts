/**
 * Where a worker keeps a job: its specification and who asked for it, its inputs, what it wrote, and
 * what was said of it. All of it outlives the worker.
 */

import { join } from "node:path";
import { z } from "zod";
import type { JobId, PeerId } from "../base/id.ts";
import { decodeJson } from "../protocol/decode.ts";
import { type JobEvent, jobEventSchema } from "../protocol/job_message.ts";
import type { JobSpec } from "../protocol/job_spec.ts";
import { peerIdSchema } from "../protocol/name.ts";
import type { RunnerPaths, Stage } from "../job/runner.ts";

/** The file within a job's folder that has what was said of the job, one event a line. */
export const EVENTS_NAME = "events.jsonl";
/** The stages of a job that has several. */
const PLAN_NAME = "stages.json";
/** The file that names the client, and the one that has the last event. */
const OWNER_NAME = "job.json";
const VERDICT_NAME = "verdict.json";
const ownerSchema = z.object({ client_id: peerIdSchema });

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
   * Makes the folders, and writes down the specification and the client that asked for the job.
   *
   * @throws {Error} Where there is such a folder: job ids are chosen by clients, and none may get at
   * the job of another by naming it.
   */
  async create(spec: JobSpec, client: PeerId): Promise<void> {
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
    await Deno.writeTextFile(
      join(this.path, OWNER_NAME),
      `${JSON.stringify({ client_id: client })}\n`,
    );
    for (const [name, text] of configsOf(spec)) {
      await Deno.writeTextFile(join(this.#config, name), text);
    }
  }

  /**
   * The paths that the runner's command line names.
   *
   * @param labels The labels to work on: as they came, or a copy with this worker's paths.
   */
  pathsFor(spec: JobSpec, labels: string): RunnerPaths {
    const paths = {
      package: labels,
      output: this.output,
      config: { folder: this.#config, names: configsOf(spec).map(([name]) => name) },
      models: spec.kind === "track" ? spec.models.map((model) => join(this.inputs, model)) : [],
    };
    if (spec.kind !== "train" || spec.runner !== "sleap-nn") return paths;
    const { resume_ckpt: checkpoint } = spec;
    if (checkpoint === undefined) return paths;
    return { ...paths, resumeCheckpoint: join(this.inputs, checkpoint) };
  }

  /** Writes down the stages of the job, for the process that runs them. Gives the file's path. */
  writePlan(stages: readonly Stage[]): string {
    const path = join(this.path, PLAN_NAME);
    const plan = stages.map(({ title, command: { executable, args } }) => {
      return { title, executable, args };
    });
    Deno.writeTextFileSync(path, `${JSON.stringify({ stages: plan }, null, 2)}\n`);
    return path;
  }

  /** Writes down what is said of the job, so that it can be said again. */
  note(event: JobEvent): void {
    const line = `${JSON.stringify(event)}\n`;
    // The verdict first: a log that the trainer has spoilt must not hide the results.
    if (isVerdict(event)) Deno.writeTextFileSync(join(this.path, VERDICT_NAME), line);
    Deno.writeTextFileSync(join(this.path, EVENTS_NAME), line, { append: true });
  }

  /**
   * Opens what was said of the job, to be read. The caller closes it.
   *
   * @throws {Error} Where nothing was said, or it cannot be read.
   */
  async openEvents(): Promise<Deno.FsFile> {
    return await Deno.open(join(this.path, EVENTS_NAME));
  }

  /** The client that asked for the job; `undefined` where there is no such job. */
  async client(): Promise<PeerId | undefined> {
    return (await readIfPresent(join(this.path, OWNER_NAME), ownerSchema))?.client_id;
  }

  /** The last word of the job; `undefined` where it has not ended. */
  async verdict(): Promise<JobVerdict | undefined> {
    const event = await readIfPresent(join(this.path, VERDICT_NAME), jobEventSchema);
    return event !== undefined && isVerdict(event) ? event : undefined;
  }

  async remove(): Promise<void> {
    await Deno.remove(this.path, { recursive: true });
  }

  get #config(): string {
    return join(this.path, "config");
  }
}

/** The job's configurations, in their order, by the names of their files. */
function configsOf(spec: JobSpec): [name: string, text: string][] {
  if (spec.kind !== "train" || spec.runner !== "sleap-nn") return [];
  const next = (spec.next_config_contents ?? []).map((text, index): [string, string] => {
    return [`config_${index + 2}.yaml`, text];
  });
  return [["config.yaml", spec.config_content], ...next];
}

/** The last word of a job. */
export type JobVerdict = Extract<JobEvent, { duration_ms: number }>;

function isVerdict(event: JobEvent): event is JobVerdict {
  return "duration_ms" in event;
}

/** @throws {Error} Where the file cannot be read, or has something else in it. */
async function readIfPresent<T>(path: string, schema: z.ZodType<T>): Promise<T | undefined> {
  let text: string;
  try {
    text = await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
  const decoded = decodeJson(text, schema);
  if (decoded.ok) return decoded.value;
  throw new Error(`Expected ${path} as a worker writes it: ${decoded.reason}`);
}
