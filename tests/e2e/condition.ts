/** Waits for a condition with a deadline. Knows nothing of what is waited for. */

const POLL_MS = 50;

/**
 * What `ask` gives once it gives something.
 *
 * @throws {Error} Where it gives nothing within `limitMs`.
 */
export async function eventually<T>(
  what: string,
  ask: () => T | undefined | Promise<T | undefined>,
  limitMs: number,
): Promise<T> {
  const deadline = performance.now() + limitMs;
  for (;;) {
    const found = await ask();
    if (found !== undefined) return found;
    if (performance.now() > deadline) {
      throw new Error(`Expected ${what} within ${limitMs} ms, got nothing`);
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}
