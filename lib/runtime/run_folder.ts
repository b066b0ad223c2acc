/**
 * What a worker and the keeper of a trainer leave each other, in the folder `run` of a job: the plan,
 * who runs, what was printed, how it is to end, and how it ended. All of it outlives both.
 */

import { join } from "node:path";
import { z } from "zod";
import { removeIfPresent } from "./file_removal.ts";
import { readJsonFile } from "./json_file.ts";
import { type ProcessIdentity, processIdentitySchema } from "./process_identity.ts";

/** What is to be started. Written by the worker, once. */
export const runPlanSchema = z.object({
  executable: z.string(),
  args: z.array(z.string()),
  environment: z.record(z.string(), z.string()),
  /** Where the trainer works. */
  folder: z.string(),
  /** When it was asked for, by this machine's clock. */
  started_at_ms: z.number(),
  /** GPU memory in MB that was used before it; absent where nobody could tell. */
  gpu_memory_used_mb: z.number().min(0).optional(),
});
/** What is to be started. */
export type RunPlan = z.infer<typeof runPlanSchema>;

/**
 * How the trainer is to end before its time: `cancel` and `quit` end it at once, the second because
 * its worker leaves; `stop` asks it to. Written by the worker; a later wish replaces an earlier one.
 */
export const runWishSchema = z.enum(["cancel", "stop", "quit"]);
/** How the trainer is to end before its time. */
export type RunWish = z.infer<typeof runWishSchema>;

/** What was left of an ended run, as it was seen last. */
const remainsSchema = z.object({ reason: z.string() });

/** How a trainer ended. Written once, by whoever holds the lock. */
export const runEndSchema = z.discriminatedUnion("type", [
  z.object({
    type: z.literal("exited"),
    exit_code: z.int(),
    signal: z.string().nullable(),
    /** The last line on its standard error. */
    complaint: z.string(),
    /** Whether every process that it started has ended too. */
    is_buried: z.boolean(),
  }),
  /** It could not be started, or not be watched. */
  z.object({ type: z.literal("broken"), reason: z.string() }),
  /** Its keeper is gone, and nobody saw the end. */
  z.object({ type: z.literal("lost"), reason: z.string() }),
]);
/** How a trainer ended. */
export type RunEnd = z.infer<typeof runEndSchema>;

/** A line of output, as it is written down. */
export const printedLineSchema = z.object({
  stream: z.enum(["stdout", "stderr"]),
  text: z.string(),
});
/** A line of output, as it is written down. */
export type PrintedLine = z.infer<typeof printedLineSchema>;

/** The folder of one run. */
export class RunFolder {
  readonly path: string;

  constructor(path: string) {
    this.path = path;
  }

  /** Where every line that passed the valves is written, one a line. */
  get output(): string {
    return join(this.path, "output.jsonl");
  }

  /** @throws {Error} Where it cannot be made, or there is one. */
  async create(plan: RunPlan): Promise<void> {
    await Deno.mkdir(this.path, { mode: 0o700 });
    await Deno.writeTextFile(this.output, "", { mode: 0o600 });
    await this.#write("plan.json", plan);
  }

  /** What was to be started; `undefined` where nothing was. */
  async plan(): Promise<RunPlan | undefined> {
    return await this.#read("plan.json", runPlanSchema);
  }

  /** The process that runs; `undefined` before it does. */
  async trainer(): Promise<ProcessIdentity | undefined> {
    return await this.#read("trainer.json", processIdentitySchema);
  }

  /** The keeper, who may be gone by now; `undefined` before it began. */
  async keeper(): Promise<ProcessIdentity | undefined> {
    return await this.#read("keeper.json", processIdentitySchema);
  }

  /** Writes down who runs. */
  async writeProcess(role: "trainer" | "keeper", identity: ProcessIdentity): Promise<void> {
    await this.#write(`${role}.json`, identity);
  }

  /** How it is to end; `undefined` where nobody wants that. */
  async wish(): Promise<RunWish | undefined> {
    return await this.#read("wish.json", runWishSchema);
  }

  /** Has the trainer end in that way. */
  async writeWish(wish: RunWish): Promise<void> {
    await this.#write("wish.json", wish);
  }

  /** How it ended; `undefined` while it has not. */
  async end(): Promise<RunEnd | undefined> {
    return await this.#read("end.json", runEndSchema);
  }

  /** Writes down how it ended. Only for who holds the lock. */
  async writeEnd(end: RunEnd): Promise<void> {
    await this.#write("end.json", end);
  }

  /** What is still left of the run after its end, in a sentence; `undefined` where nothing is. */
  async remains(): Promise<string | undefined> {
    return (await this.#read("remains.json", remainsSchema))?.reason;
  }

  /** Writes down what is left, so that the worker's next life looks at it again. */
  async writeRemains(reason: string): Promise<void> {
    await this.#write("remains.json", { reason });
  }

  /** Nothing is left any more. */
  async forgetRemains(): Promise<void> {
    await removeIfPresent(join(this.path, "remains.json"));
  }

  /** Whether the keeper lives. Where there is no such folder, none does. */
  async isKept(): Promise<boolean> {
    try {
      using lock = await this.tryLock();
      return lock === undefined;
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return false;
      throw error;
    }
  }

  /**
   * Takes the lock, which the keeper holds as long as it lives: the system frees it whatever ends
   * the keeper. `undefined` where another process has it.
   */
  async tryLock(): Promise<Disposable | undefined> {
    return await this.#tryLock("lock");
  }

  /** Whether a worker follows the run. */
  async isFollowed(): Promise<boolean> {
    using seat = await this.follow();
    return seat === undefined;
  }

  /**
   * Says to the keeper that a worker follows the run, until that is disposed of or the worker dies.
   * `undefined` where another does.
   */
  async follow(): Promise<Disposable | undefined> {
    return await this.#tryLock("follower");
  }

  /** Takes the lock as soon as it is free. */
  async lock(): Promise<Disposable> {
    const file = await this.#openLock("lock");
    await file.lock(true);
    return file;
  }

  async #tryLock(name: string): Promise<Disposable | undefined> {
    const file = await this.#openLock(name);
    if (await file.tryLock(true)) return file;
    file.close();
    return undefined;
  }

  #openLock(name: string): Promise<Deno.FsFile> {
    return Deno.open(join(this.path, name), { create: true, write: true, mode: 0o600 });
  }

  /** Aside and then into place: who reads finds all of it, or nothing. */
  async #write(name: string, value: unknown): Promise<void> {
    const path = join(this.path, name);
    const aside = `${path}.${Deno.pid}`;
    await Deno.writeTextFile(aside, `${JSON.stringify(value)}\n`, { mode: 0o600 });
    await Deno.rename(aside, path);
  }

  /** @throws {Error} Where the file has something else in it. */
  async #read<T>(name: string, schema: z.ZodType<T>): Promise<T | undefined> {
    const path = join(this.path, name);
    return await readJsonFile(path, schema, `${path} as a worker or keeper writes it`);
  }
}
