/** Trainers as real processes: their output, their log, their environment and their end. */

import { deepEqual, equal, match, ok, rejects } from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { RunnerCommand } from "../../lib/job/runner.ts";
import {
  JobProcess,
  type JobProcessOptions,
  runPlanOf,
  type Told,
} from "../../lib/runtime/job_process.ts";
import { within } from "../../lib/runtime/deadline.ts";
import { identityOf, isAnothers, isStillIts } from "../../lib/runtime/process_identity.ts";
import { type RunEnd, RunFolder } from "../../lib/runtime/run_folder.ts";
import { keepTrainer } from "../../lib/runtime/trainer_keeper.ts";
import { until, withFolder } from "./condition.ts";
import { keeperEnded } from "./keeper_end.ts";

const isWindows = Deno.build.os === "windows";
const SHELL = "/bin/sh";

/** What a trainer told. */
class Trainer {
  readonly stdout: string[] = [];
  readonly stderr: string[] = [];
  readonly epochs: number[] = [];
  readonly warnings: string[] = [];
  readonly #process: JobProcess | undefined;

  private constructor(process?: JobProcess, heard?: Trainer) {
    this.#process = process;
    if (heard === undefined) return;
    this.stdout = heard.stdout;
    this.stderr = heard.stderr;
    this.epochs = heard.epochs;
    this.warnings = heard.warnings;
  }

  /** Starts `script` in `folder`. */
  static async start(
    folder: string,
    script: string,
    environment: RunnerCommand["environment"] = { inherit: ["PATH"], set: {} },
    executable = SHELL,
  ): Promise<Trainer> {
    const plan = runPlanOf({ executable, args: ["-c", script], environment }, folder, 0);
    const heard = new Trainer();
    return new Trainer(
      await JobProcess.start(plan, optionsFor(folder, heard)),
      heard,
    );
  }

  /** Another life of the worker comes to the run that an earlier one told as far as `told`. */
  static adopt(folder: string, told: Told): Trainer {
    const heard = new Trainer();
    return new Trainer(JobProcess.adopt(told, optionsFor(folder, heard)), heard);
  }

  get process(): JobProcess {
    if (this.#process === undefined) throw new Error("Expected a process, got what it told alone");
    return this.#process;
  }

  /** How it ended. */
  get ended(): Promise<RunEnd | undefined> {
    return this.process.ended;
  }

  /** With what it exited. */
  async exited(): Promise<{ exitCode: number; signal: string | null }> {
    const end = await this.ended;
    if (end?.type !== "exited") throw new Error(`Expected an exit, got ${JSON.stringify(end)}`);
    return { exitCode: end.exit_code, signal: end.signal };
  }
}

function optionsFor(folder: string, heard: Trainer): JobProcessOptions {
  return {
    folder: new RunFolder(join(folder, "run")),
    logs: [
      ["training_log.csv", "fly/training_log.csv"].map((path) => join(folder, "output", path)),
    ],
    handlers: {
      started: () => {},
      printed: ({ stream, text }) => heard[stream].push(text),
      epoch: ({ epoch }) => heard.epochs.push(epoch),
      warned: (reason) => heard.warnings.push(reason),
    },
  };
}

/** Whether a process with that id runs; one that waits for its parent to notice its end does not. */
function isAlive(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(Deno.readTextFileSync(`/proc/${pid}/status`));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    // It ended while it was being read: ESRCH.
    if (error instanceof Error && /os error 3\b/.test(error.message)) return false;
    throw error;
  }
}

function test(what: string, body: (folder: string) => Promise<void>): void {
  Deno.test({ name: `job process: ${what}`, ignore: isWindows, fn: () => withFolder(body) });
}

test("its lines arrive by stream, and the last one without its end", async (folder) => {
  const trainer = await Trainer.start(folder, "echo one; echo two >&2; printf 'dré'; exit 3");
  deepEqual(await trainer.exited(), { exitCode: 3, signal: null });
  deepEqual([trainer.stdout, trainer.stderr], [["one", "dré"], ["two"]]);
});

test("a bar that redraws itself ends as its last state", async (folder) => {
  const trainer = await Trainer.start(folder, "printf '10%%\\r20%%\\r100%%\\n'");
  await trainer.ended;
  equal(trainer.stdout.at(-1), "100%");
});

