import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { z } from "zod";
import type { RoomId } from "../../lib/base/id.ts";
import { roomIdSchema } from "../../lib/protocol/name.ts";
import { type Filters, type WorkerList, workerListSchema } from "../../lib/protocol/query.ts";
import { createApp } from "../../signaling/app.ts";
import { hashToken } from "../../signaling/credential.ts";
import { Guesses } from "../../signaling/guesses.ts";
import type { Identity } from "../../signaling/identity/identity.ts";
import { limitsWith, type SignalingLimits } from "../../signaling/limits.ts";
import { Metrics } from "../../signaling/metrics.ts";
import type { AppEnv } from "../../signaling/request.ts";
import { ROUTES } from "../../signaling/route.ts";
import { MemoryStore } from "../../signaling/store/memory.ts";
import type { Store } from "../../signaling/store/store.ts";
import type { LiveRooms } from "../../signaling/switchboard.ts";
import type { Hono } from "hono";

const START_SECONDS = 1_700_000_000;
const COUNTS = {
  rooms: 1,
  registryRooms: 1,
  workers: 1,
  clients: 1,
  sockets: 3,
  bufferedBytes: 0,
};
const EMPTY_LIST: WorkerList = {
  workers: [],
  total_count: 0,
  admin_peer_id: null,
  epoch: 0,
  stale: false,
  stale_ms: 0,
};
const createdSchema = z.strictObject({
  room_id: roomIdSchema,
  token: z.string().regex(/^[a-z2-7]{26}$/),
  name: z.string(),
  expires_at: z.int().nullable(),
});
const errorSchema = z.strictObject({
  error: z.strictObject({ code: z.string(), message: z.string() }),
});
type Created = z.infer<typeof createdSchema>;

/** An app on a store in memory, with identities that are their own tokens. */
class AppWorld {
  readonly store: Store;
  readonly app: Hono<AppEnv>;
  readonly rooms: LiveRooms & { draining: boolean };
  readonly log: string[] = [];
  readonly removed: string[] = [];
  readonly roomOfPeers = new Map<string, RoomId>();
  readonly asked: Filters[] = [];
  readonly dated: [string, number | null][] = [];
  readonly metrics = new Metrics(() => COUNTS);
  nowMs = START_SECONDS * 1_000;

  constructor(options: { limits?: Partial<SignalingLimits>; store?: Store } = {}) {
    const limits = limitsWith(options.limits ?? {});
    const clock = { now: () => this.nowMs, wallMs: () => this.nowMs };
    this.store = options.store ?? new MemoryStore();
    this.rooms = {
      workerList: (_room, filters) => {
        this.asked.push(filters);
        return EMPTY_LIST;
      },
      roomOf: (peer) => this.roomOfPeers.get(peer),
      removePeer: (_room, peer) => {
        this.removed.push(peer);
        return peer === "w1";
      },
      removeRoom: (room) => void this.removed.push(room),
      dateRoom: (room, expiresAt) => void this.dated.push([room, expiresAt]),
      counts: () => COUNTS,
      draining: false,
    };
    const identity: Identity = {
      anonymousSignIn: () => Promise.resolve({ id_token: "id.of.ann", username: "ann" }),
      verify: (token) => {
        const subject = /^id\.of\.(\w+)$/.exec(token)?.[1];
        return Promise.resolve(
          subject === undefined
            ? { ok: false, reason: "Expected a valid id token" }
            : { ok: true, subject },
        );
      },
      keep: () => Promise.resolve(),
      forget: () => Promise.resolve(),
      close: () => Promise.resolve(),
    };
    this.app = createApp({
      rooms: this.rooms,
      store: this.store,
      identity,
      clock,
      randomBytes,
      log: { write: (_level, message, fields) => this.log.push(message, JSON.stringify(fields)) },
      limits,
      guesses: new Guesses(limits),
      meter: this.metrics,
      metrics: this.metrics,
    });
  }

