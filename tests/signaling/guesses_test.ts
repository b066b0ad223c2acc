import assert from "node:assert/strict";
import { roomIdSchema } from "../../lib/protocol/name.ts";
import { Guesses } from "../../signaling/guesses.ts";

const room = (index: number) => roomIdSchema.parse(`room0000000${index}`);

Deno.test("guesses: one room is closed to who guesses there, and all to who guesses everywhere", () => {
  const guesses = new Guesses({
    guesses: { capacity: 2, perSecond: 1 },
    guessesOfAddress: { capacity: 5, perSecond: 1 },
  });
  const wait = (address: string, index: number) => guesses.waitMs(address, room(index), 0);
  guesses.record("a", room(1), 0);
  assert.equal(wait("a", 1), 0);
  guesses.record("a", room(1), 0);
  assert.deepEqual([wait("a", 1), wait("a", 2), wait("b", 1)], [1_000, 0, 0]);
  for (const index of [2, 3, 4]) guesses.record("a", room(index), 0);
  assert.deepEqual([wait("a", 5), wait("b", 5)], [1_000, 0]);
  assert.equal(guesses.waitMs("a", room(5), 1_000), 0);
});
