/**
 * Where the results of one job come home: into a place beside their folder, and into the folder itself
 * once they are whole. Knows nothing of how they come.
 *
 * The place beside is made by what first arrives, when the job is done: until then nothing is there to
 * be removed. From then on it stays, however the client ends, and the next one of the job goes on with
 * it. Two clients of one job, in two terminals, write to it one after the other.
 */

import { basename, dirname, join, resolve } from "node:path";
import { Failure } from "../base/failure.ts";
import type { JobId } from "../base/id.ts";
import type { Manifest } from "../protocol/manifest.ts";
import { digestFile } from "../runtime/file_digest.ts";

/** The place of one job's results. */
export class ResultFolder {
  /** The folder that is there when the results are whole, and not before. */
  readonly path: string;
  readonly #incomplete: string;
  readonly #lock: string;

  private constructor(path: string, jobId: JobId) {
    this.path = resolve(path);
    // Beside the folder, so that moving it into place is one rename.
    const beside = join(dirname(this.path), `.${basename(this.path)}.${jobId}`);
    this.#incomplete = `${beside}.incomplete`;
    this.#lock = `${beside}.lock`;
  }

  /**
   * Sees that there can be a place for the results of `jobId`, which will stand at `path`. What an
   * earlier client of the job left in it is kept.
   *
   * @throws {Failure} Where something is there already, or nothing can be written.
   */
  static async prepare(path: string, jobId: JobId): Promise<ResultFolder> {
    const folder = new ResultFolder(path, jobId);
    try {
      await requireEmpty(folder.path);
      await Deno.mkdir(dirname(folder.path), { recursive: true });
      await folder.#requireRoom();
    } catch (cause) {
      if (cause instanceof Failure) throw cause;
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new Failure(
        "no_place",
        `Expected a place for the results at ${folder.path}, got an error: ${reason}; give another --output`,
        { cause },
      );
    }
    return folder;
  }

  /** Sees that something can be written beside the folder. */
  async #requireRoom(): Promise<void> {
    try {
      await Deno.mkdir(this.#incomplete);
      await Deno.remove(this.#incomplete);
    } catch (error) {
      if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
    }
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
   * Keeps other clients of the job from writing here, until it is disposed of. `undefined` where one of
   * them does so now.
   */
  async tryHold(): Promise<AsyncDisposable | undefined> {
    const file = await Deno.open(this.#lock, { create: true, write: true, mode: 0o600 });
    // Whoever had it may have removed it meanwhile: then another file of that name is the lock.
    if (!await isLocked(file) || !await isAt(file, this.#lock)) {
      file.close();
      return undefined;
    }
    return {
      [Symbol.asyncDispose]: async () => {
        await Deno.remove(this.#lock);
        file.close();
      },
    };
  }

  /** Whether the files of `manifest` stand in the folder: another client of the job has brought them. */
  async isHome({ files }: Manifest): Promise<boolean> {
    for (const { path, bytes, sha256 } of files) {
      const place = join(this.path, path);
      try {
        if ((await Deno.stat(place)).size !== bytes) return false;
        if ((await digestFile(place)).sha256 !== sha256) return false;
      } catch (error) {
        const isMissing = error instanceof Deno.errors.NotFound ||
          error instanceof Deno.errors.NotADirectory;
        if (!isMissing) throw error;
        return false;
      }
    }
    return files.length > 0;
  }

  /**
   * Moves what is here to its place: all of it at once, over nothing but an empty folder.
   *
   * @throws {Failure} Where something else is there by now; then the results stay where they are.
   */
  async complete(): Promise<void> {
    try {
      if (await requireEmpty(this.path)) await Deno.remove(this.path);
      await Deno.rename(this.files, this.path);
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new Failure(
        "no_place",
        `The results are whole, but cannot be moved to ${this.path}; they are in ${this.files}: ${reason}`,
        { cause },
      );
    }
    await Deno.remove(this.#incomplete, { recursive: true });
  }
}

/** Whether `file` is locked by us now. Some network shares have no locks: there nobody else is known of. */
async function isLocked(file: Deno.FsFile): Promise<boolean> {
  try {
    return await file.tryLock(true);
  } catch {
    return true;
  }
}

/** Whether `path` names `file`. */
async function isAt(file: Deno.FsFile, path: string): Promise<boolean> {
  try {
    const [opened, named] = [await file.stat(), await Deno.stat(path)];
    return opened.dev === named.dev && opened.ino === named.ino;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
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
  throw new Failure(
    "no_place",
    `Expected a new or empty folder for the results at ${path}, got one with something in it; choose another \`--output\``,
  );
}