  async post(
    path: string,
    body: unknown,
    bearer?: string,
    address = "192.0.2.1",
  ): Promise<Response> {
    const headers = new Headers({ "content-type": "application/json" });
    if (bearer !== undefined) headers.set("authorization", `Bearer ${bearer}`);
    const text = typeof body === "string" ? body : JSON.stringify(body);
    return await this.app.request(path, { method: "POST", headers, body: text }, {
      address,
      program: "test",
    });
  }

  async get(path: string, bearer?: string): Promise<Response> {
    const headers = new Headers();
    if (bearer !== undefined) headers.set("authorization", `Bearer ${bearer}`);
    return await this.app.request(path, { headers }, {
      address: "192.0.2.1",
      program: "test",
    });
  }

  async createRoom(body: unknown = {}): Promise<Created> {
    const response = await this.post("/create-room", body, "id.of.ann");
    assert.equal(response.status, 200);
    return createdSchema.parse(await response.json());
  }
}

async function refusalOf(response: Response): Promise<[number, string]> {
  const { error } = errorSchema.parse(await response.json());
  return [response.status, error.code];
}

Deno.test("app: a sign-in makes rooms, whose token is stored as a hash only", async () => {
  const world = new AppWorld();
  const signIn = await (await world.post("/anonymous-signin", "")).json();
  assert.deepEqual(signIn, { id_token: "id.of.ann", username: "ann" });
  const room = await world.createRoom({ name: "Lab" });
  assert.match(room.room_id, /^[a-z2-7]{12}$/);
  assert.equal(room.expires_at, START_SECONDS + 7_200);
  const stored = await world.store.findRoom(room.room_id, START_SECONDS);
  assert.deepEqual([stored?.owner, stored?.name], ["ann", "Lab"]);
  assert.equal(stored?.token_hash, hashToken(room.token));
  assert(!JSON.stringify(stored).includes(room.token));
  assert(!world.log.join().includes(room.token), "no log has the token");
  assert.equal((await world.createRoom({ ttl_seconds: null })).expires_at, null);
  assert.equal((await world.createRoom({ ttl_seconds: 60 })).expires_at, START_SECONDS + 60);
  // The original's clients send no body at all.
  assert.equal((await world.post("/create-room", "", "id.of.ann")).status, 200);
});

Deno.test("app: what is malformed, too large, unknown or without identity is refused by a code", async () => {
  const world = new AppWorld();
  const room = await world.createRoom();
  const table: [Promise<Response>, number, string][] = [
    [world.post("/create-room", {}), 401, "UNAUTHORIZED"],
    [world.post("/create-room", {}, "forged"), 401, "UNAUTHORIZED"],
    [world.post("/create-room", "{", "id.of.ann"), 400, "BAD_REQUEST"],
    [world.post("/create-room", "[]", "id.of.ann"), 400, "BAD_REQUEST"],
    [world.post("/create-room", { expires_days: 3 }, "id.of.ann"), 400, "BAD_REQUEST"],
    [world.post("/create-room", { ttl_seconds: 59 }, "id.of.ann"), 400, "BAD_REQUEST"],
    [world.post("/create-room", { ttl_seconds: 1e9 }, "id.of.ann"), 400, "BAD_REQUEST"],
    [world.post("/create-room", "x".repeat(70_000), "id.of.ann"), 413, "BODY_TOO_LARGE"],
    [world.post("/extend-room", { room_id: "../etc" }, room.token), 400, "BAD_REQUEST"],
    [
      world.post("/extend-room", { room_id: room.room_id, by_seconds: 1e9 }, room.token),
      400,
      "BAD_REQUEST",
    ],
    [world.get("/discover-workers", room.token), 400, "BAD_REQUEST"],
    [world.get("/nowhere"), 404, "NOT_FOUND"],
  ];
  for (const [asked, status, code] of table) {
    assert.deepEqual(await refusalOf(await asked), [status, code]);
  }
});

