/** What a worker tells the server of its mesh, and how often. */

import assert from "node:assert/strict";
import type { PeerId } from "../../lib/base/id.ts";
import { MINUTE_MS } from "../../lib/base/time.ts";
import { MeshTally } from "../../lib/mesh/mesh_tally.ts";
import { Outbox } from "../../lib/mesh/outbox.ts";
import { peer } from "./peers.ts";

/** A tally, and what it is made of. */
function tallied() {
  const parts = {
    introduction: { failures: 0 },
    state: { contested: new Set<PeerId>() },
    administration: { leads: true },
    server: { reachable: true },
    outbox: new Outbox(),
  };
  const tally = new MeshTally(parts);
  const reports = (now: number) => {
    tally.reconcile(now);
    return parts.outbox.take().flatMap((effect) => {
      if (effect.type !== "tell_server" || effect.message.type !== "mesh_report") return [];
      const { dials_failed, conflicts, conflict_ms } = effect.message;
      return [[dials_failed, conflicts, conflict_ms]];
    });
  };
  return { ...parts, reports };
}

Deno.test("mesh report: nothing to say is not said", () => {
  const { reports } = tallied();
  assert.deepEqual([0, 1, 60].flatMap((minute) => reports(minute * MINUTE_MS)), []);
});

Deno.test("mesh report: the first failure is told at once, the others every five minutes", () => {
  const { introduction, reports } = tallied();
  const told: number[] = [];
  // A failure a second: as bad as it gets.
  for (let second = 1; second <= 60 * 60; second++) {
    introduction.failures++;
    told.push(...reports(second * 1_000).map(([failed = 0]) => failed));
  }
  assert.deepEqual(told, [1, ...Array.from({ length: 11 }, () => 300)]);
});

Deno.test("mesh report: what happens without the server is told when it is back", () => {
  const { introduction, server, reports } = tallied();
  server.reachable = false;
  introduction.failures = 7;
  assert.deepEqual(reports(0), []);
  server.reachable = true;
  introduction.failures = 9;
  assert.deepEqual(reports(1_000), [[9, 0, 0]]);
});

Deno.test("mesh report: a conflict is counted by the admin alone, with its time", () => {
  const { administration, state, reports } = tallied();
  state.contested.add(peer("w1"));
  assert.deepEqual(reports(1_000), [[0, 1, 0]]);
  state.contested.add(peer("w2"));
  assert.deepEqual(reports(1_500), []);
  state.contested.clear();
  assert.deepEqual(reports(2_000), []);
  // w1 for a second, w2 for half a one.
  assert.deepEqual(reports(6 * MINUTE_MS), [[0, 1, 1_500]]);

  administration.leads = false;
  state.contested.add(peer("w1"));
  assert.deepEqual(reports(20 * MINUTE_MS), []);
  administration.leads = true;
  state.contested.clear();
  assert.deepEqual(reports(21 * MINUTE_MS), []);
});
