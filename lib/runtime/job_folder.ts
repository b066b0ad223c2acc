/**
 * Where a worker keeps a job: its specification and who asked for it, its inputs, what it wrote, and
 * what was said of it. All of it outlives the worker.
 */

import { join } from "node:path";
import { z } from "zod";
import type { JobId, PeerId } from "../base/id.ts";
import { type JobSpec, takenJobSpecSchema } from "../protocol/job_spec.ts";
import { type Manifest, manifestSchema } from "../protocol/manifest.ts";
import { peerIdSchema } from "../protocol/name.ts";
import { logsOf, type RunnerPaths, type Stage } from "../job/runner.ts";
import { EventLog, EVENTS_NAME } from "./event_log.ts";
import { readJsonFile } from "./json_file.ts";
import { RESOLVED_NAMES } from "./resolved_labels.ts";
import { RunFolder } from "./run_folder.ts";

/** The stages of a job that has several. */
const PLAN_NAME = "stages.json";
/** The file that names the client. */
const OWNER_NAME = "job.json";
const SPEC_NAME = "spec.json";
/** What the client sends, or has sent: who finds a job that never ran knows by it what has arrived. */
const MANIFEST_NAME = "inputs.json";
const ownerSchema = z.object({ client_id: peerIdSchema });

/** The folder of one job. */
export class JobFolder {
  readonly path: string;
  readonly jobId: JobId;
  /** What was said of the job. */
  readonly events: EventLog;
  readonly #root: string;

  constructor(root: string, jobId: JobId) {
    this.#root = root;
    this.jobId = jobId;
    this.path = join(root, jobId);
    this.events = new EventLog(this.path);
  }

  /** Where the inputs stand, each by its path in the manifest. */
  get inputs(): string {
    return join(this.path, "inputs");
  }

  /** Where the trainer writes. */
  get output(): string {
    return join(this.path, "output");
  }

  /** What the worker and the trainer's keeper leave each other. */
  get run(): RunFolder {
    return new RunFolder(join(this.path, "run"));
  }

  /**
   * Makes the folders, and writes down the specification, its inputs and the client that asked for it.
   *
   * A folder in which this client's job has never run is taken over: an earlier life of the worker
   * ended while the inputs came in.
   *
   * @throws {Error} Where there is another such folder: job ids are chosen by clients, and none may
   * get at the job of another by naming it.
   */
  async create(spec: JobSpec, client: PeerId, inputs: Manifest): Promise<void> {
    await Deno.mkdir(this.#root, { recursive: true, mode: 0o700 });
    try {
      await Deno.mkdir(this.path, { mode: 0o700 });
    } catch (cause) {
      if (!(cause instanceof Deno.errors.AlreadyExists)) throw cause;
      if (await this.#isUnused(client)) return await this.#fill(spec, client, inputs);
      throw new Error("Expected a new job id, got one that is taken; choose another", { cause });
    }
    await this.#fill(spec, client, inputs);
  }

  async #fill(spec: JobSpec, client: PeerId, inputs: Manifest): Promise<void> {
    for (const folder of [this.inputs, this.output, this.#config]) {
      await Deno.mkdir(folder, { recursive: true, mode: 0o700 });
    }
    await Deno.writeTextFile(join(this.path, MANIFEST_NAME), `${JSON.stringify(inputs)}\n`);
    await Deno.writeTextFile(join(this.path, SPEC_NAME), `${JSON.stringify(spec, null, 2)}\n`);
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
   * @param labels The labels to work on and to validate on: as they came, or copies with this
   * worker's paths.
   */
  pathsFor(spec: JobSpec, labels: Pick<RunnerPaths, "package" | "validation">): RunnerPaths {
    const paths = {
      ...labels,
      output: this.output,
      config: { folder: this.#config, names: configsOf(spec).map(([name]) => name) },
      models: spec.kind === "track" ? spec.models.map((model) => join(this.inputs, model)) : [],
    };
    if (spec.kind !== "train" || spec.runner !== "sleap-nn") return paths;
    const { resume_ckpt: checkpoint } = spec;
    if (checkpoint === undefined) return paths;
    return { ...paths, resumeCheckpoint: join(this.inputs, checkpoint) };
  }

  /** Where the stages of `spec` may write their logs: of each that writes one, all places. */
  logsFor(spec: JobSpec): readonly (readonly string[])[] {
    return logsOf(spec).map((paths) => paths.map((path) => join(this.path, path)));
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

  /** The client that asked for the job; `undefined` where there is no such job. */
  async client(): Promise<PeerId | undefined> {
    return (await this.#read(OWNER_NAME, ownerSchema))?.client_id;
  }

  /** What was asked for; `undefined` where there is no such job. */
  async spec(): Promise<JobSpec | undefined> {
    return await this.#read(SPEC_NAME, takenJobSpecSchema);
  }

  /** What the client was to send; `undefined` where there is no such job. */
  async manifest(): Promise<Manifest | undefined> {
    return await this.#read(MANIFEST_NAME, manifestSchema);
  }

  /** Removes what the trainer read: with its verdict a job needs its inputs no more. */
  async removeInputs(): Promise<void> {
    const copies = Object.values(RESOLVED_NAMES).map((name) => join(this.path, name));
    for (const folder of [this.inputs, ...copies]) {
      try {
        await Deno.remove(folder, { recursive: true });
      } catch (error) {
        if (!(error instanceof Deno.errors.NotFound)) throw error;
      }
    }
  }

  async remove(): Promise<void> {
    await Deno.remove(this.path, { recursive: true });
  }

  async #read<T>(name: string, schema: z.ZodType<T>): Promise<T | undefined> {
    const path = join(this.path, name);
    return await readJsonFile(path, schema, `${path} as a worker writes it`);
  }

  async #isUnused(client: PeerId): Promise<boolean> {
    if (await this.client() !== client) return false;
    try {
      await Deno.stat(join(this.path, EVENTS_NAME));
      return false;
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return true;
      throw error;
    }
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
