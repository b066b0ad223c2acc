/** The referee of the queue demands of a worker what it can know, and no less. */

import assert from "node:assert/strict";
import type { Effect } from "../../lib/mesh/effect.ts";
import { PASS_MS } from "../../lib/mesh/turn.ts";
import { automergeReady } from "./automerge.ts";
import { QueueReferee } from "./queue_referee.ts";
import { World } from "./world.ts";

await automergeReady();

Deno.test("who was passed over comes first again when 30 s are over by the worker's own clock", () => {
  const world = new World({ seed: 1, gpuMemoryMb: [80_000, 80_000], queuers: 4 });
  const pass = (durationMs: number) => world.timeline.run(world.timeline.now + durationMs);
  try {
    world.startAll();
    // Nobody takes anything, so that all who come wait.
    for (const worker of world.lives) {
      worker.desk?.stop();
      worker.work("maintenance", null);
    }
    pass(20_000);
    const life = world.worker("w0");
    const [first, second] = life.view.waiting.filter(({ is_present, needs }) =>
      is_present && (needs.worker === null || needs.worker === life.peerId)
    );
    assert.ok(first !== undefined && second !== undefined, "Expected two requests that wait");
    const referee = new QueueReferee(() => world);
    const takesSecond = () => referee.jobTaken(life, second);
    assert.throws(takesSecond, /takes job-\S+ before/);

    const fields = { event: "passed_over", job_id: first.job_id };
    const passedOver: Effect = { type: "log", level: "info", message: "Passed over", fields };
    referee.stepped(life, [passedOver]);
    takesSecond();
    life.pause();
    pass(2 * PASS_MS);
    life.wake(2 * PASS_MS);
    // Those who watched by it went elsewhere, and are heard of again.
    pass(PASS_MS / 2);
    takesSecond();
    pass(PASS_MS);
    assert.throws(takesSecond, /takes job-\S+ before/);
  } finally {
    world.dispose();
  }
});
