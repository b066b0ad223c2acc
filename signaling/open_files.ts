/**
 * How many files and connections the system lets this process have open. Knows no port: Deno's listener
 * (2.9.6) stops accepting for good once it may not open another one, and says nothing.
 */

/** Kept for the store, the log and what is asked of others. Higher: fewer connections are taken. */
const RESERVED_MAX = 256;

/** The connections to take where `wanted` are, and the system allows `openFiles` in all. */
export function connectionsWithin(openFiles: number | undefined, wanted: number): number {
  if (openFiles === undefined) return wanted;
  return Math.max(
    1,
    Math.min(wanted, openFiles - Math.min(RESERVED_MAX, Math.ceil(openFiles / 2))),
  );
}

/** The limit in the text of Linux' `/proc/self/limits`; `undefined` where there is none. */
export function openFilesOf(limits: string): number | undefined {
  const soft = /^Max open files +(\d+)/m.exec(limits)?.[1];
  return soft === undefined ? undefined : Number(soft);
}

/** The most files that this process may have open; `undefined` where the system does not say. */
export async function openFilesMax(): Promise<number | undefined> {
  try {
    return openFilesOf(await Deno.readTextFile("/proc/self/limits"));
  } catch (error) {
    // Systems other than Linux have no such file.
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
