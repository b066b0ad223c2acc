/**
 * Runs simulated rooms, one a seed, until one does what it must not. Knows how to report; what is
 * simulated and what must hold is in `tests/sim`.
 */

import process from "node:process";
import { parseArgs } from "node:util";
import { automergeReady } from "../tests/sim/automerge.ts";
import { simulate } from "../tests/sim/simulation.ts";

const USAGE = `Usage: deno task simulate [--seeds A..B] [--seed N --trace] [--minutes M] [--json]

  --seeds A..B  which seeds to run, 1..100 if left out
  --seed N      one seed
  --trace       prints all that happens in it
  --minutes M   goes on with further seeds for that long
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

/** Runs what `args` name. Returns the exit code. */
async function main(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      seeds: { type: "string", default: "1..100" },
      seed: { type: "string" },
      trace: { type: "boolean", default: false },
      minutes: { type: "string" },
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
  await automergeReady();
  const startedAt = performance.now();
  const sum = { seeds: 0, violations: 0, virtual_s: 0, wall_s: 0 };
  for (let seed = first;; seed++) {
    const wallMs = performance.now() - startedAt;
    if (minutes === undefined ? seed > last : wallMs > minutes * 60_000) break;
    const outcome = simulate({ seed, ...(values.trace ? { trace: say } : {}) });
    sum.seeds++;
    sum.virtual_s += outcome.virtualMs / 1000;
    if (outcome.violation === undefined) continue;
    sum.violations++;
    say(`seed ${seed}: ${outcome.violation}`);
    say(`  replay: deno task simulate --seed ${seed} --trace`);
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
