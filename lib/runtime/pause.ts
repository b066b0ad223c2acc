/** Waits that end early. */

/** Resolves after `delayMs`, or as soon as `ended` is aborted. */
export function pause(delayMs: number, ended: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      ended.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, delayMs);
    ended.addEventListener("abort", end, { once: true });
    if (ended.aborted) end();
  });
}
