/** Amounts as people read them. */

import { equal } from "node:assert/strict";
import { bar, formatBytes, formatEta, formatLoss, formatMemory } from "../../lib/cli/amount.ts";
import { plotLines } from "../../lib/cli/plot.ts";

Deno.test("bytes, memory, losses and remaining times", () => {
  const cases: [string, string][] = [
    [formatBytes(0), "0 B"],
    [formatBytes(999), "999 B"],
    [formatBytes(1_234), "1.2 kB"],
    [formatBytes(999_999), "1.0 MB"],
    [formatBytes(123_456_789), "123 MB"],
    [formatBytes(2e15), "2000 TB"],
    [formatMemory(0), "-"],
    [formatMemory(24_564), "24.6 GB"],
    [formatMemory(800), "800 MB"],
    [formatLoss(0.123456), "0.1235"],
    [formatLoss(0.00001234), "1.23e-5"],
    [formatLoss(0), "0.000"],
    [formatLoss(null), "-"],
    [formatEta(25, 100, 10_000), "30s left"],
    [formatEta(0, 100, 10_000), ""],
    [formatEta(100, 100, 10_000), ""],
  ];
  for (const [got, wanted] of cases) equal(got, wanted);
});

Deno.test("a bar has its width, whatever is asked of it", () => {
  const cases: [number, number, string][] = [
    [0, 10, "░░░░"],
    [5, 10, "██░░"],
    [10, 10, "████"],
    [99, 10, "████"],
    [-1, 10, "░░░░"],
    [0, 0, "████"],
  ];
  for (const [done, max, wanted] of cases) equal(bar(done, max, 4), wanted);
});

Deno.test("a plot fits, falls as the loss falls, and needs two values", () => {
  const lines = plotLines([[1, 0.5, 0.25, 0.1]], { columns: 40, height: 5, isColored: false });
  equal(lines.length, 6);
  equal(Math.max(...lines.map((line) => line.length)) <= 40, true);
  equal(lines[0]?.trimStart().startsWith("1.00"), true);
  equal(lines.at(-1)?.trimStart().startsWith("0.100"), true);
  equal(plotLines([[1]], { columns: 40, height: 5, isColored: false }).length, 0);
  equal(plotLines([[1, NaN, Infinity]], { columns: 40, height: 5, isColored: false }).length, 0);
  equal(plotLines([[1, 2]], { columns: 10, height: 5, isColored: false }).length, 0);
});
