/** How long the program takes to say something. Knows the command line only. */

import { Lab } from "../lab/lab.ts";
import type { Bench } from "./bench.ts";
import { median, rounded } from "./statistics.ts";

const SILENCE_MS_MAX = 30_000;

/**
 * Runs `command` once, from start to exit, in milliseconds.
 *
 * @throws {Error} Where it fails, or is not done in 30 s.
 */
async function runMs([program = "", ...args]: readonly string[]): Promise<number> {
  const start = performance.now();
  const { success, stderr } = await new Deno.Command(program, {
    args,
    stdin: "null",
    stdout: "null",
    stderr: "piped",
    signal: AbortSignal.timeout(SILENCE_MS_MAX),
  }).output();
  const elapsedMs = performance.now() - start;
  if (!success) {
    const said = new TextDecoder().decode(stderr).trim() ||
      `no word in ${Math.round(elapsedMs)} ms`;
    throw new Error(`Expected \`${[program, ...args].join(" ")}\` to succeed, got: ${said}`);
  }
  return elapsedMs;
}

/** From the start of a worker's process until it is in its room, in milliseconds. */
async function workerReadyMs(lab: Lab, round: number): Promise<number> {
  const start = performance.now();
  const [worker] = await lab.addWorkers([{ name: `w${round}`, gpuMemoryMb: 8_000 }]);
  const elapsedMs = performance.now() - start;
  await worker?.program.end();
  return elapsedMs;
}

/** Measures `--help` and a worker's start. The first run, which fills caches, is not counted. */
export const bench: Bench = {
  summary: "Time from start to the end of --help, and to a worker in its room",
  rounds: 10,
  options: {
    bin: { value: "PATH", summary: "A compiled program (otherwise: deno run -A main.ts)" },
  },
  async *run({ rounds, options }) {
    const bin = options.get("bin");
    const program = bin === undefined ? [Deno.execPath(), "run", "-A", "main.ts"] : [bin];
    const helpMs: number[] = [];
    const readyMs: number[] = [];
    const folder = await Deno.makeTempDir({ prefix: "sleap-rtc-bench-" });
    const lab = await Lab.open(folder, "auto", bin);
    try {
      for (let round = 0; round <= rounds; round++) {
        const help = await runMs([...program, "--help"]);
        const ready = await workerReadyMs(lab, round);
        if (round === 0) continue;
        helpMs.push(help);
        readyMs.push(ready);
        yield { round, help_ms: rounded(help), worker_ready_ms: rounded(ready) };
      }
    } finally {
      await lab.close();
      await Deno.remove(folder, { recursive: true });
    }
    const [help_ms, worker_ready_ms] = [rounded(median(helpMs)), rounded(median(readyMs))];
    yield { rounds, help_ms, worker_ready_ms };
  },
};
