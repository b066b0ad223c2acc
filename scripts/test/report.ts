/** Reads the JUnit report of `deno test`. Knows nothing of how the tests were run. */

/** How the tests went. */
export interface Counts {
  readonly passed: number;
  readonly failed: number;
  /** Tests that were not run, because they say so. */
  readonly skipped: number;
}

/** A test or step: its name, the rest of its attributes, and what came of it. */
const CASE = /<testcase name="([^"]*)"([^>]*?)(?:\/>|>([\s\S]*?)<\/testcase>)/g;

/**
 * Counts the tests in a report. A step belongs to its test and is not counted: the report lists it
 * after its test, in the same suite, as `test > step`. Nor is a test that `--filter` left out: the
 * report calls it skipped too, but gives it no time.
 *
 * @throws {Error} Where `report` is not a JUnit report.
 */
export function countCases(report: string): Counts {
  if (!report.includes("<testsuites")) {
    throw new Error(`Expected a JUnit report, got ${JSON.stringify(report.slice(0, 80))}`);
  }
  let [passed, failed, skipped] = [0, 0, 0];
  for (const [, suite = ""] of report.matchAll(/<testsuite ([\s\S]*?)<\/testsuite>/g)) {
    const tests: string[] = [];
    for (const [, name = "", attributes = "", body = ""] of suite.matchAll(CASE)) {
      if (tests.some((test) => name.startsWith(`${test} &gt; `))) continue;
      tests.push(name);
      if (body.includes("<failure") || body.includes("<error")) failed++;
      else if (!body.includes("<skipped")) passed++;
      else if (attributes.includes(" time=")) skipped++;
    }
  }
  return { passed, failed, skipped };
}

/** All of `counts` together. */
export function sumOf(counts: readonly Counts[]): Counts {
  return counts.reduce((sum, { passed, failed, skipped }) => ({
    passed: sum.passed + passed,
    failed: sum.failed + failed,
    skipped: sum.skipped + skipped,
  }), { passed: 0, failed: 0, skipped: 0 });
}

/** The line that closes a run. */
export function summaryOf({ passed, failed, skipped }: Counts): string {
  const line = `${passed} passed, ${failed} failed`;
  return skipped === 0 ? line : `${line}, ${skipped} skipped`;
}
