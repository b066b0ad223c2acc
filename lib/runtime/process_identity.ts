/**
 * Which process a process id meant when it was written down: ids are used again, and begin anew with
 * each start of the machine. By `/proc` (proc(5)); other systems tell nothing.
 */

import { z } from "zod";

/** A process of one start of the machine. */
export const processIdentitySchema = z.object({
  pid: z.int().min(1),
  /** When it began, in ticks since the machine started; null where the system does not tell. */
  start_ticks: z.int().min(0).nullable(),
  /** Which start of the machine; null where the system does not tell. */
  boot_id: z.string().max(64).nullable(),
});
/** A process of one start of the machine. */
export type ProcessIdentity = z.infer<typeof processIdentitySchema>;

/** Which process has that id now. */
export async function identityOf(pid: number): Promise<ProcessIdentity> {
  const stat = await readIfTold(`/proc/${pid}/stat`);
  return {
    pid,
    start_ticks: stat === undefined ? null : startTicks(stat),
    boot_id: await bootId(),
  };
}

/** Which start of the machine this is; null where the system does not tell. */
export async function bootId(): Promise<string | null> {
  return (await readIfTold("/proc/sys/kernel/random/boot_id"))?.trim() ?? null;
}

/**
 * Whether the group that the process began may be signalled as its own: that process still has its
 * id, or has ended and left others in its group, for the system gives nobody an id that still names
 * a group. What cannot be told is taken for another's.
 */
export async function isStillIts(identity: ProcessIdentity): Promise<boolean> {
  if (identity.start_ticks === null || identity.boot_id === null) return false;
  return !await isAnothers(identity);
}

/** Whether the id surely means another process by now, or one of another start of the machine. */
export async function isAnothers({ pid, start_ticks, boot_id }: ProcessIdentity): Promise<boolean> {
  const now = await identityOf(pid);
  if (boot_id !== null && boot_id !== now.boot_id) return true;
  return start_ticks !== null && now.start_ticks !== null && start_ticks !== now.start_ticks;
}

/** Field 22 of `PID (NAME) STATE …`. A name may hold spaces and parentheses. */
function startTicks(stat: string): number | null {
  const ticks = Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19]);
  return Number.isSafeInteger(ticks) ? ticks : null;
}

/** What the system tells in that file of `/proc`; `undefined` where it does not. */
export async function readIfTold(path: string): Promise<string | undefined> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    if (error instanceof Deno.errors.PermissionDenied) return undefined;
    // A process that ended while it was being read: ESRCH.
    if (error instanceof Error && /os error 3\b/.test(error.message)) return undefined;
    throw error;
  }
}
