/**
 * Where the results of one job come home: into a place beside their folder, and into the folder itself
 * once they are whole. Knows nothing of how they come.
 *
 * The place beside is made by what first arrives, when the job is done: until then nothing is there to
 * be removed. From then on it stays, however the client ends, and the next one of the job goes on with
 * it.
 */

import { basename, dirname, join, resolve } from "node:path";
import type { JobId } from "../base/id.ts";

/** The place of one job's results. */
export class ResultFolder {
  /** The folder that is there when the results are whole, and not before. */
  readonly path: string;
  readonly #incomplete: string;

  private constructor(path: string, jobId: JobId) {
    this.path = resolve(path);
    // Beside the folder, so that moving it into place is one rename.
    this.#incomplete = join(dirname(this.path), `.${basename(this.path)}.${jobId}.incomplete`);
  }

  /**
   * Sees that there can be a place for the results of `jobId`, which will stand at `path`. What an
   * earlier client of the job left in it is kept.
   *
   * @throws {Error} Where something is there already, or nothing can be written.
   */
  static async prepare(path: string, jobId: JobId): Promise<ResultFolder> {
    const folder = new ResultFolder(path, jobId);
    await requireEmpty(folder.path);
    await Deno.mkdir(dirname(folder.path), { recursive: true });
    try {
      await Deno.mkdir(folder.#incomplete);
      await Deno.remove(folder.#incomplete);
    } catch (error) {
      if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
    }
    return folder;
  }

  /** Where files stand until all are here. */
  get files(): string {
    return join(this.#incomplete, "files");
  }

  /** Where parts of files are kept. */
  get parts(): string {
    return join(this.#incomplete, "parts");
  }

  /**
   * Moves what is here to its place: all of it at once, over nothing but an empty folder.
   *
   * @throws {Error} Where something else is there by now; then the results stay where they are.
   */
  async complete(): Promise<void> {
    try {
      if (await requireEmpty(this.path)) await Deno.remove(this.path);
      await Deno.rename(this.files, this.path);
    } catch (cause) {
      throw new Error(
        `The results are whole, but cannot be moved to ${this.path}; they are in ${this.files}`,
        { cause },
      );
    }
    await Deno.remove(this.#incomplete, { recursive: true });
  }
}

/** Whether a folder is at `path`, which then has nothing in it. */
async function requireEmpty(path: string): Promise<boolean> {
  try {
    const { isDirectory } = await Deno.lstat(path);
    const [first] = isDirectory ? await Array.fromAsync(Deno.readDir(path)) : ["something else"];
    if (first === undefined) return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
  throw new Error(
    `Expected a new or empty folder for the results at ${path}, got one with something in it; choose another`,
  );
}
