/**
 * What an end-to-end test stands on: a lab in a temporary folder, packages to train on, and the
 * certainty that afterwards no process and no file is left. Knows no test.
 */

import assert from "node:assert/strict";
import { join } from "node:path";
import { writeSamplePackage } from "../../lib/runtime/training_package.ts";
import type { RtcChoice } from "../../lib/runtime/config.ts";
import { Lab, type LabWorker, type LabWorkerOptions } from "../../scripts/lab/lab.ts";
import type { Program } from "../../scripts/lab/program.ts";
import { eventually } from "./condition.ts";
import { processesOf } from "./process_table.ts";

/** A compiled program to test in place of the sources. */
const BIN = Deno.env.get("SLEAP_RTC_E2E_BIN");
const MESH_MS = 30_000;
const GONE_MS = 10_000;

/** Where a test plays. */
export class Stage {
  readonly folder: string;
  readonly lab: Lab;

  constructor(folder: string, lab: Lab) {
    this.folder = folder;
    this.lab = lab;
  }

  /** Starts workers of descending GPU memory, the first one to be admin, and waits for the mesh. */
  async workers(options: readonly Omit<LabWorkerOptions, "gpuMemoryMb">[]): Promise<
    readonly LabWorker[]
  > {
    const workers = await this.lab.addWorkers(
      options.map((worker, index) => ({ ...worker, gpuMemoryMb: 24_000 - 1_000 * index })),
    );
    await this.lab.meshed(workers, MESH_MS);
    await this.lab.listed(workers, MESH_MS, new AbortController().signal);
    return workers;
  }

  /** One worker, called `name`. */
  async worker(name: string, trainer?: readonly string[]): Promise<LabWorker> {
    const [worker] = await this.workers([trainer === undefined ? { name } : { name, trainer }]);
    if (worker === undefined) throw new Error("Expected the worker that was started");
    return worker;
  }

  /** Makes a package of `frames` small pictures. Gives its path. */
  async package(frames = 4): Promise<string> {
    const path = join(this.folder, "animal.pkg.slp");
    await writeSamplePackage(path, { frames, seed: 1, width: 32, height: 32 });
    return path;
  }

  /** Starts `train` with `--json` and the results in the folder `results`. */
  train(file: string, args: readonly string[] = ["--runner", "demo"]): Program {
    return this.lab.start(["train", file, "--json", "--output", this.results, ...args]);
  }

  /** Where {@linkcode Stage.train} puts results. */
  get results(): string {
    return join(this.folder, "results");
  }
}

/** Plays `body` on a stage of its own, whose server has `serverEnvironment` besides the usual one. */
export async function onStage(
  rtc: RtcChoice,
  body: (stage: Stage) => Promise<void>,
  serverEnvironment: Readonly<Record<string, string>> = {},
): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "sleap-rtc-e2e-" });
  try {
    const lab = await Lab.open(folder, rtc, BIN, { serverEnvironment });
    try {
      await body(new Stage(folder, lab));
    } finally {
      await lab.close();
    }
    await eventually(
      "no process of the lab",
      () => processesOf(folder).length === 0 ? true : undefined,
      GONE_MS,
    );
  } finally {
    for (const { pid } of processesOf(folder)) Deno.kill(pid, "SIGKILL");
    await Deno.remove(folder, { recursive: true });
  }
}

/** Asserts that `program` ends with `code` within `limitMs`, and gives what it printed. */
export async function endsWith(
  program: Program,
  code: number,
  limitMs = 30_000,
): Promise<{ readonly stdout: string; readonly stderr: string }> {
  const status = await program.exited(limitMs);
  assert.equal(status.code, code, `${program.text.stdout}\n${program.text.stderr}`);
  return program.text;
}
