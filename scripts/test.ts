/**
 * Runs the tests and the examples in the docs, and closes with one line: `123 passed, 0 failed`.
 * Knows how to count, not what is tested. One file after another: with two cores, `--parallel` makes
 * the deadlines of the end-to-end tests a matter of luck.
 */

import { existsSync } from "node:fs";
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

/** Options of `deno test` that take the argument after them. */
const OPTIONS_WITH_VALUE = ["--filter", "--reporter"];

/** Runs `deno test` with `args` and counts what it reports; its output goes where ours goes. */
async function runTests(args: readonly string[]): Promise<Counts> {
  const folder = await Deno.makeTempDir({ prefix: "sleap-rtc-test-" });
  const report = join(folder, "report.xml");
  try {
    const { success } = await new Deno.Command(Deno.execPath(), {
      args: ["test", "-A", `--junit-path=${report}`, ...args],
      stdin: "null",
      stdout: "inherit",
      stderr: "inherit",
    }).spawn().status;
    const counts = existsSync(report)
      ? countCases(await Deno.readTextFile(report))
      : { passed: 0, failed: 0, skipped: 0 };
    // A file that does not compile or that throws outside a test is in no report.
    return success || counts.failed > 0 ? counts : { ...counts, failed: 1 };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
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
  if (tests.length > 0) counts.push(await runTests([...options, ...tests]));
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