test("a line that never ends is cut, and what follows it is heard", async (folder) => {
  const script = "head -c 3000000 /dev/zero | tr '\\0' x; echo; echo after";
  const trainer = await Trainer.start(folder, script);
  await trainer.ended;
  ok(trainer.stdout.every((line) => line.length <= 4_097));
  equal(trainer.stdout.at(-1), "after");
});

test("it works in its folder, reads nothing and sees only what it may", async (folder) => {
  Deno.env.set("SLEAP_RTC_TEST_SECRET", "hidden");
  Deno.env.set("SLEAP_RTC_TEST_ALLOWED", "seen");
  try {
    const trainer = await Trainer.start(folder, "pwd; cat; env | sort", {
      inherit: ["SLEAP_RTC_TEST_ALLOWED", "SLEAP_RTC_TEST_ABSENT"],
      set: { ONLY: "here" },
    });
    await trainer.ended;
    const [where, ...environment] = trainer.stdout;
    equal(where, await Deno.realPath(folder));
    const names = environment.map((line) => line.split("=")[0]);
    // The shell itself adds what it needs.
    deepEqual(
      names.filter((name) => !["PWD", "SHLVL", "_", "OLDPWD"].includes(name ?? "")),
      ["ONLY", "SLEAP_RTC_TEST_ALLOWED"],
    );
  } finally {
    Deno.env.delete("SLEAP_RTC_TEST_SECRET");
    Deno.env.delete("SLEAP_RTC_TEST_ALLOWED");
  }
});

test("its log is followed while it grows, wherever it writes it", async (folder) => {
  const trainer = await Trainer.start(
    folder,
    `mkdir -p output/fly; log=output/fly/training_log.csv
    echo epoch,train_loss,val_loss > $log; echo 0,,0.9 >> $log
    while [ ! -e go ]; do sleep 0.02; done
    echo 0,0.5,0.4 >> $log; printf '1,0.4,0.3' >> $log`,
  );
  await until("the first row", () => trainer.epochs.length === 1);
  await Deno.writeTextFile(join(folder, "go"), "");
  await trainer.ended;
  deepEqual([trainer.epochs, trainer.warnings], [[0, 0, 1], []]);
});

test("a log that cannot be read is told of once, and the trainer goes on", async (folder) => {
  // Searching a path below an endless link fails for every user, unlike a forbidden file.
  const trainer = await Trainer.start(
    folder,
    "mkdir output; ln -s training_log.csv output/training_log.csv; sleep 0.6; echo well",
  );
  equal((await trainer.exited()).exitCode, 0);
  deepEqual(trainer.stdout, ["well"]);
  equal(trainer.warnings.length, 1);
  match(trainer.warnings[0] ?? "", /log cannot be read/);
});

test("a pipe in the place of its log does not hold the worker up", async (folder) => {
  const trainer = await Trainer.start(
    folder,
    "mkdir output; mkfifo output/training_log.csv; sleep 0.5",
  );
  equal((await trainer.exited()).exitCode, 0);
  deepEqual(trainer.epochs, []);
});

test("what it leaves behind ends with it", async (folder) => {
  const trainer = await Trainer.start(folder, "sleep 300 & echo $!");
  deepEqual(await trainer.exited(), { exitCode: 0, signal: null });
  const stray = Number(trainer.stdout[0]);
  ok(stray > 0);
  await until("the end of the stray", () => !isAlive(stray));
});

test("what it leaves behind cannot hold its output open", async (folder) => {
  const trainer = await Trainer.start(folder, "trap '' TERM; (trap '' TERM; sleep 300) & echo $!");
  const startedAt = performance.now();
  equal((await trainer.exited()).exitCode, 0);
  ok(performance.now() - startedAt < 8_000);
  await until("the end of the stray", () => !isAlive(Number(trainer.stdout[0])));
});

test("killed, it ends with its children", async (folder) => {
  const trainer = await Trainer.start(folder, "sleep 300 & echo $!; wait");
  await until("a line", () => trainer.stdout.length === 1);
  await trainer.process.end("cancel");
  deepEqual(await trainer.exited(), { exitCode: 143, signal: "SIGTERM" });
  await until("the end of its child", () => !isAlive(Number(trainer.stdout[0])));
});

test("an executable that is not there is told of", async (folder) => {
  const executable = join(folder, "no-such-trainer");
  const trainer = await Trainer.start(folder, "", { inherit: [], set: {} }, executable);
  const end = await trainer.ended;
  equal(end?.type, "broken");
  match(end?.type === "broken" ? end.reason : "", /cannot be started: .*no-such-trainer/);
});

