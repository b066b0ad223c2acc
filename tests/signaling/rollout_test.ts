import assert from "node:assert/strict";
import { roomIdSchema } from "../../lib/protocol/name.ts";
import { EVERY_ROOM, keepsRegistry } from "../../signaling/rollout.ts";

const ROOMS = Array.from(
  { length: 2_000 },
  (_, index) => roomIdSchema.parse(`room${String(index).padStart(8, "0")}`),
);

Deno.test("rollout: about so many rooms of a hundred, and a room that has a registry keeps it", () => {
  let before = new Set<string>();
  for (const percent of [0, 10, 50, 90, 100]) {
    const chosen = new Set(
      ROOMS.filter((room) => keepsRegistry(room, { isEnabled: true, percent })),
    );
    const share = chosen.size / ROOMS.length * 100;
    assert(Math.abs(share - percent) < 3, `${percent} percent, got ${share}`);
    assert(chosen.isSupersetOf(before), "more percent take no registry away");
    before = chosen;
  }
});

Deno.test("rollout: the choice is the same in every process, and off is off", () => {
  const [first] = ROOMS;
  assert(first !== undefined);
  // Worked out once; another answer would move rooms while people are in them.
  const share = 56.81;
  assert.deepEqual(
    [share, share + 0.01].map((percent) => keepsRegistry(first, { isEnabled: true, percent })),
    [false, true],
  );
  assert.equal(keepsRegistry(first, { isEnabled: false, percent: 100 }), false);
  assert.equal(keepsRegistry(first, EVERY_ROOM), true);
  assert.throws(() => keepsRegistry(first, { isEnabled: true, percent: 101 }), /0 to 100/);
});