Deno.test("app, defect m: rooms and peers are removed by the owner or a member, by no one else", async () => {
  const world = new AppWorld();
  const { room_id, token } = await world.createRoom();
  const other = await world.createRoom();
  const peer = { room_id, peer_id: "w1" };
  const refused: [Promise<Response>, number][] = [
    [world.post("/delete-peer", peer), 401],
    [world.post("/delete-peer", peer, other.token), 403],
    [world.post("/delete-peer", { ...peer, token: "x" }), 403],
    [world.post("/delete-peer", peer, "id.of.eve"), 403],
    [world.post("/delete-peers-and-room", { room_id }), 401],
    [world.post("/delete-peers-and-room", { room_id }, "id.of.eve"), 403],
    [world.post("/extend-room", { room_id }), 401],
    [world.post("/extend-room", { room_id }, "id.of.eve"), 403],
  ];
  for (const [asked, status] of refused) assert.equal((await asked).status, status);
  assert.deepEqual(world.removed, []);
  assert((await world.store.findRoom(room_id, START_SECONDS)) !== undefined);

  assert.equal((await world.post("/delete-peer", { ...peer, token })).status, 200);
  const absent = await world.post("/delete-peer", { ...peer, peer_id: "w9" }, token);
  assert.deepEqual(await refusalOf(absent), [404, "PEER_NOT_FOUND"]);
  assert.equal((await world.post("/delete-peers-and-room", { room_id }, "id.of.ann")).status, 200);
  assert.deepEqual(world.removed, ["w1", "w9", room_id]);
  assert.equal(await world.store.findRoom(room_id, START_SECONDS), undefined);
});

Deno.test("app: a room may be named by a peer that is in it, and strangers learn nothing by that", async () => {
  const world = new AppWorld();
  const { room_id, token } = await world.createRoom();
  world.roomOfPeers.set("w1", room_id);
  const refusals = [];
  for (const peer_id of ["w1", "w2"]) {
    for (const path of ["/delete-peer", "/delete-peers-and-room"]) {
      const refused = await world.post(path, { peer_id, token: "wrong" });
      refusals.push(`${refused.status} ${await refused.text()}`);
    }
  }
  assert.equal(new Set(refusals).size, 1, refusals.join("\n"));
  assert.equal((await world.post("/delete-peers-and-room", { token })).status, 400);
  assert.deepEqual(world.removed, []);
  assert.equal((await world.post("/delete-peer", { peer_id: "w1", token })).status, 200);
  assert.equal((await world.post("/delete-peers-and-room", { peer_id: "w1" }, token)).status, 200);
  assert.deepEqual(world.removed, ["w1", room_id]);
});

Deno.test("app: an unknown room, an expired one and a wrong token cannot be told apart", async () => {
  const world = new AppWorld();
  const { room_id, token } = await world.createRoom({ ttl_seconds: 60 });
  const answer = async (room: string, shown: string) => {
    const response = await world.post("/discover-workers", { room_id: room, token: shown });
    const body = JSON.stringify(await response.json()).replace(room, "ROOM");
    return [response.status, body, [...response.headers.keys()]];
  };
  const wrong = await answer(room_id, "wrong");
  assert.equal(wrong[0], 403);
  assert.deepEqual(await answer("unknownroom1", token), wrong);
  world.nowMs += 60_000;
  assert.deepEqual(await answer(room_id, token), wrong);
});

Deno.test("app: the same is asked of the store for a room that exists and for one that does not", async () => {
  const world = new AppWorld();
  const { room_id, token } = await world.createRoom({ ttl_seconds: 60 });
  const asked: string[] = [];
  const find = world.store.findRoom.bind(world.store);
  world.store.findRoom = (room, nowSeconds) => {
    asked.push(room);
    return find(room, nowSeconds);
  };
  for (const path of ["/discover-workers", "/extend-room", "/delete-peers-and-room"]) {
    for (const [room, shown] of [[room_id, "wrong"], ["unknownroom1", token]]) {
      assert.equal((await world.post(path, { room_id: room, token: shown })).status, 403);
      assert.deepEqual(asked.splice(0), [room], path);
    }
  }
});

