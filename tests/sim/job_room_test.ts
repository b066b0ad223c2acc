/** Rooms that run jobs: enough happens in them, and faults of slots and desks are found. */

import assert from "node:assert/strict";
import { automergeReady } from "./automerge.ts";
import type { DeskFault } from "./job_desk.ts";
import { withPlantedSlot } from "./planted_fault.ts";
import { PLANTED_IN_SLOTS } from "./planted_slots.ts";
import { simulate, type SimulationOptions } from "./simulation.ts";

await automergeReady();

/** Rooms in which a planted fault must be found. */
const SEEDS = 100;

Deno.test("rooms run jobs, and all that can become of a job does", () => {
  const sum = { begun: 0, lost: 0, heardOut: 0, ended: 0, takenUp: 0, discarded: 0 };
  for (let seed = 1; seed <= 40; seed++) {
    const { jobs, violation } = simulate({ seed });
    assert.equal(violation, undefined, `deno task simulate --seed ${seed} --trace: ${violation}`);
    for (const key of ["begun", "lost", "heardOut", "ended", "takenUp", "discarded"] as const) {
      sum[key] += jobs[key];
    }
  }
  const few = Object.entries(sum).filter(([, count]) => count < 5);
  assert.deepEqual(few, [], `Of ${JSON.stringify(sum)}`);
  assert.ok(sum.heardOut > sum.begun * 0.8, `${sum.heardOut} of ${sum.begun} were heard out`);
});

for (const { name, replacements, report } of PLANTED_IN_SLOTS) {
  Deno.test(`rooms with jobs: planted fault found within ${SEEDS} seeds: ${name}`, async () => {
    await withPlantedSlot(replacements, (createSlot) => assertFound({ createSlot }, report));
  });
}

const PLANTED_IN_DESKS: readonly [DeskFault, RegExp][] = [
  ["forgets_its_jobs", /beside the trainer of|without a verdict|is told over|is told unknown_job/],
  ["tells_verdicts_again", /after job_/],
  ["tells_words_again", /for epoch/],
];
for (const [deskFault, report] of PLANTED_IN_DESKS) {
  const name = `a worker ${deskFault.replaceAll("_", " ")}`;
  Deno.test(`rooms with jobs: planted fault found within ${SEEDS} seeds: ${name}`, () => {
    assertFound({ deskFault }, report);
  });
}

function assertFound(options: Omit<SimulationOptions, "seed">, report: RegExp): void {
  for (let seed = 1; seed <= SEEDS; seed++) {
    const { violation } = simulate({ ...options, seed });
    if (violation !== undefined && report.test(violation)) return;
  }
  assert.fail(`No seed of 1..${SEEDS} found it`);
}
