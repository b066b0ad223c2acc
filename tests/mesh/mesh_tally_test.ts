/** What a worker tells the server of its mesh, and how often. */

import assert from "node:assert/strict";
import type { PeerId } from "../../lib/base/id.ts";
import { MINUTE_MS } from "../../lib/base/time.ts";
import { MeshTally } from "../../lib/mesh/mesh_tally.ts";
import { Outbox } from "../../lib/mesh/outbox.ts";
import { automergeReady } from "../sim/automerge.ts";
import { World } from "../sim/world.ts";
import { peer } from "./peers.ts";

await automergeReady();

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

Deno.test("mesh report: a worker's next life that knows nothing of its last is a conflict that ends", () => {
  const told: { readonly by: string; readonly conflicts: number; readonly ms: number }[] = [];
  const world = new World({
    seed: 3,
    gpuMemoryMb: [24_000, 16_000, 8_000],
    latencyMs: 40,
    watcher: {
      stepped: (life, _input, effects) => {
        for (const effect of effects) {
          if (effect.type !== "tell_server" || effect.message.type !== "mesh_report") continue;
          const { conflicts, conflict_ms: ms } = effect.message;
          told.push({ by: life.name, conflicts, ms });
        }
      },
    },
  });
  const pass = (durationMs: number) => world.timeline.run(world.timeline.now + durationMs);
  try {
    world.startAll();
    pass(5_000);
    world.worker("w2").kill();
    pass(10_000);
    // It writes its entry before it has met anybody who could tell it of the one that stands there.
    world.startAll();
    pass(6 * MINUTE_MS);
    assert.deepEqual(told.filter(({ conflicts }) => conflicts > 0).map(({ by }) => by), ["w0"]);
    assert.equal(told.reduce((sum, { conflicts }) => sum + conflicts, 0), 1);
    const ms = told.reduce((sum, report) => sum + report.ms, 0);
    assert.ok(ms > 0 && ms < 1_000, `resolved everywhere within a second, took ${ms} ms`);
  } finally {
    world.dispose();
  }
});
