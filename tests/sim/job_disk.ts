/**
 * What a machine keeps of jobs while workers on it come and go: a folder for each, with what was said of
 * it, and its trainer. Decides nothing.
 */

import type { JobId, PeerId } from "../../lib/base/id.ts";
import { haveOneKey } from "../../lib/protocol/identity.ts";
import type { JobEvent } from "../../lib/protocol/job_message.ts";
import type { JobSpec } from "../../lib/protocol/job_spec.ts";
import type { JobTrainer } from "./job_trainer.ts";

/** The last word of a job. */
export type JobVerdict = Extract<JobEvent, { duration_ms: number }>;

/** A word as it is written down, and how many of the trainer's words were told with it. */
interface NotedEvent {
  readonly event: JobEvent;
  readonly told: number;
}

/** Whether it is the last word of its job. */
export function isVerdict(event: JobEvent): event is JobVerdict {
  return "duration_ms" in event;
}

/** The folder of one job. */
export class JobFolder {
  readonly jobId: JobId;
  readonly client: PeerId;
  readonly spec: JobSpec;
  readonly #events: NotedEvent[] = [];
  /** Its trainer, once one was begun. */
  trainer: JobTrainer | undefined;

  constructor(jobId: JobId, client: PeerId, spec: JobSpec) {
    this.jobId = jobId;
    this.client = client;
    this.spec = spec;
  }

  /** What was said of the job. */
  get events(): readonly JobEvent[] {
    return this.#events.map(({ event }) => event);
  }

  /** The number of the last word; 0 where none was said. */
  get sequence(): number {
    return this.#events.at(-1)?.event.sequence ?? 0;
  }

  /** How many of the trainer's words were told. */
  get told(): number {
    return this.#events.at(-1)?.told ?? 0;
  }

  /** The last word of the job; `undefined` where it has not ended. */
  get verdict(): JobVerdict | undefined {
    const last = this.#events.at(-1)?.event;
    return last !== undefined && isVerdict(last) ? last : undefined;
  }

  /** Writes down what is said of the job. */
  note(event: JobEvent, told: number): void {
    this.#events.push({ event, told });
  }
}

/** The disk of one machine. */
export class JobDisk {
  readonly #folders = new Map<JobId, JobFolder>();

  /** The folders of all jobs, in the order in which they were made. */
  get folders(): readonly JobFolder[] {
    return [...this.#folders.values()];
  }

  /** The trainer that runs on the machine, whoever knows of it. */
  get running(): JobTrainer | undefined {
    return this.folders.find(({ trainer }) => trainer?.state === "runs")?.trainer;
  }

  /**
   * Makes the folder of a job. One in which this client's job has never run is taken over. Gives nothing
   * where there is another such folder: none may get at the job of another by naming it.
   */
  create(jobId: JobId, client: PeerId, spec: JobSpec): JobFolder | undefined {
    const taken = this.#folders.get(jobId);
    if (taken !== undefined && (taken.client !== client || taken.sequence > 0)) return undefined;
    const folder = new JobFolder(jobId, client, spec);
    this.#folders.set(jobId, folder);
    return folder;
  }

  /** The folder of a job of this client's key. */
  find(jobId: JobId, client: PeerId): JobFolder | undefined {
    const folder = this.#folders.get(jobId);
    return folder !== undefined && haveOneKey(folder.client, client) ? folder : undefined;
  }

  remove(jobId: JobId): void {
    this.#folders.delete(jobId);
  }

  /** The machine loses power: the disk keeps what is on it, and no trainer lives on. */
  losePower(): void {
    for (const { trainer } of this.#folders.values()) trainer?.lose();
  }
}
