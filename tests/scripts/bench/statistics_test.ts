/** Statistics against values worked out by hand. */

import { equal, throws } from "node:assert/strict";
import { median, p95, p99, percentile, rounded } from "../../../scripts/bench/statistics.ts";

const HUNDRED = Array.from({ length: 100 }, (_, index) => 100 - index);

Deno.test("percentile is the nearest rank, whatever the order", () => {
  const table: readonly [readonly number[], number, number][] = [
    [[7], 1, 7],
    [[7], 100, 7],
    [[15, 20, 35, 40, 50], 5, 15],
    [[15, 20, 35, 40, 50], 30, 20],
    [[50, 40, 35, 20, 15], 40, 20],
    [[15, 20, 35, 40, 50], 50, 35],
    [[15, 20, 35, 40, 50], 100, 50],
    [[-2, 10, 9], 34, 9],
  ];
  for (const [values, percent, wanted] of table) equal(percentile(values, percent), wanted);
  equal(p95(HUNDRED), 95);
  equal(p99(HUNDRED), 99);
  equal(p99([1, 2, 3]), 3);
});

Deno.test("median is the middle, or the mean of the two", () => {
  equal(median([3]), 3);
  equal(median([9, 1, 5]), 5);
  equal(median([10, 2]), 6);
  equal(median([4, 1, 3, 2]), 2.5);
  equal(median([10, 9, 100]), 10);
});

Deno.test("what cannot be answered is refused", () => {
  throws(() => median([]), /Expected at least one value, got none/);
  throws(() => p95([]), /Expected at least one value, got none/);
  throws(() => p95([1, NaN]), /got NaN/);
  throws(() => percentile([1], 0), /above 0 and at most 100, got 0/);
  throws(() => percentile([1], 101), /above 0 and at most 100, got 101/);
});

Deno.test("rounded keeps three decimals", () => {
  equal(rounded(1.23456), 1.235);
  equal(rounded(2), 2);
});
