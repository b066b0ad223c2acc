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
  const [notice, ...told] = valve.pass("calm", 1_000);
  // 16 KiB a second are 14 lines of 1,128 and the calm one.
  deepEqual(told, [...Array.from({ length: 14 }, () => line), "calm"]);
  const leftOut = 100_000 - passed - 14;
  equal(notice, `[${leftOut} lines left out: the trainer prints too fast or too much]`);
  deepEqual(valve.pass("calm", 2_000), ["calm"]);
});

Deno.test("output valve: in a flood that lasts, lines pass together and not one by one", () => {
  const valve = new OutputValve(0);
  const gatherings: number[] = [];
  for (let now = 0; now < 120_000; now += 5) {
    const told = valve.pass(`line ${now}`.padEnd(100), now);
    if (told[0]?.startsWith("[") === true) gatherings.push(told.length - 1);
  }
  ok(gatherings.length > 30 && gatherings.length < 120, `${gatherings.length} gatherings`);
  deepEqual(gatherings.filter((lines) => lines < 50), []);
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

Deno.test("output valve: a flood of two weeks fills 32 MiB and little more, and is never silent", () => {
  const valve = new OutputValve(0);
  const line = "z".repeat(384);
  const days = 14;
  let characters = 0;
  let lastAt = 0;
  let longest = 0;
  for (let now = 0; now < days * 24 * 3_600_000; now += 1_000) {
    const told = valve.pass(line, now);
    longest = Math.max(longest, now - lastAt);
    if (told.length === 0) continue;
    lastAt = now;
    characters += told.reduce((sum, { length }) => sum + length + 128, 0);
  }
  // Notices of what is left out are not counted by the valve: up to a fifth more.
  const [tank, drops] = [32 * 1024 * 1024, days * 24 * 3_600 * 16];
  ok(characters > tank && characters < 1.2 * (tank + drops), `${characters}`);
  ok(longest < 60_000, `silent for ${longest} ms`);
});

Deno.test("output valve: a clock that stands still or steps back gives no room", () => {
  const valve = new OutputValve(1_000);
  while (valve.pass("z".repeat(4_000), 1_000).length > 0);
  equal(valve.pass("z".repeat(4_000), 0).length, 0);
});
