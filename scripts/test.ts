/**
 * Runs the tests and the examples in the docs, and closes with one line: `123 passed, 0 failed`.
 * Knows how to count, not what is tested. One file after another: with two cores, `--parallel` makes
 * the deadlines of the end-to-end tests a matter of luck. But for the simulations, which know no real
 * time: they run beside the others, whenever those leave a core idle.
 */

import { existsSync } from "node:fs";
import { constants, setPriority } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { countCases, type Counts, summaryOf, sumOf } from "./test/report.ts";

/** Where the examples in the docs are run. */
const EXAMPLES = ["lib/base", "lib/mesh", "lib/job", "lib/transfer", "lib/protocol"];

/**
 * Examples are run without a look at their types: deno imports all that the file exports into each,
 * and an export that the example does not use would be an error.
 */
const EXAMPLE_FLAGS = ["--doc", "--no-check"];

/** Tests that take a core for minutes, and no real time. */
const SIMULATIONS = "tests/sim";

/** Options of `deno test` that take the argument after them. */
const OPTIONS_WITH_VALUE = ["--filter", "--reporter"];

/**
 * Runs `deno test` with `args` and counts what it reports.
 *
 * @param place In front, its output goes where ours goes; behind, it goes there at the end, and others
 * that want the processor have it first.
 */
async function runTests(
  args: readonly string[],
  place: "in_front" | "behind" = "in_front",
): Promise<Counts> {
  const folder = await Deno.makeTempDir({ prefix: "sleap-rtc-test-" });
  const report = join(folder, "report.xml");
  try {
    const success = await spawnTests([`--junit-path=${report}`, ...args], place);
    const counts = existsSync(report)
      ? countCases(await Deno.readTextFile(report))
      : { passed: 0, failed: 0, skipped: 0 };
    // A file that does not compile or that throws outside a test is in no report.
    return success || counts.failed > 0 ? counts : { ...counts, failed: 1 };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Gives whether `deno test` with `args` succeeded. */
async function spawnTests(
  args: readonly string[],
  place: "in_front" | "behind",
): Promise<boolean> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["test", "-A", ...args],
    stdin: "null",
    stdout: place === "in_front" ? "inherit" : "piped",
    stderr: "inherit",
  }).spawn();
  if (place === "in_front") return (await child.status).success;
  setPriority(child.pid, constants.priority.PRIORITY_LOW);
  const output = await new Response(child.stdout).blob();
  await output.stream().pipeTo(Deno.stdout.writable, { preventClose: true });
  return (await child.status).success;
}

/** Runs what `args` name: paths in `lib` mean examples, other paths tests, and no path everything. */
async function runAll(args: readonly string[]): Promise<Counts> {
  const isPath = (arg: string, index: number): boolean =>
    !arg.startsWith("-") && !OPTIONS_WITH_VALUE.includes(args[index - 1] ?? "");
  const named = args.filter(isPath);
  const options = args.filter((arg, index) => !isPath(arg, index));
  const paths = named.length > 0
    ? named
    : ["tests", ...EXAMPLES.filter((path) => existsSync(path))];
  const examples = paths.filter((path) => path.startsWith("lib/"));
  const tests = paths.filter((path) => !path.startsWith("lib/"));
  const counts: Counts[] = [];
  if (named.length === 0) {
    counts.push(
      ...await Promise.all([
        runTests([...options, `--ignore=${SIMULATIONS}`, ...tests]),
        runTests([...options, SIMULATIONS], "behind"),
      ]),
    );
  } else if (tests.length > 0) counts.push(await runTests([...options, ...tests]));
  if (examples.length > 0) {
    counts.push(await runTests([...options, ...EXAMPLE_FLAGS, ...examples]));
  }
  return sumOf(counts);
}

if (import.meta.main) {
  process.chdir(join(import.meta.dirname ?? ".", ".."));
  const counts = await runAll(Deno.args);
  await Deno.stdout.write(new TextEncoder().encode(`${summaryOf(counts)}\n`));
  process.exitCode = counts.failed > 0 || counts.passed === 0 ? 1 : 0;
}
