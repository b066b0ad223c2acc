/**
 * Jobs that an earlier life of the worker began and gave no verdict of. Tells which there are and how
 * far each was told; decides nothing about them.
 */

import type { JobId, PeerId } from "../base/id.ts";
import type { Log } from "../base/log.ts";
import type { JobSpec } from "../protocol/job_spec.ts";
import type { JobArchive } from "./job_archive.ts";
import type { LastWord } from "./event_log.ts";
import type { JobFolder } from "./job_folder.ts";

/** A job without a verdict. */
export interface Survivor extends LastWord {
  readonly jobId: JobId;
  readonly client: PeerId;
  readonly spec: JobSpec;
  readonly folder: JobFolder;
  /** When its trainer was asked for, by this machine's clock; `undefined` where it never was. */
  readonly startedAtMs: number | undefined;
}

/** A job whose folder cannot be read. Its trainer may run all the same. */
export interface UnreadableJob {
  readonly folder: JobFolder;
  readonly why: string;
}

/** What an earlier life has left. */
export interface LeftJobs {
  /** The jobs without a verdict: first those whose trainer is over, the one that still runs last. */
  readonly survivors: readonly Survivor[];
  readonly unreadable: readonly UnreadableJob[];
}

/**
 * Looks through the jobs of earlier lives. Removes what is left of those that never started, but
 * for the files that arrived, and mends event logs and verdicts that were cut off. A folder that cannot be read is told of.
 */
export async function findLeftJobs(archive: JobArchive, log: Log): Promise<LeftJobs> {
  const over: Survivor[] = [];
  const running: Survivor[] = [];
  const unreadable: UnreadableJob[] = [];
  for (const folder of await archive.all()) {
    try {
      const survivor = await survivorIn(folder, archive);
      if (survivor === undefined) continue;
      const isOver = await isKeeperGone(survivor);
      (isOver ? over : running).push(survivor);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      log.write("warning", `A job of an earlier life cannot be read: ${why}`, {
        job_id: folder.jobId,
      });
      unreadable.push({ folder, why });
    }
  }
  return { survivors: [...over, ...running], unreadable };
}

async function survivorIn(folder: JobFolder, archive: JobArchive): Promise<Survivor | undefined> {
  const { jobId } = folder;
  const { verdict, ...last } = await folder.events.recover();
  if (verdict !== undefined) return undefined;
  const client = await folder.client();
  const spec = await folder.spec();
  const plan = await folder.run.plan();
  if (last.sequence === 0 && plan === undefined) {
    await archive.dismiss(folder);
    return undefined;
  }
  if (client === undefined || spec === undefined) {
    throw new Error("Expected job.json and spec.json, got a folder without");
  }
  return { ...last, jobId, client, spec, folder, startedAtMs: plan?.started_at_ms };
}

async function isKeeperGone({ folder, startedAtMs }: Survivor): Promise<boolean> {
  if (startedAtMs === undefined) return true;
  using lock = await folder.run.tryLock();
  return lock !== undefined;
}
