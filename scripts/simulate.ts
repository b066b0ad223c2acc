/**
 * Runs simulated rooms, one a seed, until one does what it must not. Knows how to report; what is
 * simulated and what must hold is in `tests/sim`.
 */

import process from "node:process";
import { parseArgs } from "node:util";
import { runSeeds, type SeedReport, THREADS_MAX } from "./simulate/crew.ts";

const USAGE = `Usage: deno task simulate [--seeds A..B] [--seed N --trace] [--minutes M]
                          [--threads N] [--json]

  --seeds A..B  which seeds to run, 1..100 if left out
  --seed N      one seed
  --trace       prints all that happens in it
  --minutes M   goes on with further seeds for that long
  --threads N   seeds that run at once, as many as there are cores if left out
  --json        prints one JSON object last`;

/** Reads `A..B` or `A`. */
function parseSeeds(text: string): { first: number; last: number } {
  const [, first, last] = /^(\d+)(?:\.\.(\d+))?$/.exec(text) ?? [];
  if (first === undefined || Number(last ?? first) < Number(first)) {
    throw new Error(`Expected seeds such as 1..100, got ${JSON.stringify(text)}`);
  }
  return { first: Number(first), last: Number(last ?? first) };
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** What a person is told of a seed that went wrong: which, why, and how to see it again. */
export function violationLines(seed: number, violation: string): string[] {
  return [`seed ${seed}: ${violation}`, `  replay: deno task simulate --seed ${seed} --trace`];
}

/** Runs what `args` name. Returns the exit code. */
async function main(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      seeds: { type: "string", default: "1..100" },
      seed: { type: "string" },
      trace: { type: "boolean", default: false },
      minutes: { type: "string" },
      threads: { type: "string", default: String(navigator.hardwareConcurrency) },
      json: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) {
    say(USAGE);
    return 0;
  }
  const { first, last } = parseSeeds(values.seed ?? values.seeds);
  const minutes = values.minutes === undefined ? undefined : Number(values.minutes);
  if (minutes !== undefined && !(minutes > 0)) {
    throw new Error(`Expected minutes above 0, got ${values.minutes}`);
  }
  const threads = Number(values.threads);
  if (!Number.isInteger(threads) || threads < 1 || threads > THREADS_MAX) {
    throw new Error(`Expected --threads from 1 to ${THREADS_MAX}, got ${values.threads}`);
  }
  const startedAt = performance.now();
  const sum = { seeds: 0, violations: 0, virtual_s: 0, wall_s: 0 };
  const heard = ({ seed, violation, virtualMs }: SeedReport) => {
    sum.seeds++;
    sum.virtual_s += virtualMs / 1000;
    if (violation === undefined) return;
    sum.violations++;
    for (const line of violationLines(seed, violation)) say(line);
  };
  const goesOn = (seed: number) =>
    minutes === undefined ? seed <= last : performance.now() - startedAt <= minutes * 60_000;
  const seeds = function* () {
    for (let seed = first; goesOn(seed); seed++) yield seed;
  };
  if (values.trace) {
    // Loaded here, since the threads load them too.
    const [{ automergeReady }, { simulate }] = await Promise.all([
      import("../tests/sim/automerge.ts"),
      import("../tests/sim/simulation.ts"),
    ]);
    await automergeReady();
    for (const seed of seeds()) {
      const { violation, ...outcome } = simulate({ seed, trace: say });
      heard(violation === undefined ? outcome : { ...outcome, violation });
    }
  } else {
    await runSeeds(
      seeds(),
      minutes === undefined ? Math.min(threads, last - first + 1) : threads,
      heard,
    );
  }
  sum.virtual_s = Math.round(sum.virtual_s);
  sum.wall_s = Math.round((performance.now() - startedAt) / 10) / 100;
  say(
    values.json
      ? JSON.stringify(sum)
      : `seeds ${sum.seeds}  violations ${sum.violations}  virtual_s ${sum.virtual_s}  wall_s ${sum.wall_s}`,
  );
  return sum.violations > 0 ? 1 : 0;
}

if (import.meta.main) {
  try {
    process.exitCode = await main(Deno.args);
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n${USAGE}\n`);
    process.exitCode = 2;
  }
}
