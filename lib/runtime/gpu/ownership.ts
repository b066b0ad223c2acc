/** Whose processes those on a GPU are: this worker's, or somebody else's. Asks no driver. */

/** Where a process stands among the others. */
export interface Relatives {
  readonly parent: number;
  readonly group: number;
  readonly session: number;
}

/** Tells the relatives of a process; undefined where it is gone, or not for us to see. */
export type Genealogy = (pid: number) => Promise<Relatives | undefined>;

/** What is asked of the processes on a GPU. */
export interface OwnershipOptions {
  /** The worker and its jobs. What descends from them, or is of their groups, is theirs. */
  readonly own: readonly number[];
  /** Whether a job of ours runs. */
  readonly isBusy: boolean;
  readonly genealogy?: Genealogy;
}

/**
 * Whether one of the processes is somebody else's.
 *
 * A process that cannot be seen is one that has just ended, one of a user who is hidden from us, or
 * one that the driver counts outside of our container, where our own jobs have other ids too. So it
 * is taken for somebody else's only while no job of ours runs.
 */
export async function isUsedByOthers(
  processes: readonly number[],
  { own, isBusy, genealogy = linuxGenealogy }: OwnershipOptions,
): Promise<boolean> {
  for (const pid of processes) {
    const owner = await ownerOf(pid, new Set(own), genealogy);
    if (owner === "other" || (owner === "unseen" && !isBusy)) return true;
  }
  return false;
}

/**
 * A trainer's children may outlive their parents and keep the group, or leave the group and keep the
 * parent: both ways up are followed.
 */
async function ownerOf(
  pid: number,
  own: ReadonlySet<number>,
  genealogy: Genealogy,
): Promise<"own" | "other" | "unseen"> {
  if (own.has(pid)) return "own";
  const seen = new Set<number>();
  const open = [pid];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    if (own.has(next)) return "own";
    if (next <= 1 || seen.has(next)) continue;
    seen.add(next);
    const relatives = await genealogy(next);
    if (relatives !== undefined) {
      open.push(relatives.parent, relatives.group, relatives.session);
    } else if (next === pid) return "unseen";
  }
  return "other";
}

/** By `/proc/PID/stat` (proc(5)). Other systems have none: every process there is one unseen. */
export async function linuxGenealogy(pid: number): Promise<Relatives | undefined> {
  let text: string;
  try {
    text = await Deno.readTextFile(`/proc/${pid}/stat`);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    if (error instanceof Deno.errors.PermissionDenied) return undefined;
    // A process that ended while it was being read: ESRCH.
    if (error instanceof Error && /os error 3\b/.test(error.message)) return undefined;
    throw error;
  }
  return parseStat(text);
}

/** Reads `PID (NAME) STATE PARENT GROUP SESSION …`. A name may hold spaces and parentheses. */
export function parseStat(text: string): Relatives | undefined {
  const [, parent, group, session] =
    /^ \S (\d+) (\d+) (\d+) /.exec(text.slice(text.lastIndexOf(")") + 1)) ?? [];
  if (parent === undefined || group === undefined || session === undefined) return undefined;
  return { parent: Number(parent), group: Number(group), session: Number(session) };
}