test("a handler that fails ends the trainer, and is thrown", async (folder) => {
  const pids: number[] = [];
  const process = await JobProcess.start(
    runPlanOf(
      {
        executable: SHELL,
        args: ["-c", "echo up; exec sleep 300"],
        environment: { inherit: ["PATH"], set: {} },
      },
      folder,
      0,
    ),
    {
      folder: new RunFolder(join(folder, "run")),
      logs: [],
      handlers: {
        epoch: () => {},
        warned: () => {},
        started: (pid) => pids.push(pid),
        printed: () => {
          throw new Error("Nobody listens");
        },
      },
    },
  );
  await rejects(process.ended, /Nobody listens/);
  equal(pids.length, 1);
  equal(isAlive(pids[0] ?? 0), false);
});

const WAITS = "while [ ! -e go ]; do sleep 0.02; done";

test("left alone, it goes on, and another life hears what was not told", async (folder) => {
  const first = await Trainer.start(
    folder,
    `mkdir output; log=output/training_log.csv; echo epoch,train_loss > $log; echo 0,0.5 >> $log
    echo one; ${WAITS}; echo two; echo 1,0.4 >> $log; exit 4`,
  );
  await until("a line and a row", () => first.stdout.length === 1 && first.epochs.length === 1);
  const { told } = first.process;
  first.process.leave();
  equal(await first.ended, undefined);
  const second = Trainer.adopt(folder, told);
  await Deno.writeTextFile(join(folder, "go"), "");
  deepEqual(await second.exited(), { exitCode: 4, signal: null });
  deepEqual([second.stdout, second.epochs], [["two"], [1]]);
  await keeperEnded(join(folder, "run"));
});

test("it ends while nobody is there, and its end is told once all else was", async (folder) => {
  const first = await Trainer.start(folder, `echo one; ${WAITS}; echo two; kill -9 $$`);
  await until("a line", () => first.stdout.length === 1);
  first.process.leave();
  await first.ended;
  await Deno.writeTextFile(join(folder, "go"), "");
  await until("its end", () => existsSync(join(folder, "run", "end.json")));
  const second = Trainer.adopt(folder, first.process.told);
  deepEqual(await second.exited(), { exitCode: 137, signal: "SIGKILL" });
  deepEqual(second.stdout, ["two"]);
  await keeperEnded(join(folder, "run"));
});

test("a later life ends what an earlier one began", async (folder) => {
  const first = await Trainer.start(folder, "echo $$; exec sleep 300");
  await until("a line", () => first.stdout.length === 1);
  first.process.leave();
  await first.ended;
  const second = Trainer.adopt(folder, first.process.told);
  await second.process.end("cancel");
  equal((await second.exited()).signal, "SIGTERM");
  await keeperEnded(join(folder, "run"));
  equal(isAlive(Number(first.stdout[0])), false);
});

test("a keeper that is killed loses the run, and what it kept ends", async (folder) => {
  const trainer = await Trainer.start(folder, "sleep 300 & echo $!; wait");
  await until("a line", () => trainer.stdout.length === 1);
  const keeper = await new RunFolder(join(folder, "run")).keeper();
  Deno.kill(keeper?.pid ?? 0, "SIGKILL");
  const end = await trainer.ended;
  deepEqual(end, { type: "lost", reason: "Somebody killed the process that kept the trainer" });
  equal(isAlive(Number(trainer.stdout[0])), false);
  const again = Trainer.adopt(folder, trainer.process.told);
  deepEqual(await again.ended, end);
});

test("a keeper that is asked to end goes by the worker that follows, however often it is asked", async (folder) => {
  const trainer = await Trainer.start(
    folder,
    "trap 'sleep 0.3; exit 6' TERM; echo up; while [ ! -e go ]; do sleep 0.02; done; echo on; sleep 300 & wait",
  );
  await until("a line", () => trainer.stdout.length === 1);
  const run = new RunFolder(join(folder, "run"));
  const keeper = (await run.keeper())?.pid ?? 0;
  Deno.kill(keeper, "SIGTERM");
  Deno.kill(keeper, "SIGTERM");
  // Its trainer goes on for many of its looks.
  await new Promise((resolve) => setTimeout(resolve, 500));
  await Deno.writeTextFile(join(folder, "go"), "");
  await until("the next line", () => trainer.stdout.length === 2);
  equal(await run.wish(), undefined);
  // Nobody follows any more, so it is ended, and that is written down.
  trainer.process.leave();
  await trainer.ended;
  await until("its end", () => existsSync(join(run.path, "end.json")));
  const later = Trainer.adopt(folder, trainer.process.told);
  equal((await later.exited()).exitCode, 6);
  equal(await run.wish(), "quit");
  await keeperEnded(run.path);
});

