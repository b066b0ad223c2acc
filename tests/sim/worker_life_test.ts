/** A worker of the simulator is one process: its slot and its node do not disagree. */

import assert from "node:assert/strict";
import { automergeReady } from "./automerge.ts";
import { World } from "./world.ts";

await automergeReady();

Deno.test("however slow the machine, a worker's node knows what its slot does", () => {
  const world = new World({ seed: 1, gpuMemoryMb: [80_000, 40_000] });
  try {
    world.startAll();
    world.timeline.run(5_000);
    const life = world.worker("w1");
    const known = () => life.view.entries.get(life.peerId)?.status;
    life.slow(800);
    life.work("busy", null);
    assert.equal(known(), "busy");
    life.pause();
    life.later(100, () => life.work("maintenance", null));
    world.timeline.run(world.timeline.now + 1_000);
    assert.equal(known(), "busy", "a process that is stopped does nothing");
    life.resume();
    assert.equal(known(), "busy", "a slow one comes to it later");
    world.timeline.run(world.timeline.now + 1_000);
    assert.equal(known(), "maintenance");
    life.kill();
    life.work("busy", null);
    assert.equal(life.status, "maintenance", "the dead do nothing");
  } finally {
    world.dispose();
  }
});

Deno.test("the first that a worker writes of itself names the job that it comes back with", () => {
  const world = new World({ seed: 1, gpuMemoryMb: [80_000, 40_000], queuers: 2 });
  try {
    world.startAll();
    const atJob = () => world.machines.find(({ life }) => (life?.desk?.sequence ?? 0) > 1);
    world.timeline.run(60_000, () => atJob() === undefined);
    const machine = atJob();
    assert.ok(machine !== undefined, "Expected a job that runs");
    const jobId = machine.life?.desk?.jobId;
    machine.life?.kill();
    world.start(machine);
    const { entry, view } = world.worker(machine.peerId);
    assert.deepEqual([entry?.status, entry?.currentJob?.job_id], ["busy", jobId]);
    assert.equal(view.size.changes, 1, "a change before it would say that the worker is free");
  } finally {
    world.dispose();
  }
});
