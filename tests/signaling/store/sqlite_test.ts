import assert from "node:assert/strict";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { roomIdSchema } from "../../../lib/protocol/name.ts";
import { SqliteStore } from "../../../signaling/store/sqlite.ts";
import { StoreUnavailable } from "../../../signaling/store/store.ts";
import { testStore } from "../../contract/store_contract.ts";

const ROOM = {
  room_id: roomIdSchema.parse("aaaaaaaaaaaa"),
  name: "lab",
  owner: "anonymous-x",
  token_hash: "0".repeat(64),
  created_at: 100,
  expires_at: 200,
};

testStore("sqlite", async () => {
  const folder = await Deno.makeTempDir();
  return {
    store: new SqliteStore(folder),
    dispose: () => Deno.remove(folder, { recursive: true }),
  };
});

Deno.test("store sqlite, defect n: rooms outlive the process that made them", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const first = new SqliteStore(folder);
    await first.createRoom(ROOM, 100);
    await first.close();
    const second = new SqliteStore(folder);
    assert.deepEqual(await second.findRoom(ROOM.room_id, 100), ROOM);
    await second.close();
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("store sqlite: a file of a newer version is left alone", async () => {
  const folder = await Deno.makeTempDir();
  try {
    await new SqliteStore(folder).close();
    const database = new DatabaseSync(join(folder, "signaling.sqlite"));
    database.exec("PRAGMA user_version = 99");
    database.close();
    assert.throws(() => new SqliteStore(folder), /Expected rooms of version 1 in .*99/);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("store sqlite: while another process writes everybody else is served, and then the write is done", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const store = new SqliteStore(folder);
    const other = new DatabaseSync(join(folder, "signaling.sqlite"));
    other.exec("BEGIN IMMEDIATE");
    const refused = store.createRoom(ROOM, 100);
    // Reads go on; only who writes has to wait, and is told when to come back.
    assert.equal(await store.findRoom(ROOM.room_id, 100), undefined);
    await assert.rejects(refused, StoreUnavailable);
    const writing = [store.createRoom(ROOM, 100), store.extendRoom(ROOM.room_id, 300, 100)];
    // Here the lock's owner gets its turn: a store that waits on the spot would never come to this.
    other.exec("COMMIT");
    other.close();
    await Promise.all(writing);
    assert.deepEqual(await store.findRoom(ROOM.room_id, 100), { ...ROOM, expires_at: 300 });
    await store.close();
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("store sqlite: a store that cannot answer rejects", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const store = new SqliteStore(folder);
    await store.close();
    await assert.rejects(store.findRoom(ROOM.room_id, 100));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
