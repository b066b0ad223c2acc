/** Losses as a plot: every kind of fall can be seen. */

import { deepEqual, equal, match, ok } from "node:assert/strict";
import { plotLines } from "../../lib/cli/plot.ts";

const SIZE = { columns: 60, height: 4, isColored: false };

Deno.test("a plot has a scale from the largest to the least, and fits", () => {
  const lines = plotLines([[4, 3, 2, 1]], SIZE);
  equal(lines.length, 5);
  match(lines[0] ?? "", /^ +4\.000 ┼─+╮$/);
  match(lines[2] ?? "", /^ +2\.500 ┤ /);
  match(lines[4] ?? "", /^ +1\.000 ┤ +╰─+$/);
  ok(lines.every((line) => line.length <= SIZE.columns));
});

Deno.test("a fall through many powers of ten is drawn on a logarithmic scale", () => {
  const scale = (losses: readonly number[]) =>
    plotLines([losses], SIZE).map((line) => line.trim().split(" ")[0]);
  deepEqual(scale([1, 1e-2, 1e-4]), ["1.000", "0.1000", "0.01000", "0.001000", "1.00e-4"]);
  deepEqual(scale([1, 0.5, 0]), ["1.000", "0.7500", "0.5000", "0.2500", "0.000"]);
});

Deno.test("what cannot be drawn is no plot", () => {
  deepEqual(plotLines([[], []], SIZE), []);
  deepEqual(plotLines([[1, NaN]], SIZE), []);
  deepEqual(plotLines([[2, 1]], { ...SIZE, columns: 15 }), []);
});

Deno.test("two curves stand on one scale in two colours; without colours the first stands alone", () => {
  const curves = [[4, 3, 2, 1], [8, 6, 5, 5]];
  const colored = plotLines(curves, { ...SIZE, isColored: true });
  match(colored[0] ?? "", /8\.000/);
  const text = colored.join("");
  ok(text.includes("\u001b[36m") && text.includes("\u001b[33m"), text);
  deepEqual(plotLines(curves, SIZE), plotLines(curves.slice(0, 1), SIZE));
  const alone = plotLines([[], [2, 1]], { ...SIZE, isColored: true }).join("");
  ok(alone.includes("\u001b[33m"), alone);
});
