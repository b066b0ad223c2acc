/**
 * A group of processes, named by the process that began it: signals to all of it, and whether
 * anybody is left. Knows nothing of what they do.
 */

import process from "node:process";
import { readIfTold } from "./process_identity.ts";

/** For the system to bury what was killed: a process that waits for its disk takes its time. */
const BURIAL_MS = 5_000;
const BURIAL_POLL_MS = 20;
/** Windows has no process groups: there the first process stands for all. */
const HAS_GROUPS = Deno.build.os !== "windows";
const HAS_PROC = Deno.build.os === "linux";

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

/**
 * Waits until nobody is left in the group of `pid`. Gives whether that came about in time. Those who
 * have ended and only wait for their parent to notice are not counted: in a container whose first
 * process waits for nobody, they stay.
 */
export async function isBuried(pid: number): Promise<boolean> {
  // There is no group to ask for on Windows.
  if (!HAS_GROUPS) return true;
  for (let waitedMs = 0; isGroupThere(pid); waitedMs += BURIAL_POLL_MS) {
    if (waitedMs >= BURIAL_MS) return HAS_PROC && (await membersOf(pid)).length === 0;
    await new Promise((resolve) => setTimeout(resolve, BURIAL_POLL_MS));
  }
  return true;
}

/** The living processes of the group of `group`, by their ids; none where the system lists none. */
export async function membersOf(group: number): Promise<number[]> {
  if (!HAS_PROC) return [];
  const pids: number[] = [];
  for await (const { name } of Deno.readDir("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const stat = await readIfTold(`/proc/${name}/stat`);
    // Fields 3, 5 and 20 of proc_pid_stat(5). A name may hold spaces and parentheses.
    const fields = stat?.slice(stat.lastIndexOf(")") + 2).split(" ") ?? [];
    const [state, of, threads] = [fields[0], fields[2], fields[17]];
    // One that has ended may have threads that have not, such as one that the driver holds.
    const hasEnded = state === "Z" && Number(threads) <= 1;
    if (Number(of) === group && !hasEnded) pids.push(Number(name));
  }
  return pids;
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
