/** Counting what `deno test` reports. */

import { deepEqual, equal, throws } from "node:assert/strict";
import { countCases, summaryOf, sumOf } from "../../../scripts/test/report.ts";

function reportOf(...suites: string[]): string {
  const body = suites.map((suite) => `<testsuite name="./a_test.ts">${suite}</testsuite>`);
  return `<?xml version="1.0"?><testsuites name="deno test">${body.join("\n")}</testsuites>`;
}

const PASSED = '<testcase name="a" classname="./a_test.ts" line="1">\n</testcase>';
const FAILED =
  '<testcase name="b"><failure message="m">Error: &lt;skipped/&gt;</failure></testcase>';
const SKIPPED = '<testcase name="c" time="0.000">\n<skipped/>\n</testcase>';
const FILTERED = '<testcase name="e" line="2">\n<skipped/>\n</testcase>';
const STEP = '<testcase name="b &gt; first"><failure message="m">m</failure></testcase>';
const EMPTY = '<testcase name="d" time="0.1"/>';

Deno.test("countCases counts tests of all suites, and no steps", () => {
  const table: readonly [string, readonly [number, number, number]][] = [
    [reportOf(), [0, 0, 0]],
    [reportOf(PASSED), [1, 0, 0]],
    [reportOf(PASSED + FILTERED), [1, 0, 0]],
    [reportOf(PASSED + FAILED + SKIPPED + STEP), [1, 1, 1]],
    [reportOf(PASSED + EMPTY, FAILED, SKIPPED + PASSED), [3, 1, 1]],
    [reportOf(EMPTY + FAILED), [1, 1, 0]],
  ];
  for (const [report, [passed, failed, skipped]] of table) {
    deepEqual(countCases(report), { passed, failed, skipped }, report);
  }
});

Deno.test("countCases refuses what is no report", () => {
  throws(() => countCases(""), /Expected a JUnit report, got ""/);
});

Deno.test("summaryOf names skipped tests only where there are some", () => {
  equal(summaryOf({ passed: 123, failed: 0, skipped: 0 }), "123 passed, 0 failed");
  equal(summaryOf({ passed: 2, failed: 1, skipped: 3 }), "2 passed, 1 failed, 3 skipped");
});

Deno.test("sumOf adds up each count", () => {
  const counts = [{ passed: 1, failed: 2, skipped: 3 }, { passed: 10, failed: 20, skipped: 30 }];
  deepEqual(sumOf(counts), { passed: 11, failed: 22, skipped: 33 });
  deepEqual(sumOf([]), { passed: 0, failed: 0, skipped: 0 });
});
