/** Fifty clients race for ten workers: never two on one slot; and faults in workers are found. */

import assert from "node:assert/strict";
import { type PlantedJobFault, race } from "./job_world.ts";

const SEEDS = 300;

Deno.test(`jobs: ${SEEDS} races for slots end without a violation, and not for want of jobs`, () => {
  let started = 0;
  let lost = 0;
  for (let seed = 1; seed <= SEEDS; seed++) {
    const result = race(seed);
    assert.equal(result.violation, undefined, `Seed ${seed}: ${result.violation}`);
    assert.ok(result.started > 30, `Seed ${seed} began ${result.started} jobs`);
    started += result.started;
    lost += result.lost;
  }
  assert.ok(lost > started / 1_000 && lost < started / 4, `${lost} of ${started} were lost`);
});

const planted: [PlantedJobFault, RegExp][] = [
  ["forgets_its_jobs", /begins .* beside a trainer that runs|without a verdict/],
  ["tells_verdicts_again", /after job_/],
  ["never_wakes", /rests reserved/],
];
for (const [fault, expected] of planted) {
  Deno.test(`jobs: the race finds a worker that ${fault.replaceAll("_", " ")}`, () => {
    const found = Array.from({ length: 20 }, (_, seed) => race(seed + 1, fault).violation);
    assert.match(found.find((violation) => violation !== undefined) ?? "", expected);
  });
}

Deno.test("jobs: the same seed gives the same race", () => {
  assert.deepEqual(race(7), race(7));
});