Deno.test("app: an extension counts from the present expiry and reaches a stated limit", async () => {
  const world = new AppWorld({ limits: { roomTtlSecondsMax: 10_000 } });
  const { room_id, token } = await world.createRoom({ ttl_seconds: 100 });
  const extend = async (body: Record<string, unknown>, bearer: string) => {
    const response = await world.post("/extend-room", { room_id, ...body }, bearer);
    return z.object({ expires_at: z.int().nullable() }).parse(await response.json()).expires_at;
  };
  assert.equal(await extend({ by_seconds: 500 }, "id.of.ann"), START_SECONDS + 600);
  assert.equal(await extend({}, token), START_SECONDS + 7_800);
  assert.equal(await extend({ by_seconds: 10_000 }, token), START_SECONDS + 10_000);
  const forever = await world.createRoom({ ttl_seconds: null });
  const same = await world.post("/extend-room", { room_id: forever.room_id }, forever.token);
  assert.deepEqual(await same.json(), { room_id: forever.room_id, expires_at: null });
});

Deno.test("app: workers are listed for members, both ways, and said to be deprecated", async () => {
  const world = new AppWorld();
  const { room_id, token } = await world.createRoom();
  const query = `?room_id=${room_id}&status=available&min_gpu_memory_mb=8000&tags=a,b`;
  for (
    const response of [
      await world.get(`/discover-workers${query}`, token),
      await world.post("/discover-workers", { room_id, token, filters: { tags: ["a"] } }),
      await world.post("/discover-workers", { room_id }, token),
    ]
  ) {
    assert.equal(response.status, 200);
    assert.deepEqual(workerListSchema.parse(await response.json()), EMPTY_LIST);
    assert.match(response.headers.get("deprecation") ?? "", /^@\d+$/);
    assert(Date.parse(response.headers.get("sunset") ?? "") > Date.UTC(2027, 0, 1));
    assert.match(response.headers.get("link") ?? "", /successor-version/);
  }
  assert.equal((await world.get(`/discover-workers${query}`)).status, 401);
  const inAddress = await world.get(`/discover-workers${query}&token=${token}`);
  assert.deepEqual(await refusalOf(inAddress), [400, "BAD_REQUEST"]);
  const misspelt = await world.post("/discover-workers", { room_id, token, filters: { tag: [] } });
  assert.deepEqual(await refusalOf(misspelt), [400, "BAD_REQUEST"]);
});

Deno.test("app: filters come through with their operators, in a body and in an address", async () => {
  const world = new AppWorld();
  const { room_id, token } = await world.createRoom();
  const properties = {
    cuda: { $gte: 12, $lt: 13 },
    gpu_model: { $in: ["A5000", "A6000"], $ne: "A4000" },
    hostname: "box",
  };
  const filters = { status: "available", min_gpu_memory_mb: 8_000, tags: ["a", "b"], properties };
  await world.post("/discover-workers", { room_id, token, filters });
  const query = `?room_id=${room_id}&status=available&min_gpu_memory_mb=8000&tags=a,b`;
  await world.get(`/discover-workers${query}`, token);
  const { properties: _, ...plain } = filters;
  assert.deepEqual(world.asked, [filters, plain]);
  const unknown = { properties: { cuda: { $near: 12 } } };
  const refused = await world.post("/discover-workers", { room_id, token, filters: unknown });
  assert.deepEqual(await refusalOf(refused), [400, "BAD_REQUEST"]);
});

