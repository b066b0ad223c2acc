/** Seeds on several threads: all of them, once, and each as it runs alone. */

import assert from "node:assert/strict";
import { runSeeds, type SeedReport } from "../../../scripts/simulate/crew.ts";
import { violationLines } from "../../../scripts/simulate.ts";
import { automergeReady } from "../../sim/automerge.ts";
import { simulate } from "../../sim/simulation.ts";

Deno.test("crew: a seed tells the same on any thread as alone, and each runs once", async () => {
  await automergeReady();
  const heard: SeedReport[] = [];
  await runSeeds([4, 5, 6], 2, (report) => heard.push(report));
  const alone = [4, 5, 6].map((seed) => simulate({ seed }));
  assert.deepEqual(
    heard.toSorted((one, other) => one.seed - other.seed),
    alone.map(({ seed, virtualMs, digest }) => ({ seed, virtualMs, digest })),
  );
});

Deno.test("crew: what is no seed ends the run with a reason instead of silence", async () => {
  await assert.rejects(runSeeds([0.5], 2, () => {}), /int/);
});

Deno.test("crew: no seeds need no thread", async () => {
  await runSeeds([], 2, () => assert.fail("Expected nothing to be heard"));
});

Deno.test("a seed that went wrong is told with the reason and the command that replays it", () => {
  assert.deepEqual(violationLines(7, "w2 follows w4, not w0"), [
    "seed 7: w2 follows w4, not w0",
    "  replay: deno task simulate --seed 7 --trace",
  ]);
});
