/**
 * Where a worker keeps a job: its specification and who asked for it, its inputs, what it wrote, and
 * what was said of it. All of it outlives the worker.
 */

import { join } from "node:path";
import { z } from "zod";
import type { JobId, PeerId } from "../base/id.ts";
import { decodeJson } from "../protocol/decode.ts";
import { type JobEvent, jobEventSchema } from "../protocol/job_message.ts";
import { type JobSpec, jobSpecSchema } from "../protocol/job_spec.ts";
import { peerIdSchema } from "../protocol/name.ts";
import { logsOf, type RunnerPaths, type Stage } from "../job/runner.ts";
import type { Told } from "./job_process.ts";
import { readJsonFile } from "./json_file.ts";
import { RunFolder } from "./run_folder.ts";

/** The file within a job's folder that has what was said of the job, one event a line. */
export const EVENTS_NAME = "events.jsonl";
const LINE_FEED = 10;
/** The stages of a job that has several. */
const PLAN_NAME = "stages.json";
/** The file that names the client, and the one that has the last event. */
const OWNER_NAME = "job.json";
const VERDICT_NAME = "verdict.json";
const SPEC_NAME = "spec.json";
const ownerSchema = z.object({ client_id: peerIdSchema });
/** How far the run's own files were told when a word was said, beside that word. */
const lastWordSchema = z.object({
  sequence: z.int().min(1),
  told: z.object({ output_bytes: z.int().min(0), rows: z.int().min(0) }).optional(),
});
/** The end of an event log in which its last word lies: a word fits into a message on a link. */
const LAST_WORD_BYTES = 2 * 1024 * 1024;

/** How far a job was told. */
export interface LastWord {
  /** The number of the last word; 0 where none was said. */
  readonly sequence: number;
  readonly told: Told;
}

const NOTHING_SAID: LastWord = { sequence: 0, told: { outputBytes: 0, rows: 0 } };

/** The folder of one job. */
export class JobFolder {
  readonly path: string;
  readonly jobId: JobId;
  readonly #root: string;

  constructor(root: string, jobId: JobId) {
    this.#root = root;
    this.jobId = jobId;
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

  /** What the worker and the trainer's keeper leave each other. */
  get run(): RunFolder {
    return new RunFolder(join(this.path, "run"));
  }

  /**
   * Makes the folders, and writes down the specification and the client that asked for the job.
   *
   * A folder in which this client's job has never run is taken over: an earlier life of the worker
   * ended while the inputs came in.
   *
   * @throws {Error} Where there is another such folder: job ids are chosen by clients, and none may
   * get at the job of another by naming it.
   */
  async create(spec: JobSpec, client: PeerId): Promise<void> {
    await Deno.mkdir(this.#root, { recursive: true, mode: 0o700 });
    try {
      await Deno.mkdir(this.path, { mode: 0o700 });
    } catch (cause) {
      if (!(cause instanceof Deno.errors.AlreadyExists)) throw cause;
      if (await this.#isUnused(client)) return await this.#fill(spec, client);
      throw new Error("Expected a new job id, got one that is taken; choose another", { cause });
    }
    await this.#fill(spec, client);
  }

  async #fill(spec: JobSpec, client: PeerId): Promise<void> {
    for (const folder of [this.inputs, this.output, this.#config]) {
      await Deno.mkdir(folder, { recursive: true, mode: 0o700 });
    }
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

  /**
   * Writes down what is said of the job, so that it can be said again.
   *
   * @param told How far the run's files are told with it: a later life of the worker goes on there.
   */
  note(event: JobEvent, told?: Told): void {
    const words = told === undefined
      ? event
      : { ...event, told: { output_bytes: told.outputBytes, rows: told.rows } };
    const line = `${JSON.stringify(words)}\n`;
    // The verdict first: a log that the trainer has spoilt must not hide the results.
    if (isVerdict(event)) Deno.writeTextFileSync(join(this.path, VERDICT_NAME), line);
    Deno.writeTextFileSync(join(this.path, EVENTS_NAME), line, { append: true });
  }

  /**
   * The last word that was said of the job. A word that was cut off by the end of the machine is
   * taken out of the log: nobody has heard it.
   *
   * @throws {Error} Where the log cannot be read or written.
   */
  lastWord(): LastWord {
    let file: Deno.FsFile;
    try {
      file = Deno.openSync(join(this.path, EVENTS_NAME), { read: true, write: true });
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return NOTHING_SAID;
      throw error;
    }
    using log = file;
    const { size } = log.statSync();
    const start = Math.max(0, size - LAST_WORD_BYTES);
    log.seekSync(start, Deno.SeekMode.Start);
    const bytes = new Uint8Array(size - start);
    let filled = 0;
    for (let length = log.readSync(bytes); length !== null && length > 0;) {
      filled += length;
      length = log.readSync(bytes.subarray(filled));
    }
    const end = bytes.subarray(0, filled).lastIndexOf(LINE_FEED) + 1;
    if (end < filled) log.truncateSync(start + end);
    const line = new TextDecoder().decode(bytes.subarray(0, end)).trimEnd().split("\n").at(-1) ??
      "";
    if (line === "") return NOTHING_SAID;
    const decoded = decodeJson(line, lastWordSchema);
    if (!decoded.ok) throw new Error(`Expected an event in ${this.path}: ${decoded.reason}`);
    const { sequence, told } = decoded.value;
    if (told === undefined) return { ...NOTHING_SAID, sequence };
    return { sequence, told: { outputBytes: told.output_bytes, rows: told.rows } };
  }

  /**
   * Writes the verdict into the event log where only that is missing: the worker ended between the
   * two.
   *
   * @throws {Error} Where the log cannot be read or written.
   */
  mend(verdict: JobVerdict): void {
    if (this.lastWord().sequence >= verdict.sequence) return;
    const path = join(this.path, EVENTS_NAME);
    Deno.writeTextFileSync(path, `${JSON.stringify(verdict)}\n`, { append: true });
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
    return (await this.#read(OWNER_NAME, ownerSchema))?.client_id;
  }

  /** What was asked for; `undefined` where there is no such job. */
  async spec(): Promise<JobSpec | undefined> {
    return await this.#read(SPEC_NAME, jobSpecSchema);
  }

  /** The last word of the job; `undefined` where it has not ended. */
  async verdict(): Promise<JobVerdict | undefined> {
    const event = await this.#read(VERDICT_NAME, jobEventSchema);
    return event !== undefined && isVerdict(event) ? event : undefined;
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

/** The last word of a job. */
export type JobVerdict = Extract<JobEvent, { duration_ms: number }>;

function isVerdict(event: JobEvent): event is JobVerdict {
  return "duration_ms" in event;
}
