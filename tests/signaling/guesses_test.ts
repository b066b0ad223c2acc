import assert from "node:assert/strict";
import { roomIdSchema } from "../../lib/protocol/name.ts";
import { Guesses } from "../../signaling/guesses.ts";

const room = (index: number) => roomIdSchema.parse(`room0000000${index}`);
const limited = () =>
  new Guesses({
    guesses: { capacity: 2, perSecond: 1 },
    guessesOfAddress: { capacity: 5, perSecond: 1 },
  });
const wrong = () => Promise.resolve(undefined);

Deno.test("guesses: one room is closed to who guesses there, and all to who guesses everywhere", async () => {
  const guesses = limited();
  const wait = (address: string, index: number) => guesses.waitMs(address, room(index), 0);
  await guesses.judged("a", room(1), 0, wrong);
  assert.equal(wait("a", 1), 0);
  await guesses.judged("a", room(1), 0, wrong);
  assert.deepEqual([wait("a", 1), wait("a", 2), wait("b", 1)], [1_000, 0, 0]);
  for (const index of [2, 3, 4]) await guesses.judged("a", room(index), 0, wrong);
  assert.deepEqual([wait("a", 5), wait("b", 5)], [1_000, 0]);
  assert.equal(guesses.waitMs("a", room(5), 1_000), 0);
});

Deno.test("guesses: of many at once no more are free than one after the other", async () => {
  const guesses = limited();
  const answer = Promise.withResolvers<undefined>();
  const asked: Promise<undefined>[] = [];
  for (let count = 0; count < 10; count++) {
    if (guesses.waitMs("a", room(1), 0) > 0) continue;
    asked.push(guesses.judged("a", room(1), 0, () => answer.promise));
  }
  assert.equal(asked.length, 2);
  answer.resolve(undefined);
  await Promise.all(asked);
});

Deno.test("guesses: who is right has not guessed, nor who was told nothing", async () => {
  const guesses = limited();
  for (let count = 0; count < 10; count++) {
    assert.equal(await guesses.judged("a", room(1), 0, () => Promise.resolve("it")), "it");
    const down = () => Promise.reject(new Error("disk on fire"));
    await assert.rejects(guesses.judged("a", room(1), 0, down), /disk on fire/);
  }
  assert.equal(guesses.waitMs("a", room(1), 0), 0);
  // And nobody gets more than there was.
  await guesses.judged("a", room(1), 0, wrong);
  await guesses.judged("a", room(1), 0, wrong);
  assert.equal(guesses.waitMs("a", room(1), 0), 1_000);
});
