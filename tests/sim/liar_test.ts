/** One member that lies without end: what it cannot do, as long as the others hear each other. */

import assert from "node:assert/strict";
import { SeededRandom } from "../../lib/base/random.ts";
import { automergeReady } from "./automerge.ts";
import { pending } from "./convergence.ts";
import { drawMalice } from "./malice.ts";
import { World } from "./world.ts";

await automergeReady();

Deno.test("one that lies to everybody about everybody makes no second admin, nobody dead and no status another", () => {
  for (let seed = 1; seed <= 2; seed++) {
    const random = new SeededRandom(seed);
    const events: string[] = [];
    const world = new World({
      seed,
      gpuMemoryMb: [80_000, 72_000, 64_000, 56_000, 8_000],
      watcher: {
        stepped: (life, _input, effects) => {
          for (const effect of effects) {
            if (effect.type !== "log") continue;
            const { event, peer_id } = effect.fields;
            const isOfHonest = life.name !== "w4" && peer_id !== "w4";
            if (isOfHonest && (event === "peer_dead" || event === "link_closed")) {
              events.push(`${life.name}: ${event} of ${peer_id}`);
            }
          }
        },
      },
    });
    const pass = (durationMs: number) => world.timeline.run(world.timeline.now + durationMs);
    world.startAll();
    pass(5_000);
    assert.equal(pending(world), undefined);
    const liar = world.worker("w4");
    const honest = world.lives.filter((life) => life !== liar);
    const busy = world.worker("w1");
    busy.work("busy", null);
    for (let lie = 0; lie < 150; lie++) {
      for (const { linkId, peerId } of world.links.endsOf(liar)) {
        const victim = honest.find((life) => life.peerId === peerId);
        const third = honest[lie % honest.length];
        if (victim === undefined || third === undefined) continue;
        const message = drawMalice({
          roomId: world.roomId,
          liar: liar.peerId,
          victim: victim.peerId,
          victimLife: victim.incarnation,
          third: third.peerId,
          thirdLife: third.incarnation,
          heads: liar.view.heads,
          operations: liar.view.size.operations,
          epoch: liar.view.epoch,
          random,
        });
        world.links.send(liar, linkId, world.wire.mesh(message));
      }
      pass(100);
      const leaders = honest.filter(({ view }) => view.leads).map(({ name }) => name);
      assert.ok(leaders.join() === "" || leaders.join() === "w0", `${leaders} lead`);
    }
    assert.deepEqual(events, [], `seed ${seed}`);
    for (const { name, view } of honest) {
      assert.equal(view.entries.get(busy.peerId)?.status, "busy", name);
      for (const other of honest) {
        if (other.name === name) continue;
        assert.ok(view.links.includes(other.peerId), `${name} has no link to ${other.name}`);
      }
    }
    const deadline = world.timeline.now + 100_000;
    while (pending(world) !== undefined && world.timeline.now < deadline) pass(1_000);
    assert.equal(pending(world), undefined);
    world.dispose();
  }
});
