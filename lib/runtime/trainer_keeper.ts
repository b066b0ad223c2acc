/**
 * Keeps one trainer: starts it, writes down what it prints and how it ends, and ends it when that is
 * wished. A process of its own that outlives the worker; knows nothing of rooms, links and clients.
 */

import { OutputValve } from "../job/output_valve.ts";
import { systemClock } from "./clock.ts";
import { pause } from "./pause.ts";
import { isBuried, signalGroup } from "./process_group.ts";
import { identityOf } from "./process_identity.ts";
import type { PrintedLine, RunEnd, RunFolder, RunPlan, RunWish } from "./run_folder.ts";
import { TrainerOutput } from "./trainer_output.ts";

/** Between two looks for a wish. */
const WISH_POLL_MS = 100;
/** From SIGTERM to SIGKILL. */
const KILL_AFTER_MS = 10_000;
/**
 * From a trainer's bad end for us to be asked to end, too: whoever asks both of us at once may be heard
 * of later than the end. Higher: that a training failed is told later; lower: a machine that shuts down
 * has failed trainings again, and not stopped ones.
 */
const ASKED_AFTER_MS = 500;
/** For what a trainer leaves behind, from its own end to SIGKILL. */
const STRAYS_KILL_AFTER_MS = 2_000;
/** Characters of a complaint. */
const COMPLAINT_LENGTH_MAX = 500;

/**
 * Does as {@linkcode keepTrainer} where this process is asked to end, however often: a scheduler asks
 * all processes of a job, its worker among them, and how it ends must still be written down.
 *
 * @throws {Error} Where the folder cannot be read or written.
 */
export async function runTrainerKeeper(folder: RunFolder): Promise<void> {
  const asked = new AbortController();
  const end = () => asked.abort();
  // Windows has no SIGTERM to listen for: there it ends the process without asking.
  const signals: readonly Deno.Signal[] = Deno.build.os === "windows"
    ? ["SIGINT"]
    : ["SIGINT", "SIGTERM", "SIGHUP"];
  for (const signal of signals) Deno.addSignalListener(signal, end);
  try {
    await keepTrainer(folder, asked.signal);
  } finally {
    for (const signal of signals) Deno.removeSignalListener(signal, end);
  }
}

/**
 * Keeps the trainer that the plan in `folder` asks for, until it has ended and that is written down.
 * Where its end is written already, this keeper comes too late and does nothing.
 *
 * @param asked Aborted where this process is asked to end. A worker that follows the run was asked,
 * too, and says what is to become of the trainer; where none does, the trainer is ended as by `quit`.
 * @throws {Error} Where the folder cannot be read or written.
 */
export async function keepTrainer(folder: RunFolder, asked: AbortSignal): Promise<void> {
  using _lock = await folder.lock();
  if (await folder.end() !== undefined) return;
  await folder.writeProcess("keeper", await identityOf(Deno.pid));
  const plan = await folder.plan();
  if (plan === undefined) throw new Error(`Expected a plan in ${folder.path}, got none`);
  await folder.writeEnd(await run(plan, folder, asked));
}

async function run(plan: RunPlan, folder: RunFolder, asked: AbortSignal): Promise<RunEnd> {
  let trainer: KeptTrainer;
  try {
    trainer = new KeptTrainer(plan, folder);
  } catch (error) {
    return { type: "broken", reason: `The trainer cannot be started: ${messageOf(error)}` };
  }
  try {
    await folder.writeProcess("trainer", await identityOf(trainer.pid));
    return await trainer.end(asked);
  } catch (error) {
    signalGroup(trainer.pid, "SIGKILL");
    return { type: "broken", reason: `The trainer cannot be watched: ${messageOf(error)}` };
  } finally {
    trainer.close();
  }
}

/** A running trainer, in a process group of its own. */
class KeptTrainer {
  readonly #folder: RunFolder;
  readonly #child: Deno.ChildProcess;
  readonly #journal: Deno.FsFile;
  readonly #outputs: readonly TrainerOutput[];
  readonly #valves: Readonly<Record<PrintedLine["stream"], OutputValve>>;
  #complaint = "";
  #heeded: RunWish | undefined;
  #killTimer: ReturnType<typeof setTimeout> | undefined;
  #isOver = false;

