/** What goes on by itself and must be over before its owner is. Knows nothing of what it is. */

import type { JobId } from "../base/id.ts";
import type { Log } from "../base/log.ts";

/** The chores of one owner. What goes wrong is logged, and ends nothing else. */
export class Chores {
  readonly #log: Log;
  readonly #underway = new Set<Promise<void>>();

  constructor(log: Log) {
    this.#log = log;
  }

  /** Does something for a job that nobody waits for but {@linkcode Chores.done}. */
  begin(complaint: string, jobId: JobId, work: () => Promise<void>): void {
    const chore = work()
      .catch((error: unknown) => this.warn(complaint, error, jobId))
      .finally(() => this.#underway.delete(chore));
    this.#underway.add(chore);
  }

  /** Logs what went wrong. */
  warn(complaint: string, error: unknown, jobId: JobId): void {
    const reason = error instanceof Error ? error.message : String(error);
    this.#log.write("warning", `${complaint}: ${reason}`, { job_id: jobId });
  }

  /** Resolves when none is underway, those among them that others have begun. */
  async done(): Promise<void> {
    while (this.#underway.size > 0) await Promise.all(this.#underway);
  }
}
