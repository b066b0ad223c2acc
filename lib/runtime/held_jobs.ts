/**
 * The jobs that hold a worker's slot, from their lease to their verdict, each with its folder: makes
 * it, writes into it what is said, and removes it where the job never ran. Decides nothing.
 */

import type { JobId, PeerId } from "../base/id.ts";
import { SECOND_MS } from "../base/time.ts";
import type { JobEvent } from "../protocol/job_message.ts";
import type { JobSpec } from "../protocol/job_spec.ts";
import type { Manifest } from "../protocol/manifest.ts";
import type { Chores } from "./chores.ts";
import type { EventLog } from "./event_log.ts";
import type { BenchJob } from "./job_bench.ts";
import { JobFolder } from "./job_folder.ts";
import type { Told } from "./job_process.ts";
import { setAside } from "./landing_place.ts";
import { pause } from "./pause.ts";
import type { Survivor } from "./job_survivors.ts";

/** Between two attempts to write down the last words of a job, as while the disk is full. */
const FLUSH_EVERY_MS = SECOND_MS;

/** A job that holds the slot. */
export interface HeldJob extends BenchJob {
  readonly inputs: Manifest;
  /** Resolves when the folder is there, and rejects where it cannot be made. */
  readonly ready: Promise<void>;
}

/** The jobs that hold the slot: one, or none. */
export class HeldJobs {
  readonly #jobsFolder: string;
  readonly #partsFolder: string;
  readonly #chores: Chores;
  readonly #held = new Map<JobId, HeldJob>();
  /** Logs of jobs that have ended, to which the disk has not taken everything yet. */
  readonly #late = new Map<JobId, EventLog>();
  readonly #stopped = new AbortController();

  constructor(jobsFolder: string, partsFolder: string, chores: Chores) {
    this.#jobsFolder = jobsFolder;
    this.#partsFolder = partsFolder;
    this.#chores = chores;
  }

  /** A job is leased: makes its folder as soon as `foldersFree`. */
  prepare(
    job: {
      readonly client: PeerId;
      readonly jobId: JobId;
      readonly spec: JobSpec;
      readonly inputs: Manifest;
    },
    foldersFree: Promise<void>,
  ): void {
    const { client, jobId, spec, inputs } = job;
    const folder = new JobFolder(this.#jobsFolder, jobId);
    // A job that is reserved again may still be on its way out.
    const ready = foldersFree.then(() => folder.create(spec, client, inputs));
    this.#held.set(jobId, { client, folder, inputs, ready });
    this.#chores.begin("A job's folder cannot be made", jobId, () => ready);
  }

  /** A job of an earlier life of the worker, told as far as it says, holds the slot again. */
  takeUp({ jobId, client, folder, told }: Survivor): HeldJob & { readonly told: Told } {
    const held = { client, folder, inputs: { files: [] }, ready: Promise.resolve(), told };
    this.#held.set(jobId, held);
    return held;
  }

  /** The job of that name; `undefined` where it does not hold the slot. */
  find(jobId: JobId): HeldJob | undefined {
    return this.#held.get(jobId);
  }

  /** The job of that name, which is about to run. */
  get(jobId: JobId): HeldJob {
    const held = this.#held.get(jobId);
    if (held === undefined) throw new Error(`Expected ${jobId} to be prepared before it runs`);
    return held;
  }

  /**
   * What cannot be written down is still said: the run must not end for it. It is written down before
   * the next word.
   */
  note(event: JobEvent): void {
    try {
      const held = this.#held.get(event.job_id);
      held?.folder.events.note(event, held.told);
    } catch (error) {
      this.#chores.warn("What is said of a job cannot be written down", error, event.job_id);
    }
  }

  /** What was said of a job and is not written down yet, in order. */
  unwritten(jobId: JobId): readonly JobEvent[] {
    return (this.#held.get(jobId)?.folder.events ?? this.#late.get(jobId))?.unwritten ?? [];
  }

  /** The job has its verdict: its folder stays. What is not written down yet is tried again. */
  release(jobId: JobId): void {
    const events = this.#held.get(jobId)?.folder.events;
    this.#held.delete(jobId);
    if (events === undefined || events.unwritten.length === 0) return;
    this.#late.set(jobId, events);
    this.#chores.begin("The last words of a job are not written down", jobId, async () => {
      while (!isFlushed(events) && !this.#stopped.signal.aborted) {
        await pause(FLUSH_EVERY_MS, this.#stopped.signal);
      }
      events.flush();
      this.#late.delete(jobId);
    });
  }

  /** Nobody waits any longer for what cannot be written down. */
  stop(): void {
    this.#stopped.abort();
  }

  /**
   * The job will not run: its folder goes as soon as `foldersFree`, and what has arrived whole is kept
   * among the parts. Resolves when it has gone.
   */
  async discard(jobId: JobId, foldersFree: Promise<void>): Promise<void> {
    const held = this.#held.get(jobId);
    this.#held.delete(jobId);
    if (held === undefined) return;
    // A folder that we could not make is not ours to remove: it may be that of another job.
    const isOurs = await held.ready.then(() => true, () => false);
    await foldersFree;
    if (!isOurs) return;
    await setAside(held.inputs, held.folder.inputs, this.#partsFolder);
    await held.folder.remove();
  }
}

function isFlushed(events: EventLog): boolean {
  try {
    events.flush();
    return true;
  } catch {
    // That was told when the words were said; the disk is tried again.
    return false;
  }
}
