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
  const notice = `[${100_000 - passed} lines left out: the trainer prints too fast]`;
  deepEqual(valve.pass("calm", 1_000), [notice, "calm"]);
  deepEqual(valve.pass("calm", 2_000), ["calm"]);
});

Deno.test("output valve: lines held back at the end are told of once", () => {
  const valve = new OutputValve(0);
  while (valve.pass("y".repeat(4_000), 0).length > 0);
  deepEqual(valve.end(), ["[1 lines left out: the trainer prints too fast]"]);
  deepEqual(valve.end(), []);
});

Deno.test("output valve: a clock that stands still or steps back gives no room", () => {
  const valve = new OutputValve(1_000);
  while (valve.pass("z".repeat(4_000), 1_000).length > 0);
  equal(valve.pass("z".repeat(4_000), 0).length, 0);
});
