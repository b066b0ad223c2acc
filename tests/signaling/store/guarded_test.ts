import assert from "node:assert/strict";
import { roomIdSchema } from "../../../lib/protocol/name.ts";
import { GUARD_LIMITS, GuardedStore } from "../../../signaling/store/guarded.ts";
import { MemoryStore } from "../../../signaling/store/memory.ts";
import { StoreUnavailable } from "../../../signaling/store/store.ts";
import { testStore } from "../../contract/store_contract.ts";

testStore("guarded memory", () =>
  Promise.resolve({
    store: new GuardedStore(new MemoryStore(), { now: () => 0 }),
    dispose: async () => {},
  }));

const ROOM = roomIdSchema.parse("aaaaaaaaaaaa");
const down = () => Promise.reject(new StoreUnavailable("Down", { retryAfterMs: 1 }));

/** A store that does as `find` does, its guard, and the time. */
function guarded(limits: Partial<typeof GUARD_LIMITS> = {}) {
  const inner = new MemoryStore();
  const time = { now: 0 };
  const store = new GuardedStore(inner, { now: () => time.now }, { ...GUARD_LIMITS, ...limits });
  let asked = 0;
  const find = (answer: () => Promise<undefined>) => {
    inner.findRoom = () => {
      asked++;
      return answer();
    };
  };
  return { store, time, find, asked: () => asked };
}

Deno.test("guard: after three failures the store rests, then one question tries it", async () => {
  const { store, time, find, asked } = guarded();
  find(down);
  for (let round = 0; round < 5; round++) {
    await assert.rejects(store.findRoom(ROOM, 0), StoreUnavailable);
  }
  assert.equal(asked(), 3);
  time.now = GUARD_LIMITS.pauseMs - 500;
  await assert.rejects(
    store.findRoom(ROOM, 0),
    (error) => error instanceof StoreUnavailable && error.retryAfterMs === 500,
  );
  time.now = GUARD_LIMITS.pauseMs;
  let release = () => {};
  find(() => new Promise((resolve) => release = () => resolve(undefined)));
  const probe = store.findRoom(ROOM, 0);
  await assert.rejects(store.findRoom(ROOM, 0), StoreUnavailable, "others wait for the probe");
  assert.equal(asked(), 4);
  release();
  assert.equal(await probe, undefined);
  find(() => Promise.resolve(undefined));
  assert.equal(await store.findRoom(ROOM, 0), undefined);
});

Deno.test("guard: a probe that fails begins another rest", async () => {
  const { store, time, find, asked } = guarded({ failuresMax: 1 });
  find(down);
  await assert.rejects(store.findRoom(ROOM, 0), StoreUnavailable);
  time.now = GUARD_LIMITS.pauseMs;
  await assert.rejects(store.findRoom(ROOM, 0), StoreUnavailable);
  await assert.rejects(store.findRoom(ROOM, 0), /it rests/);
  assert.equal(asked(), 2);
});

Deno.test("guard: an answer between failures counts them anew, and so does an error of the asker", async () => {
  const { store, find, asked } = guarded({ failuresMax: 2 });
  for (let round = 0; round < 4; round++) {
    find(down);
    await assert.rejects(store.findRoom(ROOM, 0), StoreUnavailable);
    find(() => Promise.reject(new TypeError("A row of somebody else")));
    await assert.rejects(store.findRoom(ROOM, 0), TypeError);
  }
  assert.equal(asked(), 8);
});

Deno.test("guard: silence ends at the deadline, and a crowd is bounded", async () => {
  const { store, find } = guarded({ answerMs: 30, openMax: 2 });
  find(() => new Promise(() => {}));
  const silent = [store.findRoom(ROOM, 0), store.findRoom(ROOM, 0)];
  const crowd = store.findRoom(ROOM, 0);
  await assert.rejects(crowd, /Expected at most 2 open questions/);
  for (const question of silent) await assert.rejects(question, /within 30 ms, got nothing/);
  find(() => Promise.resolve(undefined));
  assert.equal(await store.findRoom(ROOM, 0), undefined, "the places are free again");
});
