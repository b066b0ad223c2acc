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
  await guesses.judged("a", room(1), () => 0, wrong);
  assert.equal(wait("a", 1), 0);
  await guesses.judged("a", room(1), () => 0, wrong);
  assert.deepEqual([wait("a", 1), wait("a", 2), wait("b", 1)], [1_000, 0, 0]);
  for (const index of [2, 3, 4]) await guesses.judged("a", room(index), () => 0, wrong);
  assert.deepEqual([wait("a", 5), wait("b", 5)], [1_000, 0]);
  assert.equal(guesses.waitMs("a", room(5), 1_000), 0);
});

Deno.test("guesses: of many at once no more are free than one after the other", async () => {
  const guesses = limited();
  let looked = 0;
  const asked = Array.from({ length: 10 }, () =>
    guesses.judged("a", room(1), () => 0, () => {
      looked++;
      return Promise.resolve(undefined);
    }));
  const waits = (await Promise.all(asked)).map(({ waitMs }) => waitMs);
  assert.equal(looked, 2);
  assert.deepEqual(waits, [0, 0, ...Array.from({ length: 8 }, () => 1_000)]);
});

Deno.test("guesses: a crowd of one address that is right comes in at once, whatever its size", async () => {
  const guesses = limited();
  const asked = Array.from(
    { length: 50 },
    (_, index) => guesses.judged("a", room(1), () => 0, () => Promise.resolve(index)),
  );
  const found = (await Promise.all(asked)).map((judgement) => judgement.found);
  assert.deepEqual(found, Array.from({ length: 50 }, (_, index) => index));
  assert.equal(guesses.waitMs("a", room(1), 0), 0);
});

Deno.test("guesses: who is right has not guessed, nor who was told nothing", async () => {
  const guesses = limited();
  for (let count = 0; count < 10; count++) {
    const right = () => Promise.resolve("it");
    assert.equal((await guesses.judged("a", room(1), () => 0, right)).found, "it");
    const down = () => Promise.reject(new Error("disk on fire"));
    await assert.rejects(guesses.judged("a", room(1), () => 0, down), /disk on fire/);
  }
  assert.equal(guesses.waitMs("a", room(1), 0), 0);
  // And nobody gets more than there was.
  await guesses.judged("a", room(1), () => 0, wrong);
  await guesses.judged("a", room(1), () => 0, wrong);
  assert.equal(guesses.waitMs("a", room(1), 0), 1_000);
});
