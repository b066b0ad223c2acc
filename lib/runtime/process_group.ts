/**
 * A group of processes, named by the process that began it: signals to all of it, and whether
 * anybody is left. Knows nothing of what they do.
 */

import process from "node:process";

/** For the system to bury what was killed: a process that waits for its disk takes its time. */
const BURIAL_MS = 5_000;
const BURIAL_POLL_MS = 20;
/** Windows has no process groups: there the first process stands for all. */
const HAS_GROUPS = Deno.build.os !== "windows";

/** Sends `signal` to the whole group of `pid`. One of which nobody is left is none the worse. */
export function signalGroup(pid: number, signal: Deno.Signal): void {
  try {
    Deno.kill(HAS_GROUPS ? -pid : pid, signal);
  } catch (error) {
    // Nobody is left in the group, which macOS says by refusing to signal what has ended.
    if (error instanceof Deno.errors.NotFound) return;
    if (error instanceof Deno.errors.PermissionDenied) return;
    if (error instanceof TypeError && !HAS_GROUPS) return;
    throw error;
  }
}

/** Waits until nobody is left in the group of `pid`. Gives whether that came about in time. */
export async function isBuried(pid: number): Promise<boolean> {
  // There is no group to ask for on Windows.
  if (!HAS_GROUPS) return true;
  for (let waitedMs = 0; isGroupThere(pid); waitedMs += BURIAL_POLL_MS) {
    if (waitedMs >= BURIAL_MS) return false;
    await new Promise((resolve) => setTimeout(resolve, BURIAL_POLL_MS));
  }
  return true;
}

function isGroupThere(pid: number): boolean {
  try {
    process.kill(-pid, 0);
    return true;
  } catch (error) {
    // macOS refuses to signal a group of which all have ended.
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    if (code === "ESRCH" || code === "EPERM") return false;
    throw error;
  }
}
