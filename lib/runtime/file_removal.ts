/** Removes files that may be gone already. */

/** @throws {Error} Where there is such a file and it cannot be removed. */
export async function removeIfPresent(path: string): Promise<void> {
  try {
    await Deno.remove(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
