/** Waiting for what must come true, with a deadline; and folders that do not outlive their test. */

const DEADLINE_MS = 10_000;

/** What `look` finds as soon as it finds something. */
export async function eventually<T>(what: string, look: () => T | undefined): Promise<T> {
  const deadline = performance.now() + DEADLINE_MS;
  for (;;) {
    const found = look();
    if (found !== undefined) return found;
    if (performance.now() > deadline) throw new Error(`Expected ${what} in time, got none`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** Resolves as soon as `holds` does. */
export async function until(what: string, holds: () => boolean): Promise<void> {
  await eventually(what, () => holds() ? true : undefined);
}

/** Runs `body` with a folder of its own. */
export async function withFolder(body: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await body(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
