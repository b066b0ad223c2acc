/** How long the program takes to say something. Knows the command line only. */

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

/** Measures `--help` from start to exit. The first run, which fills caches, is not counted. */
export const bench: Bench = {
  summary: "Time from start to the end of --help",
  rounds: 10,
  options: {
    bin: { value: "PATH", summary: "A compiled program (otherwise: deno run -A main.ts)" },
  },
  async *run({ rounds, options }) {
    const bin = options.get("bin");
    const program = bin === undefined ? [Deno.execPath(), "run", "-A", "main.ts"] : [bin];
    const helpMs: number[] = [];
    for (let round = 0; round <= rounds; round++) {
      const elapsedMs = await runMs([...program, "--help"]);
      if (round === 0) continue;
      helpMs.push(elapsedMs);
      yield { round, help_ms: rounded(elapsedMs) };
    }
    yield { rounds, help_ms: rounded(median(helpMs)) };
  },
};
