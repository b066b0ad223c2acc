/** Trainers as real processes: their output, their log, their environment and their end. */

import { deepEqual, equal, match, ok, throws } from "node:assert/strict";
import { join } from "node:path";
import type { RunnerCommand } from "../../lib/job/runner.ts";
import { JobProcess, type ProcessEnd } from "../../lib/runtime/job_process.ts";
import { until, withFolder } from "./condition.ts";

const isWindows = Deno.build.os === "windows";
const SHELL = "/bin/sh";

/** A process that runs `script`, and all that it told. */
class Trainer {
  readonly stdout: string[] = [];
  readonly stderr: string[] = [];
  readonly epochs: number[] = [];
  readonly unreadable: string[] = [];
  readonly process: JobProcess;

  constructor(folder: string, script: string, environment?: RunnerCommand["environment"]) {
    this.process = new JobProcess({
      executable: SHELL,
      args: ["-c", script],
      environment: environment ?? { inherit: ["PATH"], set: {} },
    }, {
      folder,
      logPaths: ["output/training_log.csv", "output/run/training_log.csv"],
      handlers: {
        printed: (stream, { text }) => this[stream].push(text),
        epoch: ({ epoch }) => this.epochs.push(epoch),
        warned: (reason) => this.unreadable.push(reason),
      },
    });
  }

  get ended(): Promise<ProcessEnd> {
    return this.process.ended;
  }
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
  const trainer = new Trainer(folder, "echo one; echo two >&2; printf 'dré'; exit 3");
  deepEqual(await trainer.ended, { exitCode: 3, signal: null });
  deepEqual([trainer.stdout, trainer.stderr], [["one", "dré"], ["two"]]);
});

test("a bar that redraws itself ends as its last state", async (folder) => {
  const trainer = new Trainer(folder, "printf '10%%\\r20%%\\r100%%\\n'");
  await trainer.ended;
  equal(trainer.stdout.at(-1), "100%");
});

test("a line that never ends is cut, and what follows it is heard", async (folder) => {
  const script = "head -c 3000000 /dev/zero | tr '\\0' x; echo; echo after";
  const trainer = new Trainer(folder, script);
  await trainer.ended;
  ok(trainer.stdout.every((line) => line.length <= 4_097));
  equal(trainer.stdout.at(-1), "after");
});

test("it works in its folder, reads nothing and sees only what it may", async (folder) => {
  Deno.env.set("SLEAP_RTC_TEST_SECRET", "hidden");
  Deno.env.set("SLEAP_RTC_TEST_ALLOWED", "seen");
  try {
    const trainer = new Trainer(folder, "pwd; cat; env | sort", {
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
  const trainer = new Trainer(
    folder,
    `mkdir -p output/run; log=output/run/training_log.csv
    echo epoch,train_loss,val_loss > $log; echo 0,,0.9 >> $log
    while [ ! -e go ]; do sleep 0.02; done
    echo 0,0.5,0.4 >> $log; printf '1,0.4,0.3' >> $log`,
  );
  await until("the first row", () => trainer.epochs.length === 1);
  await Deno.writeTextFile(join(folder, "go"), "");
  await trainer.ended;
  deepEqual([trainer.epochs, trainer.unreadable], [[0, 0, 1], []]);
});

test("a log that cannot be read is told of once, and the trainer goes on", async (folder) => {
  // Searching a path below an endless link fails for every user, unlike a forbidden file.
  const trainer = new Trainer(
    folder,
    "mkdir output; ln -s training_log.csv output/training_log.csv; sleep 0.6; echo well",
  );
  equal((await trainer.ended).exitCode, 0);
  deepEqual(trainer.stdout, ["well"]);
  equal(trainer.unreadable.length, 1);
  match(trainer.unreadable[0] ?? "", /log cannot be read/);
});

test("a pipe in the place of its log does not hold the worker up", async (folder) => {
  const trainer = new Trainer(folder, "mkdir output; mkfifo output/training_log.csv; sleep 0.5");
  equal((await trainer.ended).exitCode, 0);
  deepEqual(trainer.epochs, []);
});

test("what it leaves behind ends with it", async (folder) => {
  const trainer = new Trainer(folder, "sleep 300 & echo $!");
  deepEqual(await trainer.ended, { exitCode: 0, signal: null });
  const stray = Number(trainer.stdout[0]);
  ok(stray > 0);
  await until("the end of the stray", () => !isAlive(stray));
});

test("what it leaves behind cannot hold its output open", async (folder) => {
  const trainer = new Trainer(folder, "trap '' TERM; (trap '' TERM; sleep 300) & echo $!");
  const startedAt = performance.now();
  equal((await trainer.ended).exitCode, 0);
  ok(performance.now() - startedAt < 8_000);
  await until("the end of the stray", () => !isAlive(Number(trainer.stdout[0])));
});

test("killed, it ends with its children", async (folder) => {
  const trainer = new Trainer(folder, "sleep 300 & echo $!; wait");
  await until("a line", () => trainer.stdout.length === 1);
  await trainer.process.kill();
  deepEqual(await trainer.ended, { exitCode: 143, signal: "SIGTERM" });
  await until("the end of its child", () => !isAlive(Number(trainer.stdout[0])));
  await trainer.process.kill();
});

test("an executable that is not there is an error at once", (folder) => {
  throws(
    () =>
      new JobProcess({
        executable: join(folder, "no-such-trainer"),
        args: [],
        environment: { inherit: [], set: {} },
      }, {
        folder,
        logPaths: [],
        handlers: { printed: () => {}, epoch: () => {}, warned: () => {} },
      }),
    Deno.errors.NotFound,
  );
  return Promise.resolve();
});

test("a handler that fails ends the trainer, and is thrown", async (folder) => {
  const process = new JobProcess({
    executable: SHELL,
    args: ["-c", "echo $$; exec sleep 300"],
    environment: { inherit: ["PATH"], set: {} },
  }, {
    folder,
    logPaths: [],
    handlers: {
      printed: () => {
        throw new Error("Nobody listens");
      },
      epoch: () => {},
      warned: () => {},
    },
  });
  const error = await process.ended.catch((error: unknown) => error);
  match(String(error), /Nobody listens/);
  equal(isAlive(process.pid), false);
});
