/** What is said of a server's memory: flat, growing, or that it is too early to say. */

import { deepEqual, equal } from "node:assert/strict";
import { MemoryCurve } from "../../lib/cli/memory_curve.ts";

function curveOf(minutes: number, megabytesAt: (minute: number) => number): MemoryCurve {
  const curve = new MemoryCurve();
  for (let second = 0; second < minutes * 60; second++) {
    curve.held(megabytesAt(second / 60), second);
  }
  return curve;
}

const noise = (minute: number) => 3 * Math.sin(minute * 40);

for (
  const [name, minutes, megabytesAt, verdict] of [
    ["the same all the time", 15, () => 90, "flat"],
    ["a heap that finds its size first", 15, (at: number) => at < 2 ? 60 + 15 * at : 90, "flat"],
    ["the saw of a collector", 15, (at: number) => 90 + noise(at), "flat"],
    ["one peak", 15, (at: number) => at > 7 && at < 7.5 ? 180 : 90, "flat"],
    ["memory that is given back", 15, (at: number) => 120 - at, "flat"],
    ["a leak below the saw", 15, (at: number) => 90 + noise(at) + 0.6 * at, "grows"],
    ["a step late on", 15, (at: number) => at < 11 ? 90 : 120, "grows"],
    ["half a minute", 0.5, () => 90, "too_short"],
    ["five minutes", 5, (at: number) => 90 + 10 * at, "too_short"],
  ] as const
) {
  Deno.test(`memory over time: ${name} is called ${verdict}`, () => {
    equal(curveOf(minutes, megabytesAt).report().verdict, verdict);
  });
}

Deno.test("memory over time: the curve, its slope, its thirds and its peak are told", () => {
  const curve = curveOf(8, (at) => 100 + 2 * Math.floor(at * 2));
  equal(curve.peakMb, 130);
  deepEqual(curve.report(), {
    curve_mb: Array.from({ length: 16 }, (_, index) => 100 + 2 * index),
    slope_mb_per_min: 4,
    first_third_mb: 111,
    last_third_mb: 127,
    verdict: "grows",
  });
  equal(new MemoryCurve().peakMb, 0);
});
