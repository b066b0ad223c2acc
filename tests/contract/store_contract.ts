/** What every store of rooms must do. Run on each of them; knows none. */

import assert from "node:assert/strict";
import { roomIdSchema } from "../../lib/protocol/name.ts";
import type { Store, StoredRoom } from "../../signaling/store/store.ts";

const A = roomIdSchema.parse("aaaaaaaaaaaa");
const B = roomIdSchema.parse("bbbbbbbbbbbb");

function room(changes: Partial<StoredRoom> = {}): StoredRoom {
  return {
    room_id: A,
    name: "Lab – 2nd floor'; DROP TABLE rooms",
    owner: "anonymous-x",
    token_hash: "0123456789abcdef".repeat(4),
    created_at: 100,
    expires_at: 200,
    ...changes,
  };
}

/** Registers the contract's tests for the store called `name`; `open` gives a new and empty one. */
export function testStore(
  name: string,
  open: () => Promise<{ readonly store: Store; dispose(): Promise<void> }>,
): void {
  const test = (behaviour: string, body: (store: Store) => Promise<void>) =>
    Deno.test(`store ${name}: ${behaviour}`, async () => {
      const { store, dispose } = await open();
      try {
        await body(store);
      } finally {
        await store.close();
        await dispose();
      }
    });

  test("a room is found as it was created, until it expires", async (store) => {
    assert.equal(await store.createRoom(room(), 100), true);
    assert.deepEqual(await store.findRoom(A, 100), room());
    assert.deepEqual(await store.findRoom(A, 199), room());
    assert.equal(await store.findRoom(A, 200), undefined);
    assert.equal(await store.findRoom(B, 100), undefined);
  });

  test("a room that never expires is always found", async (store) => {
    await store.createRoom(room({ expires_at: null }), 100);
    const late = Number.MAX_SAFE_INTEGER - 1;
    assert.deepEqual(await store.findRoom(A, late), room({ expires_at: null }));
    assert.deepEqual(await store.extendRoom(A, 300, 100), room({ expires_at: null }));
    assert.equal(await store.sweepExpired(late), 0);
  });

  test("an id is given once, and again when its room has expired", async (store) => {
    await store.createRoom(room(), 100);
    assert.equal(await store.createRoom(room({ owner: "thief", expires_at: 900 }), 199), false);
    assert.equal((await store.findRoom(A, 199))?.owner, "anonymous-x");
    assert.equal(await store.createRoom(room({ owner: "next", expires_at: 900 }), 200), true);
    assert.equal((await store.findRoom(A, 200))?.owner, "next");
  });

  test("an expiry is moved forward only, and not of what has expired", async (store) => {
    await store.createRoom(room(), 100);
    assert.equal((await store.extendRoom(A, 150, 100))?.expires_at, 200);
    assert.equal((await store.extendRoom(A, 300, 199))?.expires_at, 300);
    assert.equal((await store.findRoom(A, 299))?.expires_at, 300);
    assert.equal(await store.extendRoom(A, 900, 300), undefined);
    assert.equal(await store.findRoom(A, 300), undefined);
    assert.equal(await store.extendRoom(B, 900, 100), undefined);
    // A room that was in use all the time is judged by a time before its expiry.
    assert.equal((await store.extendRoom(A, 900, 0))?.expires_at, 900);
  });

  test("a deleted room is gone", async (store) => {
    await store.createRoom(room(), 100);
    assert.equal(await store.deleteRoom(A), true);
    assert.equal(await store.deleteRoom(A), false);
    assert.equal(await store.findRoom(A, 100), undefined);
  });

  test("a sweep removes what has expired and nothing else", async (store) => {
    await store.createRoom(room(), 100);
    await store.createRoom(room({ room_id: B, expires_at: 201 }), 100);
    assert.equal(await store.countRooms(199), 2);
    assert.equal(await store.countRooms(200), 1);
    assert.equal(await store.sweepExpired(200), 1);
    assert.equal(await store.sweepExpired(200), 0);
    assert.equal(await store.extendRoom(A, 900, 0), undefined);
    assert.equal((await store.findRoom(B, 200))?.room_id, B);
  });

  test("whoever asks at once for the same id, one gets it", async (store) => {
    const owners = ["ann", "bob", "eve", "joe"];
    const got = await Promise.all(owners.map((owner) => store.createRoom(room({ owner }), 100)));
    assert.equal(got.filter((won) => won).length, 1);
    assert.equal((await store.findRoom(A, 100))?.owner, owners[got.indexOf(true)]);
  });

  test("of many extensions at once, the latest stands", async (store) => {
    await store.createRoom(room(), 100);
    await Promise.all([300, 900, 500, 250].map((until) => store.extendRoom(A, until, 100)));
    assert.equal((await store.findRoom(A, 100))?.expires_at, 900);
  });

  test("it says that it answers", (store) => store.ping());
}
