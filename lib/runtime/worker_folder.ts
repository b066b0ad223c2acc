/** The folder that one worker keeps across its lives: who holds it now, and which life this is. */

import { join } from "node:path";

/** A folder that this process holds until it is disposed of. */
export interface WorkerFolder extends Disposable {
  readonly path: string;
  /** Which life this is: higher than any before, even if the clock went back. */
  readonly incarnation: number;
}

/**
 * Takes hold of `path` for this process, and counts a new life.
 *
 * @throws {Error} Where another process holds it, or it cannot be written.
 */
export async function holdWorkerFolder(path: string, nowMs: number): Promise<WorkerFolder> {
  await Deno.mkdir(join(path, "jobs"), { recursive: true, mode: 0o700 });
  const lock = await Deno.open(join(path, "lock"), { create: true, write: true });
  if (!await lock.tryLock(true)) {
    lock.close();
    throw new Error(
      `Expected ${path} to be free, got a worker that holds it; stop that one, or give this one another --name`,
    );
  }
  try {
    const incarnation = await nextIncarnation(join(path, "incarnation"), nowMs);
    return { path, incarnation, [Symbol.dispose]: () => lock.close() };
  } catch (error) {
    lock.close();
    throw error;
  }
}

/** Written aside and moved into place: a life that was counted stays counted. */
async function nextIncarnation(path: string, nowMs: number): Promise<number> {
  const last = Number(await readIfPresent(path) ?? "0");
  const incarnation = Math.max(Number.isSafeInteger(last) ? last + 1 : 0, Math.floor(nowMs));
  await Deno.writeTextFile(`${path}.new`, `${incarnation}\n`);
  await Deno.rename(`${path}.new`, path);
  return incarnation;
}

async function readIfPresent(path: string): Promise<string | undefined> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
