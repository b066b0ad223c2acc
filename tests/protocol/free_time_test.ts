import { equal } from "node:assert/strict";
import { isNewsOfFreedom } from "../../lib/protocol/free_time.ts";

const HOUR = 3_600_000;
const cases: [string, number | undefined, number | undefined, boolean][] = [
  ["nothing, still", undefined, undefined, false],
  ["a first guess", undefined, HOUR, true],
  ["free again", HOUR, undefined, true],
  ["a guess that is a little later", HOUR, HOUR + 200_000, false],
  ["a guess that is much later", HOUR, HOUR + 600_000, true],
  ["a guess that is much earlier", HOUR, HOUR - 600_000, true],
  ["the last minute", 90_000, 60_000, false],
  ["minutes more than was thought", 60_000, 150_000, true],
];
for (const [what, told, expected, isNews] of cases) {
  Deno.test(`what a room hears of when a worker is free: ${what}`, () => {
    equal(isNewsOfFreedom({ freeAtMs: told, atMs: -HOUR }, expected, 0), isNews);
    const isBound = told !== undefined && expected !== undefined;
    equal(
      isNewsOfFreedom({ freeAtMs: told, atMs: -1 }, expected, 0),
      isNews && !isBound,
      "too soon",
    );
  });
}

Deno.test("what a room hears of when a worker is free: a guess that was far off is mended soon", () => {
  const isNews = (expected: number) =>
    isNewsOfFreedom({ freeAtMs: HOUR, atMs: -120_000 }, expected, 0);
  equal(isNews(3 * HOUR), true);
  equal(isNews(1.4 * HOUR), false);
});
