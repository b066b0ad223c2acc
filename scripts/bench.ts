/** Finds a bench by its name, runs it and writes what it measures. Knows no bench itself. */

import { join } from "node:path";
import process from "node:process";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { z } from "zod";
import { type Bench, readable } from "./bench/bench.ts";

const FOLDER = join(import.meta.dirname ?? ".", "bench");

const benchModuleSchema = z.object({
  bench: z.custom<Bench>((value) =>
    z.object({ summary: z.string(), rounds: z.int().positive(), run: z.function() })
      .safeParse(value).success
  ),
});

/** The benches there are, by name: each file that exports one. */
async function findBenches(): Promise<ReadonlyMap<string, Bench>> {
  const benches = new Map<string, Bench>();
  const files = [...Deno.readDirSync(FOLDER)].filter((file) => file.name.endsWith(".ts"));
  for (const { name } of files.sort((a, b) => a.name.localeCompare(b.name))) {
    const module: unknown = await import(pathToFileURL(join(FOLDER, name)).href);
    const decoded = benchModuleSchema.safeParse(module);
    if (decoded.success) benches.set(name.replace(/\.ts$/, ""), decoded.data.bench);
  }
  return benches;
}

/** The help: the benches and the options of each. */
export function helpOf(benches: ReadonlyMap<string, Bench>): string {
  const lines = ["Usage: deno task bench NAME [--rounds N] [--json] [OPTIONS]", "", "Benches:"];
  for (const [name, { summary, rounds, options }] of benches) {
    lines.push(`  ${name.padEnd(12)} ${summary} (${rounds} rounds)`);
    for (const [option, { value, summary }] of Object.entries(options)) {
      lines.push(`    --${option} ${value}  ${summary}`);
    }
  }
  return lines.join("\n");
}

/** Reads `--rounds`. @throws {Error} Where it is not a whole number from 1 to 1,000,000. */
function roundsOf(text: string): number {
  const rounds = Number(text);
  if (!Number.isInteger(rounds) || rounds < 1 || rounds > 1_000_000) {
    throw new Error(`Expected --rounds from 1 to 1000000, got ${text}`);
  }
  return rounds;
}

/**
 * Runs the bench that `args` name and writes each measurement with `say`.
 *
 * @throws {Error} Where there is no such bench or option, or the bench fails.
 */
export async function runBench(
  args: readonly string[],
  benches: ReadonlyMap<string, Bench>,
  say: (line: string) => Promise<void>,
): Promise<void> {
  const [name = "--help", ...rest] = args;
  if (name === "--help" || name === "-h") return await say(helpOf(benches));
  const bench = benches.get(name);
  if (bench === undefined) {
    throw new Error(`Expected one of ${[...benches.keys()].join(", ")}, got ${name}`);
  }
  const { values } = parseArgs({
    args: rest,
    options: {
      ...Object.fromEntries(Object.keys(bench.options).map((key) => [key, { type: "string" }])),
      json: { type: "boolean", default: false },
      rounds: { type: "string", default: String(bench.rounds) },
    },
  });
  const { json, rounds, ...own } = values;
  const options = new Map<string, string>();
  for (const [key, value] of Object.entries(own)) {
    if (typeof value === "string") options.set(key, value);
  }
  for await (const measurement of bench.run({ rounds: roundsOf(rounds), options })) {
    await say(json ? JSON.stringify(measurement) : readable(measurement));
  }
}

if (import.meta.main) {
  process.chdir(join(import.meta.dirname ?? ".", ".."));
  const write = (line: string, to: typeof Deno.stdout | typeof Deno.stderr): Promise<number> =>
    to.write(new TextEncoder().encode(`${line}\n`));
  try {
    await runBench(Deno.args, await findBenches(), async (line) => {
      await write(line, Deno.stdout);
    });
  } catch (error) {
    await write(error instanceof Error ? error.message : String(error), Deno.stderr);
    process.exitCode = 1;
  }
}
