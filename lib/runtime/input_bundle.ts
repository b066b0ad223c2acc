/**
 * What a person gives a command, as plain files to send: labels, a folder, or an archive that is
 * opened here. Told apart by content and not by name; knows nothing of what is in labels.
 */

import { basename, join } from "node:path";
import { decode } from "../protocol/decode.ts";
import { relativePathSchema } from "../protocol/manifest.ts";
import { unpackZip } from "./archive/unpacking.ts";
import { isHdf5, isZip, SIGNATURE_BYTES } from "./training_package/signature.ts";

/** Files of a folder that are looked at. */
const FILES_MAX = 10_000;
/** How deep a folder is looked into. */
const DEPTH_MAX = 8;
/** Labels that a refusal lists. */
const LISTED_MAX = 5;

/** A file to send. */
export interface InputFile {
  /** Its path among the job's inputs. */
  readonly path: string;
  /** Where it is on this machine. */
  readonly local: string;
}

/** What cannot be taken for inputs. The message says what it is and what to do next. */
export class InputRefused extends Error {
  override readonly name = "InputRefused";
}

/** Inputs that were opened. Disposing of it removes what was unpacked. */
export class InputBundle implements AsyncDisposable {
  /** The labels to work on. */
  readonly labels: InputFile;
  /** Whatever else was found, sorted by path. It is sent only where somebody needs it. */
  readonly others: readonly InputFile[];
  readonly #unpacked: string | undefined;

  private constructor(labels: InputFile, others: readonly InputFile[], unpacked?: string) {
    this.labels = labels;
    this.others = others;
    this.#unpacked = unpacked;
  }

  /**
   * Opens what is at `path`. A file that is neither an archive nor labels is taken for labels: who
   * reads it says what is wrong with it.
   *
   * @throws {InputRefused} Where a folder or archive has no labels or several, or is hostile.
   * @throws {Deno.errors.NotFound} Where nothing is there.
   */
  static async open(path: string): Promise<InputBundle> {
    const { isDirectory } = await Deno.stat(path);
    if (isDirectory) return await InputBundle.#ofFolder(path, path);
    if (isZip(await headOf(path))) {
      const folder = await Deno.makeTempDir({ prefix: "sleap-rtc-inputs-" });
      try {
        await unpackZip(path, folder);
        return await InputBundle.#ofFolder(folder, path, folder);
      } catch (cause) {
        await Deno.remove(folder, { recursive: true });
        throw cause;
      }
    }
    return new InputBundle({ path: basename(path), local: path }, []);
  }

  static async #ofFolder(folder: string, given: string, unpacked?: string): Promise<InputBundle> {
    const files = await filesBelow(folder, given);
    const labels: InputFile[] = [];
    for (const file of files) {
      if (file.path.toLowerCase().endsWith(".slp") && isHdf5(await headOf(file.local))) {
        labels.push(file);
      }
    }
    const chosen = theOne(labels, given);
    return new InputBundle(chosen, files.filter((file) => file !== chosen), unpacked);
  }

  /** Those of the other files whose name ends in one of `endings`, which are in lower case. */
  withEndings(endings: readonly string[]): InputFile[] {
    return this.others.filter(({ path }) =>
      endings.some((ending) => path.toLowerCase().endsWith(ending))
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#unpacked !== undefined) await Deno.remove(this.#unpacked, { recursive: true });
  }
}

/** The labels that are meant: the only ones, or the only package among them. */
function theOne(labels: readonly InputFile[], given: string): InputFile {
  const packages = labels.filter(({ path }) => path.toLowerCase().endsWith(".pkg.slp"));
  const [first] = packages.length === 1 ? packages : labels;
  if (first !== undefined && (labels.length === 1 || packages.length === 1)) return first;
  const names = labels.slice(0, LISTED_MAX).map(({ path }) => JSON.stringify(path)).join(", ");
  const more = labels.length > LISTED_MAX ? ` and ${labels.length - LISTED_MAX} more` : "";
  throw new InputRefused(
    labels.length === 0
      ? `Expected labels (.slp) in ${given}, got none; name the file itself`
      : `Expected one file of labels in ${given}, got ${names}${more}; name the one that is meant`,
  );
}

/** Every regular file below `folder` whose name can travel. Links are left out. */
async function filesBelow(folder: string, given: string): Promise<InputFile[]> {
  const files: InputFile[] = [];
  const visit = async (prefix: string, depth: number): Promise<void> => {
    for await (const entry of Deno.readDir(join(folder, prefix))) {
      const path = `${prefix}${entry.name}`;
      if (entry.isDirectory && depth < DEPTH_MAX) await visit(`${path}/`, depth + 1);
      if (!entry.isFile || !decode(path, relativePathSchema).ok) continue;
      files.push({ path, local: join(folder, path) });
      if (files.length > FILES_MAX) {
        throw new InputRefused(
          `Expected at most ${FILES_MAX} files in ${given}, got more; name the labels themselves`,
        );
      }
    }
  };
  await visit("", 0);
  return files.toSorted((one, other) => one.path < other.path ? -1 : 1);
}

/** Whether the file at `path` may hold labels: whether it is HDF5. */
export async function isLabels(path: string): Promise<boolean> {
  return isHdf5(await headOf(path));
}

/** The first bytes of a file. */
async function headOf(path: string): Promise<Uint8Array> {
  // Asked before it is opened: opening a pipe would wait for somebody to write.
  if (!(await Deno.stat(path)).isFile) return new Uint8Array();
  using file = await Deno.open(path);
  const head = new Uint8Array(SIGNATURE_BYTES);
  const count = await file.read(head) ?? 0;
  return head.subarray(0, count);
}
