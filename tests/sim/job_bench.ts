/**
 * Where one job of a simulated worker runs: begins its trainer or takes it up, and tells what it writes and
 * how it ends, as `lib/runtime/job_bench.ts` does with real ones. Decides nothing about the slot.
 */

import { below, type Random } from "../../lib/base/random.ts";
import type { JobEnding, SlotInput, Verdict } from "../../lib/job/slot_input.ts";
import type { JobFolder } from "./job_disk.ts";
import { JobTrainer } from "./job_trainer.ts";
import type { Timeline } from "./timeline.ts";

/** For the inputs to be looked into, and between two looks at the trainer. */
const PREPARE_MS_MAX = 300;
const LOOK_MS_MAX = 50;

/** What a bench works with, and what it tells its owner. */
export interface JobBenchOptions {
  readonly timeline: Timeline;
  readonly random: Random;
  /** Does something later, when the process gets to it. */
  readonly later: (delayMs: number, action: () => void) => void;
  /** A trainer begins now. */
  readonly begins: (folder: JobFolder) => void;
  readonly happened: (input: SlotInput) => void;
  /** The job has ended, and nothing more of it will be told. */
  readonly concluded: (verdict: Verdict) => void;
}

/** The bench of one life of a worker: one job at a time. */
export class JobBench {
  readonly #options: JobBenchOptions;
  #folder: JobFolder | undefined;
  #wish: JobEnding | undefined;
  /** How many of the trainer's words are told. */
  #told = 0;

  constructor(options: JobBenchOptions) {
    this.#options = options;
  }

  /** How many of the trainer's words are told; 0 where no job is on the bench. */
  get told(): number {
    return this.#folder === undefined ? 0 : this.#told;
  }

  /** Begins a job. */
  begin(folder: JobFolder): void {
    const { begins, later, random, timeline } = this.#options;
    this.#put(folder, 0);
    later(below(PREPARE_MS_MAX, random), () => {
      if (this.#folder !== folder) return;
      // Its owner wanted no trainer any more.
      if (this.#wish !== undefined) return this.#conclude({ type: "cancelled" });
      begins(folder);
      folder.trainer = new JobTrainer(folder.jobId, timeline, random);
      this.#watch(folder.trainer);
    });
  }

  /** Goes on with a job that an earlier life of the worker began, and told of it as far as `told`. */
  takeUp(folder: JobFolder, told: number): void {
    this.#put(folder, told);
    if (folder.trainer !== undefined) return this.#watch(folder.trainer);
    this.#conclude({ type: "lost", reason: "The worker ended before the trainer began" });
  }

  /** Has the job end as its owner wants. */
  end(how: JobEnding): void {
    this.#wish = how;
    this.#folder?.trainer?.end(how);
  }

  /** Follows no more. The trainer goes on. */
  leave(): void {
    this.#folder = undefined;
  }

  #put(folder: JobFolder, told: number): void {
    this.#folder = folder;
    this.#wish = undefined;
    this.#told = told;
  }

  #watch(trainer: JobTrainer): void {
    const { later, random } = this.#options;
    trainer.follow(() => later(below(LOOK_MS_MAX, random), () => this.#look(trainer)));
    this.#look(trainer);
  }

  /** Tells what the trainer has written since, and how it ended. */
  #look(trainer: JobTrainer): void {
    if (this.#folder?.trainer !== trainer) return;
    for (const word of trainer.words.slice(this.#told)) {
      this.#told++;
      this.#options.happened(
        word.type === "line"
          ? { type: "printed", stream: "stdout", text: word.text }
          : { type: "epoch_ended", epoch: { epoch: word.epoch, train_loss: 1, val_loss: null } },
      );
    }
    if (trainer.state !== "runs") this.#conclude(verdictOf(trainer));
  }

  #conclude(verdict: Verdict): void {
    this.#folder = undefined;
    this.#options.concluded(verdict);
  }
}

/** How a trainer's end is judged: first by what its owner wanted. */
function verdictOf({ state, wish }: JobTrainer): Verdict {
  if (wish === "cancel") return { type: "cancelled" };
  if (state === "lost") return { type: "lost", reason: "Its keeper was killed" };
  if (state === "ended_badly" && wish !== "stop") {
    return { type: "failed", exitCode: 1, reason: "It failed" };
  }
  return { type: "done", results: { files: [] }, isStoppedEarly: wish === "stop" };
}
