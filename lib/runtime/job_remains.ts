/**
 * What jobs leave on a worker's machine when nobody follows them any more: a trainer that still runs,
 * processes that outlive SIGKILL, memory of the GPU. It is in the slot's way until it is gone. Ends
 * nothing that a worker has followed to its end.
 */

import type { JobId } from "../base/id.ts";
import type { Log } from "../base/log.ts";
import { SECOND_MS } from "../base/time.ts";
import type { SlotInput } from "../job/slot_input.ts";
import type { Chores } from "./chores.ts";
import type { JobFolder } from "./job_folder.ts";
import type { JobGpu } from "./job_gpu.ts";
import { settled } from "./job_process.ts";
import type { UnreadableJob } from "./job_survivors.ts";
import { pause } from "./pause.ts";
import { isBuried, membersOf } from "./process_group.ts";
import { isAnothers } from "./process_identity.ts";
import type { RunFolder } from "./run_folder.ts";

/** Between two looks. Higher: a GPU that is free again is noticed later; lower: the driver is asked in vain. */
const LOOK_MS = 10 * SECOND_MS;

/** With what remains are watched. */
export interface JobRemainsOptions {
  readonly log: Log;
  /** The GPU that jobs use, where there is one that may be asked. */
  readonly gpu?: JobGpu | undefined;
  /** Between two looks at what is in the way; {@linkcode LOOK_MS} where left out. */
  readonly remainsLookMs?: number | undefined;
}

/** Looks whether that is left which is in the way: says what, in a sentence, or nothing. */
type Look = () => Promise<string | undefined>;

/** What the jobs of one worker have left. */
export class JobRemains {
  readonly #options: JobRemainsOptions;
  readonly #chores: Chores;
  readonly #happened: (input: SlotInput) => void;
  readonly #stopped = new AbortController();
  readonly #reasons = new Map<JobId, string>();

  constructor(
    options: JobRemainsOptions,
    chores: Chores,
    happened: (input: SlotInput) => void,
  ) {
    this.#options = options;
    this.#chores = chores;
    this.#happened = happened;
  }

  /** What of that job is in the slot's way, in a sentence; `undefined` where nothing is. */
  reasonOf(jobId: JobId): string | undefined {
    return this.#reasons.get(jobId);
  }

  /**
   * Waits until nothing is left of a job that has ended, for as long as that may take. Gives what is
   * left after that; it is in the slot's way then, in the worker's next life too.
   */
  async clear({ jobId, run }: JobFolder): Promise<string | undefined> {
    const holder = await this.#guarded(jobId, () => this.#holderOf(jobId, run));
    if (holder === undefined) return undefined;
    this.#obstruct(jobId, holder, () => this.#lookAgain(jobId, run));
    await this.#guarded(jobId, () => run.writeRemains(holder));
    return holder;
  }

  /** Looks again at what an earlier life of the worker found in its way. */
  async takeUp({ jobId, run }: JobFolder): Promise<void> {
    const holder = await this.#guarded(jobId, async () => {
      return await run.remains() === undefined ? undefined : await this.#lookAgain(jobId, run);
    });
    if (holder !== undefined) this.#obstruct(jobId, holder, () => this.#lookAgain(jobId, run));
  }

  /** A job cannot be read, so that nobody can follow it: where its trainer runs, that is in the way. */
  async beware({ folder: { jobId, run }, why }: UnreadableJob): Promise<void> {
    const look = async () => {
      if (await run.isKept()) {
        return `Process ${await pidOf(run)} still trains ${jobId}, which this worker cannot read ` +
          `(${why}); end it on that machine with kill -TERM, or wait for its end`;
      }
      return await this.#guarded(jobId, async () => {
        // A keeper that was killed may have left its trainer.
        if (await run.keeper() !== undefined) await settled(run);
        return await this.#lookAgain(jobId, run);
      });
    };
    const holder = await look();
    if (holder !== undefined) this.#obstruct(jobId, holder, look);
  }

  /** Watches no more. */
  stop(): void {
    this.#stopped.abort();
  }

  #obstruct(jobId: JobId, reason: string, look: Look): void {
    const { log, remainsLookMs = LOOK_MS } = this.#options;
    log.write("error", reason, { job_id: jobId });
    this.#reasons.set(jobId, reason);
    this.#happened({ type: "obstructed", by: jobId, reason });
    this.#chores.begin("What a job has left cannot be watched", jobId, async () => {
      do {
        await pause(remainsLookMs, this.#stopped.signal);
        if (this.#stopped.signal.aborted) return;
      } while (await look() !== undefined);
      log.write("info", "Nothing is left of the job", { job_id: jobId });
      this.#reasons.delete(jobId);
      this.#happened({ type: "cleared", by: jobId });
    });
  }

  /** What cannot be looked at is told of, and not taken to be in the way. */
  async #guarded<T>(jobId: JobId, work: () => Promise<T>): Promise<T | undefined> {
    try {
      return await work();
    } catch (error) {
      this.#chores.warn("What a job has left cannot be looked at", error, jobId);
      return undefined;
    }
  }

  /** One look, without waiting; what is gone is not looked for in a next life. */
  async #lookAgain(jobId: JobId, run: RunFolder): Promise<string | undefined> {
    const holder = await this.#holderOf(jobId, run, 0);
    if (holder === undefined) await run.forgetRemains();
    return holder;
  }

  /** @param waitMs For how long the GPU may take; as `gpu_release.ts` says where left out. */
  async #holderOf(jobId: JobId, run: RunFolder, waitMs?: number): Promise<string | undefined> {
    const trainer = await run.trainer();
    // After a restart of the machine its id may be a stranger's, who is not to be blamed.
    if (trainer === undefined || await isAnothers(trainer)) return undefined;
    const { pid } = trainer;
    if (!await isBuried(pid)) {
      const pids = await membersOf(pid);
      const who = pids.length === 0 ? `Processes of group ${pid}` : `Process ${pids.join(", ")}`;
      return `${who} of ${jobId} outlives SIGKILL and may still hold the GPU; ` +
        `see ps -g ${pid} on that machine`;
    }
    const usedBeforeMb = (await run.plan())?.gpu_memory_used_mb;
    return await this.#options.gpu?.holderOf(jobId, { trainerPid: pid, usedBeforeMb, waitMs });
  }
}

/** The process that trains, as far as that can be read. */
async function pidOf(run: RunFolder): Promise<number | string> {
  try {
    return (await run.trainer())?.pid ?? "(unknown)";
  } catch {
    // It is what cannot be read.
    return "(unknown)";
  }
}
