/** Fifty clients race for ten workers: never two on one slot; and faults in workers are found. */

import assert from "node:assert/strict";
import type { DeskFault } from "./job_desk.ts";
import { race } from "./job_world.ts";
import { PLANTED_IN_SLOTS } from "./planted_slots.ts";
import { withPlantedSlot } from "./planted_fault.ts";

const SEEDS = 300;
/** Races in which a planted fault must be found. */
const PLANTED_SEEDS = 20;

Deno.test(`jobs: ${SEEDS} races for slots end without a violation, and not for want of jobs`, () => {
  let begun = 0;
  let lost = 0;
  for (let seed = 1; seed <= SEEDS; seed++) {
    const result = race({ seed });
    assert.equal(result.violation, undefined, `Seed ${seed}: ${result.violation}`);
    assert.ok(result.begun > 30, `Seed ${seed} began ${result.begun} jobs`);
    begun += result.begun;
    lost += result.lost;
  }
  assert.ok(lost > begun / 1_000 && lost < begun / 4, `${lost} of ${begun} were lost`);
});

const PLANTED_IN_DESKS: readonly [DeskFault, RegExp][] = [
  ["forgets_its_jobs", /begins .* beside the trainer of|without a verdict|is told/],
  ["tells_verdicts_again", /after job_/],
  ["tells_words_again", /for epoch/],
];
for (const [planted, expected] of PLANTED_IN_DESKS) {
  Deno.test(`jobs: the race finds a worker that ${planted.replaceAll("_", " ")}`, () => {
    assert.ok(isFound((seed) => race({ seed, planted }).violation, expected));
  });
}

for (const { name, replacements, report } of PLANTED_IN_SLOTS) {
  Deno.test(`jobs: the race finds a slot with this fault: ${name}`, async () => {
    await withPlantedSlot(replacements, (createSlot) => {
      assert.ok(isFound((seed) => race({ seed, createSlot }).violation, report));
    });
  });
}

Deno.test("jobs: the same seed gives the same race", () => {
  assert.deepEqual(race({ seed: 7 }), race({ seed: 7 }));
});

function isFound(violationOf: (seed: number) => string | undefined, expected: RegExp): boolean {
  const seeds = Array.from({ length: PLANTED_SEEDS }, (_, index) => index + 1);
  return seeds.some((seed) => expected.test(violationOf(seed) ?? ""));
}
