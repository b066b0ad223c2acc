/**
 * A note in a worker's folder that its machine is to be maintained: people of the machine write and
 * remove it, and the worker looks at it. It lasts over restarts. Knows nothing of jobs.
 */

import { join } from "node:path";
import { z } from "zod";
import { SECOND_MS } from "../base/time.ts";
import { removeIfPresent } from "./file_removal.ts";
import { readJsonFile } from "./json_file.ts";
import { pause } from "./pause.ts";

/** Characters of a reason: it has room in a refusal. */
export const MAINTENANCE_REASON_MAX = 500;
/** Between two looks. Higher: one more job is begun meanwhile. */
const LOOK_MS = SECOND_MS;

const noteSchema = z.object({ reason: z.string().min(1).max(MAINTENANCE_REASON_MAX) });

/** The note of one worker. */
export class MaintenanceNote {
  readonly #path: string;

  /** @param folder The worker's. */
  constructor(folder: string) {
    this.#path = join(folder, "maintenance.json");
  }

  /** Writes it. @throws {Error} Where there is no such folder. */
  async write(reason: string): Promise<void> {
    const aside = `${this.#path}.new`;
    await Deno.writeTextFile(aside, `${JSON.stringify({ reason })}\n`, { mode: 0o600 });
    await Deno.rename(aside, this.#path);
  }

  /** Removes it. */
  async remove(): Promise<void> {
    await removeIfPresent(this.#path);
  }

  /** Why no job is to be taken; `undefined` where there is no note. @throws {Error} Where it is spoilt. */
  async reason(): Promise<string | undefined> {
    const expected = `${this.#path} as \`sleap-rtc drain\` writes it`;
    return (await readJsonFile(this.#path, noteSchema, expected))?.reason;
  }

  /** Tells of each change, beginning with a note that is there, until `ended` is aborted. */
  async watch(ended: AbortSignal, changed: (reason: string | undefined) => void): Promise<void> {
    let last: string | undefined;
    while (!ended.aborted) {
      const reason = await this.#reasonOrFault();
      if (reason !== last) changed(reason);
      last = reason;
      await pause(LOOK_MS, ended);
    }
  }

  /** Whoever wrote a note that cannot be read wanted no jobs. */
  async #reasonOrFault(): Promise<string | undefined> {
    try {
      return await this.reason();
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
  }
}
