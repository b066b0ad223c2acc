/** Waits that end in time. Knows nothing of what is waited for, and cannot stop it. */

/**
 * What `work` comes to, if that is within `limitMs`.
 *
 * @throws {Error} With `message`, where it is not. What `work` comes to afterwards is nobody's.
 */
export async function within<T>(work: Promise<T>, limitMs: number, message: string): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new Error(message)), limitMs);
  try {
    return await Promise.race([work, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}