Deno.test("app: who guesses, and who makes too many rooms, is told to wait", async () => {
  const world = new AppWorld({
    limits: {
      guesses: { capacity: 2, perSecond: 0.1 },
      creations: { capacity: 2, perSecond: 0.1 },
    },
  });
  const { room_id, token } = await world.createRoom();
  const other = await world.createRoom();
  const third = await world.post("/create-room", {}, "id.of.ann");
  assert.deepEqual([third.status, third.headers.get("retry-after")], [429, "10"]);
  assert.equal((await world.post("/anonymous-signin", "", undefined, "192.0.2.2")).status, 200);

  const discover = (room: string, shown: string, address?: string) =>
    world.post("/discover-workers", { room_id: room, token: shown }, undefined, address);
  assert.equal((await discover(room_id, "a")).status, 403);
  assert.equal((await discover(room_id, "b")).status, 403);
  const limited = await discover(room_id, token);
  assert.deepEqual([limited.status, limited.headers.get("retry-after")], [429, "10"]);
  // Neither other rooms nor other addresses suffer for it, and it passes.
  assert.equal((await discover(other.room_id, other.token)).status, 200);
  assert.equal((await discover(room_id, token, "192.0.2.2")).status, 200);
  world.nowMs += 10_000;
  assert.equal((await discover(room_id, token)).status, 200);
});

Deno.test("app: an address that asks without end is told to wait, whatever it asks for", async () => {
  const world = new AppWorld({ limits: { requests: { capacity: 3, perSecond: 0.1 } } });
  const room = await world.createRoom();
  const ask = (path: string, address = "192.0.2.1") =>
    world.app.request(path, {}, { address, program: "test" });
  assert.equal((await ask("/metrics")).status, 200);
  assert.equal((await ask("/nowhere")).status, 404);
  const hurried = await ask("/docs");
  assert.deepEqual([hurried.status, hurried.headers.get("retry-after")], [429, "10"]);
  assert.equal((await world.post("/extend-room", room)).status, 429);
  assert.equal((await ask("/metrics", "192.0.2.2")).status, 200);
  world.nowMs += 10_000;
  assert.equal((await ask("/docs")).status, 200);
});

Deno.test("app: no more rooms than fit, until some expire", async () => {
  const world = new AppWorld({ limits: { roomsMax: 1 } });
  await world.createRoom({ ttl_seconds: 60 });
  const full = await world.post("/create-room", {}, "id.of.ann");
  assert.deepEqual(await refusalOf(full), [503, "SERVER_FULL"]);
  world.nowMs += 60_000;
  await world.createRoom();
});

Deno.test("app: health says what runs, and readiness whether it can work", async () => {
  const world = new AppWorld();
  const health = z.object({
    status: z.literal("ok"),
    version: z.string(),
    timestamp: z.iso.datetime(),
    peers: z.literal(2),
  });
  health.parse(await (await world.get("/health")).json());
  assert.equal((await world.get("/ready")).status, 200);
  world.rooms.draining = true;
  assert.equal((await world.get("/ready")).status, 503);
});

Deno.test("app: readiness asks the store for a sign of life alone, and waits a while for it", async () => {
  const store = new MemoryStore();
  // With a table of millions, counting is the one thing that a probe must not do.
  store.countRooms = () => Promise.reject(new Error("Counted"));
  const world = new AppWorld({ store, limits: { readyMs: 20 } });
  assert.equal((await world.get("/ready")).status, 200);
  const answer = Promise.withResolvers<void>();
  store.ping = () => answer.promise;
  const late = await world.get("/ready");
  assert.deepEqual([late.status, late.headers.get("retry-after")], [503, "1"]);
  assert.match(await late.text(), /SERVER_BUSY/);
  answer.resolve();
  assert.equal((await world.get("/ready")).status, 200);
});

