import { deepEqual, equal, ok } from "node:assert/strict";
import { OutputValve } from "../../lib/job/output_valve.ts";

Deno.test("output valve: lines at a bearable rate pass as they are", () => {
  const valve = new OutputValve(0);
  for (let second = 0; second < 10_000; second++) {
    deepEqual(valve.pass(`line ${second}`, second * 1_000), [`line ${second}`]);
  }
  deepEqual(valve.end(), []);
});

Deno.test("output valve: a flood is cut, counted and told of when lines pass again", () => {
  const valve = new OutputValve(0);
  const line = "x".repeat(1_000);
  let passed = 0;
  for (let count = 0; count < 100_000; count++) passed += valve.pass(line, 0).length;
  ok(passed > 100 && passed < 2_000, `${passed} lines passed`);
  const notice = `[${100_000 - passed} lines left out: the trainer prints too fast or too much]`;
  deepEqual(valve.pass("calm", 1_000), [notice, "calm"]);
  deepEqual(valve.pass("calm", 2_000), ["calm"]);
});

Deno.test("output valve: of lines held back at the end, the last are told, and the others counted", () => {
  const valve = new OutputValve(0);
  while (valve.pass("y".repeat(4_000), 0).length > 0);
  for (let line = 2; line <= 60; line++) valve.pass(`${line}`.padEnd(4_000), 0);
  const told = valve.end().map((line) => line.trimEnd());
  equal(told[0], "[10 lines left out: the trainer prints too fast or too much]");
  deepEqual(told.slice(1), Array.from({ length: 50 }, (_, index) => `${index + 11}`));
  deepEqual(valve.end(), []);
  while (valve.pass("y".repeat(4_000), 0).length > 0);
  equal(valve.end().length, 1);
});

Deno.test("output valve: a flood of days fills a log of 32 MiB, and is never silent for an hour", () => {
  const valve = new OutputValve(0);
  const line = "z".repeat(384);
  let characters = 0;
  let lastAt = 0;
  let longest = 0;
  for (let now = 0; now < 7 * 24 * 3_600_000; now += 1_000) {
    const told = valve.pass(line, now);
    if (told.length === 0) continue;
    longest = Math.max(longest, now - lastAt);
    lastAt = now;
    characters += told.reduce((sum, { length }) => sum + length, 0);
  }
  ok(characters <= 32 * 1024 * 1024, `${characters}`);
  ok(characters > 16 * 1024 * 1024, `${characters}`);
  ok(longest < 3_600_000, `silent for ${longest} ms`);
});

Deno.test("output valve: a clock that stands still or steps back gives no room", () => {
  const valve = new OutputValve(1_000);
  while (valve.pass("z".repeat(4_000), 1_000).length > 0);
  equal(valve.pass("z".repeat(4_000), 0).length, 0);
});