test("a trainer that is asked to end together with its keeper was stopped, and did not fail", async (folder) => {
  const trainer = await Trainer.start(folder, "echo up; exec sleep 300");
  await until("a line", () => trainer.stdout.length === 1);
  const run = new RunFolder(join(folder, "run"));
  Deno.kill((await run.keeper())?.pid ?? 0, "SIGTERM");
  Deno.kill((await run.trainer())?.pid ?? 0, "SIGTERM");
  equal((await trainer.exited()).signal, "SIGTERM");
  equal(await run.wish(), "quit");
});

test("so it was where the keeper hears of it only after the trainer's end", async (folder) => {
  const environment = { inherit: ["PATH"], set: {} };
  // Several: the keeper may be at any of its steps by then.
  for (let round = 0; round < 10; round++) {
    const run = new RunFolder(join(folder, `${round}`));
    const command = { executable: SHELL, args: ["-c", "exec sleep 300"], environment };
    await run.create(runPlanOf(command, folder, 0));
    const asked = new AbortController();
    const kept = keepTrainer(run, asked.signal);
    await until("a trainer", () => existsSync(join(run.path, "trainer.json")));
    const { pid } = await run.trainer() ?? { pid: 0 };
    Deno.kill(pid, "SIGTERM");
    await until("the trainer's end", () => !isAlive(pid));
    asked.abort();
    await kept;
    equal(await run.wish(), "quit");
  }
});

test("a trainer that does not heed SIGTERM is killed after ten seconds", async (folder) => {
  const trainer = await Trainer.start(
    folder,
    "trap '' TERM; echo up; while :; do sleep 0.05; done",
  );
  await until("a line", () => trainer.stdout.length === 1);
  const askedAt = performance.now();
  await trainer.process.end("cancel");
  const { signal } = await within(trainer.exited(), 25_000, "SIGKILL does not come");
  const tookMs = performance.now() - askedAt;
  equal(signal, "SIGKILL");
  ok(tookMs >= 10_000 && tookMs < 20_000, `${tookMs} ms`);
});

test("an id that names another process by now is not taken for ours", async (folder) => {
  const bystander = new Deno.Command("sleep", { args: ["300"], detached: true }).spawn();
  try {
    const now = await identityOf(bystander.pid);
    equal(await isStillIts(now), Deno.build.os === "linux");
    equal(await isAnothers(now), false);
    equal(await isAnothers({ ...now, boot_id: "another" }), true);
    equal(await isAnothers({ ...now, start_ticks: (now.start_ticks ?? 0) + 1 }), true);
    const run = new RunFolder(join(folder, "run"));
    await run.create(
      runPlanOf(
        { executable: SHELL, args: [], environment: { inherit: [], set: {} } },
        folder,
        0,
      ),
    );
    await run.writeProcess("trainer", { ...now, start_ticks: (now.start_ticks ?? 0) + 1 });
    equal((await Trainer.adopt(folder, { outputBytes: 0, rows: 0 }).ended)?.type, "lost");
    equal(isAlive(bystander.pid), true);
    await Deno.remove(join(run.path, "end.json"));
    await run.writeProcess("trainer", { ...now, boot_id: "another" });
    deepEqual(await Trainer.adopt(folder, { outputBytes: 0, rows: 0 }).ended, {
      type: "lost",
      reason: "The machine was started anew while it ran",
    });
    equal(isAlive(bystander.pid), true);
  } finally {
    bystander.kill("SIGKILL");
    await bystander.status;
  }
});

test("a keeper that comes after the end was written starts nothing", async (folder) => {
  const run = new RunFolder(join(folder, "run"));
  const environment = { inherit: ["PATH"], set: {} };
  await run.create(
    runPlanOf({ executable: SHELL, args: ["-c", "touch ran"], environment }, folder, 0),
  );
  await run.writeEnd({ type: "lost", reason: "The worker came first" });
  await keepTrainer(run, new AbortController().signal);
  equal(existsSync(join(folder, "ran")), false);
});
