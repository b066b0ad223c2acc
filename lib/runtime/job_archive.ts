/** What a worker keeps of jobs: who may ask for which of them, and when all of it goes. */

import { join } from "node:path";
import { isJobId, type JobId, type PeerId } from "../base/id.ts";
import { DAY_MS } from "../base/time.ts";
import { haveOneKey } from "../protocol/identity.ts";
import { EVENTS_NAME } from "./event_log.ts";
import { JobFolder } from "./job_folder.ts";
import { setAside } from "./landing_place.ts";

/** Jobs that are kept. Higher: more disk; lower: results go sooner. */
const JOBS_KEPT_MAX = 50;
/** For how long a job is kept after the last word of it. */
const JOB_KEPT_MS = 7 * DAY_MS;
/** For how long a part of a file waits for its transfer to be taken up again. */
const PART_KEPT_MS = DAY_MS;

/** The jobs of one worker, those of its earlier lives among them. */
export class JobArchive {
  readonly #jobsFolder: string;
  readonly #partsFolder: string;

  constructor(jobsFolder: string, partsFolder: string) {
    this.#jobsFolder = jobsFolder;
    this.#partsFolder = partsFolder;
  }

  /**
   * The folder of that job, where it is still here and `client` is of the key that asked for it.
   *
   * @throws {Error} Where the folder cannot be read.
   */
  async find(jobId: JobId, client: PeerId): Promise<JobFolder | undefined> {
    const folder = new JobFolder(this.#jobsFolder, jobId);
    const owner = await folder.client();
    return owner !== undefined && haveOneKey(owner, client) ? folder : undefined;
  }

  /** The folders of all jobs. */
  async all(): Promise<readonly JobFolder[]> {
    const folders: JobFolder[] = [];
    for await (const { name, isDirectory } of entriesOf(this.#jobsFolder)) {
      if (isDirectory && isJobId(name)) folders.push(new JobFolder(this.#jobsFolder, name));
    }
    return folders;
  }

  /**
   * Removes a job that never ran; what has arrived of it whole is kept among the parts.
   *
   * @throws {Error} Where it cannot be read, moved or removed.
   */
  async dismiss(folder: JobFolder): Promise<void> {
    const inputs = await folder.manifest();
    if (inputs !== undefined) await setAside(inputs, folder.inputs, this.#partsFolder);
    await folder.remove();
  }

  /** Removes jobs that are too old or too many, and parts that no transfer has come back for. */
  async sweep(nowMs: number): Promise<void> {
    for (const name of await this.#oldJobs(nowMs)) {
      await Deno.remove(join(this.#jobsFolder, name), { recursive: true });
    }
    for await (const { name } of entriesOf(this.#partsFolder)) {
      const path = join(this.#partsFolder, name);
      const changedMs = await changedAtMs(path);
      if (changedMs !== undefined && nowMs - changedMs > PART_KEPT_MS) await Deno.remove(path);
    }
  }

  async #oldJobs(nowMs: number): Promise<string[]> {
    const jobs: { name: string; changedMs: number }[] = [];
    for await (const { name, isDirectory } of entriesOf(this.#jobsFolder)) {
      if (!isDirectory) continue;
      const folder = join(this.#jobsFolder, name);
      // The folder itself does not change while the trainer writes below it.
      const changedMs = await changedAtMs(join(folder, EVENTS_NAME)) ?? await changedAtMs(folder);
      jobs.push({ name, changedMs: changedMs ?? nowMs });
    }
    const newestFirst = jobs.toSorted((one, other) => other.changedMs - one.changedMs);
    const isOld = ({ changedMs }: { changedMs: number }, place: number) =>
      place >= JOBS_KEPT_MAX || nowMs - changedMs > JOB_KEPT_MS;
    return newestFirst.filter(isOld).map(({ name }) => name);
  }
}

/** What a folder has; nothing, where it is not there yet. */
async function* entriesOf(folder: string): AsyncGenerator<Deno.DirEntry> {
  try {
    yield* Deno.readDir(folder);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

async function changedAtMs(path: string): Promise<number | undefined> {
  try {
    return (await Deno.stat(path)).mtime?.getTime();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
