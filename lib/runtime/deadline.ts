/** Waits that end in time. Knows nothing of what is waited for, and cannot stop it. */

/**
 * What `work` comes to, if that is within `limitMs` and before `ended` is aborted.
 *
 * @throws {Error} With `message`, where it is not in time; `ended`'s reason, where that comes first.
 * What `work` comes to afterwards is nobody's.
 */
export async function within<T>(
  work: Promise<T>,
  limitMs: number,
  message: string,
  ended?: AbortSignal,
): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new Error(message)), limitMs);
  const end = () => late.reject(ended?.reason);
  ended?.addEventListener("abort", end, { once: true });
  if (ended?.aborted) end();
  try {
    return await Promise.race([work, late.promise]);
  } finally {
    clearTimeout(timer);
    ended?.removeEventListener("abort", end);
  }
}