Deno.test("app: a store that does not answer makes 503 with a time to come back, and a log line", async () => {
  const down = new MemoryStore();
  down.findRoom = () => Promise.reject(new Error("disk on fire"));
  down.countRooms = () => Promise.reject(new Error("disk on fire"));
  down.ping = () => Promise.reject(new Error("disk on fire"));
  const world = new AppWorld({ store: down });
  for (
    const response of [
      await world.post("/discover-workers", { room_id: "unknownroom1", token: "x" }),
      await world.post("/create-room", {}, "id.of.ann"),
      await world.get("/ready"),
    ]
  ) {
    assert.equal(response.headers.get("retry-after"), "2");
    const text = await response.text();
    assert.match(text, /SERVER_BUSY/);
    assert(!text.includes("disk on fire"), "strangers learn nothing of the inside");
  }
  assert.equal((await world.get("/health")).status, 200);
  assert.match(world.log.join(), /disk on fire/);
});

Deno.test("app: the description names the routes that there are, and no others", () => {
  const { app } = new AppWorld();
  const there = app.routes.filter(({ method }) => method !== "ALL")
    .map(({ method, path }) => `${method} ${path}`);
  const described = ROUTES.map(({ method, path }) => `${method.toUpperCase()} ${path}`);
  assert.deepEqual(there.toSorted(), described.toSorted());
});

Deno.test("app: what the routes answer is what their description says", async () => {
  const world = new AppWorld();
  const { room_id, token } = await world.createRoom();
  const bodies: Readonly<Record<string, unknown>> = {
    "/delete-peer": { room_id, peer_id: "w1" },
    "/delete-peers-and-room": { room_id },
    "/extend-room": { room_id },
    "/discover-workers": { room_id },
  };
  const lastly = (path: string) => Number(path === "/delete-peers-and-room");
  for (const route of ROUTES.toSorted((a, b) => lastly(a.path) - lastly(b.path))) {
    const bearer = route.credentials === "identity" ? "id.of.ann" : token;
    const response = route.method === "get"
      ? await world.get(`${route.path}${route.query ? `?room_id=${room_id}` : ""}`, bearer)
      : await world.post(route.path, bodies[route.path] ?? {}, bearer);
    assert.equal(response.status, 200, route.path);
    const type = response.headers.get("content-type") ?? "";
    if (typeof route.reply === "string") {
      assert(type.startsWith(route.reply), `${route.path} is ${type}`);
      await response.body?.cancel();
    } else route.reply.parse(await response.json());
  }
});

Deno.test("app: a room is extended only so often, and who is in it need not ask", async () => {
  const world = new AppWorld({ limits: { extensions: { capacity: 2, perSecond: 0.1 } } });
  const { room_id, token } = await world.createRoom({ ttl_seconds: 100 });
  const extend = () => world.post("/extend-room", { room_id, by_seconds: 60 }, token);
  assert.deepEqual([(await extend()).status, (await extend()).status], [200, 200]);
  const third = await extend();
  assert.deepEqual([third.status, third.headers.get("retry-after")], [429, "10"]);
  assert.deepEqual(world.dated, [[room_id, START_SECONDS + 160], [room_id, START_SECONDS + 220]]);
});

Deno.test("app: requests, refusals and what is to go away are counted, strangers' paths under one name", async () => {
  const world = new AppWorld();
  const { room_id, token } = await world.createRoom();
  await world.post("/discover-workers", { room_id, token });
  await world.post("/discover-workers", { room_id, token: "wrong" });
  await world.get("/one");
  await world.get("/two");
  const text = await (await world.get("/metrics")).text();
  for (
    const line of [
      'legacy_uses_total{feature="POST /discover-workers",client="test"} 1',
      'discovery_seconds_count{way="http"} 1',
      'refusals_total{by="http",code="ROOM_REFUSED"} 1',
      'http_requests_total{method="GET",route="unknown",status="404"} 2',
      "rooms_created_total 1",
    ]
  ) assert(text.includes(`sleap_rtc_${line}`), line);
});

Deno.test("app: the page may load nothing", async () => {
  const response = await new AppWorld().get("/docs");
  assert.match(response.headers.get("content-security-policy") ?? "", /default-src 'none'/);
  await response.body?.cancel();
});