  /** @throws {Error} Where the executable is not there, or may not be run. */
  constructor(plan: RunPlan, folder: RunFolder) {
    this.#folder = folder;
    this.#journal = Deno.openSync(folder.output, { append: true });
    try {
      this.#child = new Deno.Command(plan.executable, {
        args: plan.args,
        cwd: plan.folder,
        clearEnv: true,
        env: plan.environment,
        stdin: "null",
        stdout: "piped",
        stderr: "piped",
        // A group of its own, so that a trainer's own children end with it, and we do not.
        detached: true,
      }).spawn();
    } catch (error) {
      this.#journal.close();
      throw error;
    }
    const now = systemClock.now();
    this.#valves = { stdout: new OutputValve(now), stderr: new OutputValve(now) };
    const outputOf = (stream: PrintedLine["stream"]) =>
      new TrainerOutput(this.#child[stream], ({ text }) => {
        if (stream === "stderr" && text !== "") this.#complaint = text;
        this.#print(stream, this.#valves[stream].pass(text, systemClock.now()));
      });
    this.#outputs = [outputOf("stdout"), outputOf("stderr")];
  }

  get pid(): number {
    return this.#child.pid;
  }

  /** Waits for the end of the trainer and of all that it started; ends it where that is wished. */
  async end(asked: AbortSignal): Promise<RunEnd> {
    const reading = Promise.all(this.#outputs.map((output) => output.read()));
    // A trainer that nobody hears must not run on; the error itself is thrown below.
    reading.catch(() => signalGroup(this.pid, "SIGKILL"));
    const poll = setInterval(() => this.#look(asked), WISH_POLL_MS);
    let status: Deno.CommandStatus;
    try {
      status = await this.#child.status;
    } finally {
      this.#isOver = true;
      clearInterval(poll);
      clearTimeout(this.#killTimer);
    }
    await this.#endStrays(reading);
    if (!status.success && await this.#folder.wish() === undefined) {
      await pause(ASKED_AFTER_MS, asked);
      // Who asked this process asked the trainer, too: it did not fail by itself.
      if (asked.aborted) await this.#folder.writeWish("quit");
    }
    for (const stream of ["stdout", "stderr"] as const) {
      this.#print(stream, this.#valves[stream].end());
    }
    return {
      type: "exited",
      exit_code: status.code,
      signal: status.signal,
      complaint: this.#complaint.slice(0, COMPLAINT_LENGTH_MAX),
      is_buried: await isBuried(this.pid),
    };
  }

  close(): void {
    this.#journal.close();
  }

  /** A wish that cannot be read is looked for again: it is written aside and moved into place. */
  #look(asked: AbortSignal): void {
    this.#wish(asked).then((wish) => {
      if (wish !== undefined) this.#heed(wish);
    }, () => this.#heed("quit"));
  }

  async #wish(asked: AbortSignal): Promise<RunWish | undefined> {
    const wish = await this.#folder.wish();
    if (wish !== undefined || !asked.aborted || await this.#folder.isFollowed()) return wish;
    await this.#folder.writeWish("quit");
    return "quit";
  }

  #heed(wish: RunWish): void {
    if (
      this.#isOver || this.#heeded === wish ||
      (this.#heeded !== undefined && this.#heeded !== "stop")
    ) return;
    this.#heeded = wish;
    if (wish === "stop") return signalGroup(this.pid, "SIGINT");
    signalGroup(this.pid, "SIGTERM");
    this.#killTimer = setTimeout(() => signalGroup(this.pid, "SIGKILL"), KILL_AFTER_MS);
  }

  #print(stream: PrintedLine["stream"], lines: readonly string[]): void {
    if (lines.length === 0) return;
    const text = lines.map((line) => `${JSON.stringify({ stream, text: line })}\n`).join("");
    let rest = new TextEncoder().encode(text);
    while (rest.length > 0) rest = rest.subarray(this.#journal.writeSync(rest));
  }

  /** Whatever the trainer started ends with it, and keeps neither its group nor its output open. */
  async #endStrays(reading: Promise<unknown>): Promise<void> {
    signalGroup(this.pid, "SIGTERM");
    const timer = setTimeout(() => {
      signalGroup(this.pid, "SIGKILL");
      for (const output of this.#outputs) output.stop();
    }, STRAYS_KILL_AFTER_MS);
    try {
      await reading;
    } finally {
      clearTimeout(timer);
      signalGroup(this.pid, "SIGKILL");
    }
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
