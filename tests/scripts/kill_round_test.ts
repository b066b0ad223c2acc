/** That the kills of the proof of jobs can be played again, and leave nobody and no part of a job out. */

import { deepEqual, equal, notDeepEqual } from "node:assert/strict";
import { SeededRandom } from "../../lib/base/random.ts";
import { drawPlan, PHASES, VICTIMS } from "../../scripts/proof/jobs/kill_round.ts";

Deno.test("kill round: the same seed gives the same kill", () => {
  deepEqual(drawPlan(4, new SeededRandom(7)), drawPlan(4, new SeededRandom(7)));
  notDeepEqual(drawPlan(4, new SeededRandom(7)), drawPlan(4, new SeededRandom(8)));
});

Deno.test("kill round: nine rounds kill each victim in each phase", () => {
  const pairs = Array.from({ length: 9 }, (_, round) => {
    const { victim, phase } = drawPlan(round, new SeededRandom(round));
    return `${victim} ${phase}`;
  });
  equal(new Set(pairs).size, VICTIMS.length * PHASES.length);
  deepEqual(pairs.slice(0, 3), ["client training", "worker download", "admin upload"]);
});
