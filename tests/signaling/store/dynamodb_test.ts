import assert from "node:assert/strict";
import { DynamoDBClient, PutItemCommand } from "@aws-sdk/client-dynamodb";
import { type Log, SILENT_LOG } from "../../../lib/base/log.ts";
import { roomIdSchema } from "../../../lib/protocol/name.ts";
import { DynamoStore } from "../../../signaling/store/dynamodb.ts";
import { GuardedStore } from "../../../signaling/store/guarded.ts";
import { StoreUnavailable } from "../../../signaling/store/store.ts";
import { testStore } from "../../contract/store_contract.ts";
import { startDynalite, startWeather } from "./dynamo_stand_in.ts";

const ROOM = {
  room_id: roomIdSchema.parse("aaaaaaaaaaaa"),
  name: "lab",
  owner: "anonymous-x",
  token_hash: "0".repeat(64),
  created_at: 100,
  expires_at: 200,
};

function openAt(endpoint: string, log: Log = SILENT_LOG): Promise<DynamoStore> {
  const options = { table: "rooms", region: "eu-west-1", endpoint, createsTable: true };
  return DynamoStore.open(options, log);
}

testStore("dynamodb", async () => {
  const { endpoint, stop } = await startDynalite();
  return { store: await openAt(endpoint), dispose: stop };
});

Deno.test("store dynamodb, defect n: rooms outlive the server that made them", async () => {
  const { endpoint, stop } = await startDynalite();
  try {
    const first = await openAt(endpoint);
    await first.createRoom(ROOM, 100);
    await first.close();
    const second = await openAt(endpoint);
    assert.deepEqual(await second.findRoom(ROOM.room_id, 100), ROOM);
    await second.close();
  } finally {
    await stop();
  }
});

Deno.test("store dynamodb: asked twice for the same room, as when an answer is lost, it says yes twice", async () => {
  const { endpoint, stop } = await startDynalite();
  const store = await openAt(endpoint);
  try {
    assert.equal(await store.createRoom(ROOM, 100), true);
    assert.equal(await store.createRoom(ROOM, 100), true);
    assert.equal(await store.createRoom({ ...ROOM, token_hash: "1".repeat(64) }, 100), false);
  } finally {
    await store.close();
    await stop();
  }
});

Deno.test("store dynamodb: an absent table is made only where that is wanted", async () => {
  const { endpoint, stop } = await startDynalite();
  try {
    const options = { table: "rooms", region: "eu-west-1", endpoint, createsTable: false };
    await assert.rejects(
      DynamoStore.open(options, SILENT_LOG),
      /Expected a DynamoDB table rooms in eu-west-1, got none; make one with the string key room_id/,
    );
    const notices: string[] = [];
    const log: Log = { write: (level, message) => void notices.push(`${level}: ${message}`) };
    await (await openAt(endpoint, log)).close();
    // dynalite has no time to live: the server runs all the same, and says so.
    assert.deepEqual(notices, ["warning: The table's time to live could not be switched on"]);
    await (await DynamoStore.open(options, SILENT_LOG)).close();
  } finally {
    await stop();
  }
});

Deno.test("store dynamodb: a row of somebody else is reported, and no room", async () => {
  const { endpoint, stop } = await startDynalite();
  const store = await openAt(endpoint);
  const client = new DynamoDBClient({ region: "eu-west-1", endpoint });
  try {
    const Item = { room_id: { S: ROOM.room_id }, token: { S: "abc123" } };
    await client.send(new PutItemCommand({ TableName: "rooms", Item }));
    await assert.rejects(store.findRoom(ROOM.room_id, 100), /something else under "aaaaaaaaaaaa"/);
  } finally {
    client.destroy();
    await store.close();
    await stop();
  }
});

Deno.test("store dynamodb: a count and a sweep read every page", async () => {
  const { endpoint, stop } = await startDynalite();
  const store = await openAt(endpoint);
  try {
    // A page holds 1 MB: these make three.
    const name = "x".repeat(300_000);
    const ids = Array.from({ length: 8 }, (_, index) => roomIdSchema.parse(`aaaaaaaaaaa${index}`));
    await Promise.all(ids.map((room_id) => store.createRoom({ ...ROOM, room_id, name }, 100)));
    assert.equal(await store.countRooms(100), 8);
    assert.equal(await store.sweepExpired(200), 8);
    assert.equal(await store.countRooms(100), 0);
  } finally {
    await store.close();
    await stop();
  }
});

for (const bad of ["failing", "silent"] as const) {
  Deno.test(`store dynamodb: while it is ${bad} errors come fast, then at once; later it recovers`, async () => {
    const { endpoint, stop } = await startDynalite();
    const weather = startWeather(endpoint);
    let now = 0;
    const store = new GuardedStore(await openAt(weather.endpoint), { now: () => now });
    try {
      await store.createRoom(ROOM, 100);
      weather.become(bad);
      const start = performance.now();
      const failed = await Promise.allSettled(
        [1, 2, 3].map(() => store.findRoom(ROOM.room_id, 100)),
      );
      assert(performance.now() - start < 4_000, "each within its deadline");
      for (const result of failed) {
        assert(result.status === "rejected" && result.reason instanceof StoreUnavailable);
        assert(result.reason.retryAfterMs >= 1_000);
      }
      const before = weather.requests();
      const refusedAt = performance.now();
      await assert.rejects(store.findRoom(ROOM.room_id, 100), StoreUnavailable);
      assert(performance.now() - refusedAt < 100, "at once");
      assert.equal(weather.requests(), before, "without asking");

      weather.become("clear");
      now += 60_000;
      assert.deepEqual(await store.findRoom(ROOM.room_id, 100), ROOM);
      assert.equal(await store.countRooms(100), 1);
    } finally {
      weather.become("clear");
      await store.close();
      await weather.stop();
      await stop();
    }
  });
}

Deno.test("store dynamodb: a service that fails is reported at the start", async () => {
  const weather = startWeather("http://nowhere.invalid");
  weather.become("failing");
  try {
    await assert.rejects(
      openAt(weather.endpoint),
      (error) => error instanceof StoreUnavailable && /check the network/.test(error.message),
    );
  } finally {
    await weather.stop();
  }
});
