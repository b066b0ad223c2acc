/**
 * What a worker has learnt of other machines' paths, kept in its folder. Each key's lessons are its
 * own: nobody can lead the jobs of another astray.
 */

import { join } from "node:path";
import { z } from "zod";
import type { PeerId } from "../base/id.ts";
import { haveOneKey } from "../protocol/identity.ts";
import { type PathMap, pathMapSchema } from "../protocol/mount.ts";
import { peerIdSchema } from "../protocol/name.ts";
import { readJsonFile } from "./json_file.ts";

const FILE_NAME = "maps.json";
/** Lessons that are kept, the newest first. */
const LESSONS_MAX = 500;

const lessonsSchema = z.array(z.object({ client_id: peerIdSchema, map: pathMapSchema }))
  .max(LESSONS_MAX);
type Lessons = z.infer<typeof lessonsSchema>;

/** The lessons of one worker. */
export class MapMemory {
  readonly #path: string;

  /** @param folder The worker's own. */
  constructor(folder: string) {
    this.#path = join(folder, FILE_NAME);
  }

  /**
   * The prefixes that were learnt of this client's key, newest first.
   *
   * @throws {Error} Where they cannot be read, or something else is in their file.
   */
  async of(client: PeerId): Promise<PathMap[]> {
    const lessons = await this.#read();
    return lessons.filter(({ client_id }) => haveOneKey(client_id, client)).map(({ map }) => map);
  }

  /**
   * Keeps `maps` for this client's key.
   *
   * @throws {Error} Where they cannot be written.
   */
  async learn(client: PeerId, maps: readonly PathMap[]): Promise<void> {
    if (maps.length === 0) return;
    const before = await this.#read();
    const isNew = ({ client_id, map }: Lessons[number]) =>
      !maps.some(({ from }) => from === map.from) || !haveOneKey(client_id, client);
    const lessons = [
      ...maps.map((map) => ({ client_id: client, map })),
      ...before.filter(isNew),
    ].slice(0, LESSONS_MAX);
    const draft = `${this.#path}.part`;
    await Deno.writeTextFile(draft, `${JSON.stringify(lessons)}\n`, { mode: 0o600 });
    await Deno.rename(draft, this.#path);
  }

  async #read(): Promise<Lessons> {
    const expected = `${this.#path} as a worker writes it (remove the file if it is spoilt)`;
    return await readJsonFile(this.#path, lessonsSchema, expected) ?? [];
  }
}
