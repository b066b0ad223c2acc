import assert from "node:assert/strict";
import { roomIdSchema } from "../../lib/protocol/name.ts";
import { SILENT_METER } from "../../signaling/fact.ts";
import { Housekeeping } from "../../signaling/housekeeping.ts";
import { MemoryStore } from "../../signaling/store/memory.ts";

const ROOM = {
  room_id: roomIdSchema.parse("aaaaaaaaaaaa"),
  name: "lab",
  owner: "ann",
  token_hash: "0".repeat(64),
  created_at: 100,
  expires_at: 200,
};

const LIMITS = { roomTtlSeconds: 7_200, sweepGraceSeconds: 1_000 };
/** Longer than any of it takes. */
const FINISHED_MS = 5_000;

function housekeepingAt(nowSeconds: number, store: MemoryStore) {
  const log: string[] = [];
  const removed: string[] = [];
  const clock = { now: () => 0, wallMs: () => nowSeconds * 1_000 };
  const ports = {
    store,
    clock,
    log: { write: (level: string) => void log.push(level) },
    meter: SILENT_METER,
  };
  const dated: (number | null)[] = [];
  const rooms = {
    removeRoom: (room: string) => void removed.push(room),
    dateRoom: (_room: string, expiresAt: number | null) => void dated.push(expiresAt),
  };
  return { housekeeping: new Housekeeping(ports, LIMITS), rooms, log, removed, dated };
}

Deno.test("housekeeping: a room in use is kept although the machine slept beyond its expiry", async () => {
  const store = new MemoryStore();
  await store.createRoom(ROOM, 100);
  await store.createRoom({ ...ROOM, room_id: roomIdSchema.parse("bbbbbbbbbbbb") }, 100);
  const { housekeeping, rooms, log, removed, dated } = housekeepingAt(5_000, store);
  housekeeping.keep(ROOM.room_id, rooms);
  housekeeping.sweep();
  await housekeeping.finished(FINISHED_MS);
  assert.equal((await store.findRoom(ROOM.room_id, 5_000))?.expires_at, 12_200);
  assert.equal(await store.countRooms(0), 1);
  assert.deepEqual([log, removed, dated], [["info"], [], [12_200]]);
});

Deno.test("housekeeping: a clock that was ahead for a while costs no room", async () => {
  const store = new MemoryStore();
  await store.createRoom(ROOM, 100);
  const ahead = housekeepingAt(1_199, store);
  ahead.housekeeping.sweep();
  await ahead.housekeeping.finished(FINISHED_MS);
  assert.deepEqual([await store.findRoom(ROOM.room_id, 150), ahead.log], [ROOM, []]);
  const late = housekeepingAt(1_200, store);
  late.housekeeping.sweep();
  await late.housekeeping.finished(FINISHED_MS);
  assert.deepEqual([await store.findRoom(ROOM.room_id, 150), late.log], [undefined, ["info"]]);
});

Deno.test("housekeeping: a room that was deleted under its peers ends", async () => {
  const { housekeeping, rooms, removed } = housekeepingAt(150, new MemoryStore());
  housekeeping.keep(ROOM.room_id, rooms);
  await housekeeping.finished(FINISHED_MS);
  assert.deepEqual(removed, [ROOM.room_id]);
});

Deno.test("housekeeping: a store that does not answer is logged and ends no room", async () => {
  const store = new MemoryStore();
  store.extendRoom = () => Promise.reject(new Error("disk on fire"));
  store.sweepExpired = () => Promise.reject(new Error("disk on fire"));
  const { housekeeping, rooms, log, removed } = housekeepingAt(150, store);
  housekeeping.keep(ROOM.room_id, rooms);
  housekeeping.sweep();
  await housekeeping.finished(FINISHED_MS);
  assert.deepEqual([log, removed], [["error", "error"], []]);
});

Deno.test("housekeeping: a sweep without end does not keep a server from stopping", async () => {
  const store = new MemoryStore();
  store.sweepExpired = () => new Promise(() => {});
  const { housekeeping, log } = housekeepingAt(150, store);
  housekeeping.sweep();
  await housekeeping.finished(1);
  assert.deepEqual(log, ["warning"]);
});
