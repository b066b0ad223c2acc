/**
 * The HTTP interface as a value: rooms are made, extended and ended here, and workers listed.
 * Knows no port, no socket and no file.
 */

import { type Context, Hono } from "hono";
import { bodyLimit } from "hono/body-limit";
import { z } from "zod";
import type { Log } from "../lib/base/log.ts";
import { type Clock, SECOND_MS } from "../lib/base/time.ts";
import { decode, type Decoded, decodeJson } from "../lib/protocol/decode.ts";
import { PROTOCOL_VERSION, SOFTWARE_VERSION } from "../lib/protocol/version.ts";
import { answered, Authority, type Credentials } from "./authority.ts";
import { Buckets } from "./bucket.ts";
import { hashToken, newRoomId, newToken, type RandomBytes } from "./credential.ts";
import { HttpRefusal, retryAfter } from "./http_refusal.ts";
import type { Identity } from "./identity/identity.ts";
import type { SignalingLimits } from "./limits.ts";
import {
  createRoomSchema,
  deletePeerSchema,
  deleteRoomSchema,
  discoverQuerySchema,
  discoverSchema,
  extendRoomSchema,
} from "./request_body.ts";
import type { Store, StoredRoom } from "./store/store.ts";
import type { LiveRooms } from "./switchboard.ts";

/** What the app runs on. */
export interface AppPorts {
  readonly rooms: LiveRooms;
  readonly store: Store;
  readonly identity: Identity;
  readonly clock: Clock;
  readonly randomBytes: RandomBytes;
  readonly log: Log;
  readonly limits: SignalingLimits;
  /** Wrong credentials, counted together with those on sockets. */
  readonly guesses: Buckets;
}

/** What each request brings besides itself. */
export interface AppEnv {
  Bindings: { readonly address: string };
}

/** When `/discover-workers` became deprecated (RFC 9745), when it may go (RFC 8594), what replaces it. */
const DEPRECATION = {
  deprecation: `@${Date.UTC(2026, 10, 20) / SECOND_MS}`,
  sunset: new Date(Date.UTC(2027, 4, 20)).toUTCString(),
  link: '</ws>; rel="successor-version"',
};

/** Attempts to find a free room id. Ids have 60 random bits: more than one is next to impossible. */
const ROOM_ID_ATTEMPTS_MAX = 3;

/** Makes the app. */
export function createApp(ports: AppPorts): Hono<AppEnv> {
  const { rooms, store, identity, clock, randomBytes, log, limits } = ports;
  const authority = new Authority(ports);
  const creations = new Buckets(limits.creations);
  const nowSeconds = () => Math.floor(clock.wallMs() / SECOND_MS);
  const app = new Hono<AppEnv>();

  app.use(bodyLimit({
    maxSize: limits.bodyBytesMax,
    onError: () => {
      const text = `Expected a body of at most ${limits.bodyBytesMax} bytes, got more`;
      throw new HttpRefusal(413, "BODY_TOO_LARGE", text);
    },
  }));

  app.post("/anonymous-signin", async (c) => {
    limitCreations(c);
    return c.json(await answered(identity.anonymousSignIn()));
  });

  app.post("/create-room", async (c) => {
    const owner = await authority.subject(credentials(c, undefined));
    const wanted = await body(c, createRoomSchema);
    const ttlSeconds = wanted.ttl_seconds === undefined
      ? limits.roomTtlSeconds
      : wanted.ttl_seconds;
    requireTtl("ttl_seconds", ttlSeconds ?? 0);
    limitCreations(c);
    const now = nowSeconds();
    if (await answered(store.countRooms(now)) >= limits.roomsMax) {
      const text = `Expected at most ${limits.roomsMax} rooms, and they all exist; try again later`;
      throw new HttpRefusal(503, "SERVER_FULL", text, { headers: retryAfter(limits.sweepMs) });
    }
    const token = newToken(randomBytes);
    for (let attempt = 0; attempt < ROOM_ID_ATTEMPTS_MAX; attempt++) {
      const room_id = newRoomId(randomBytes);
      const room: StoredRoom = {
        room_id,
        name: wanted.name ?? room_id,
        owner,
        token_hash: hashToken(token),
        created_at: now,
        expires_at: ttlSeconds === null ? null : now + ttlSeconds,
      };
      if (!await answered(store.createRoom(room, now))) continue;
      log.write("info", "A room was created", { room_id, expires_at: room.expires_at });
      return c.json({ room_id, token, name: room.name, expires_at: room.expires_at });
    }
    throw new Error(`Expected a free room id within ${ROOM_ID_ATTEMPTS_MAX} attempts, got none`);
  });

  app.post("/extend-room", async (c) => {
    const { room_id, token, by_seconds } = await body(c, extendRoomSchema);
    const bySeconds = by_seconds ?? limits.roomTtlSeconds;
    requireTtl("by_seconds", bySeconds);
    const room = await authority.room(room_id, credentials(c, token));
    if (room.expires_at === null) return c.json({ room_id, expires_at: null });
    const now = nowSeconds();
    const latest = now + limits.roomTtlSecondsMax;
    const wanted = Math.min(Math.max(room.expires_at, now) + bySeconds, latest);
    const extended = await answered(store.extendRoom(room_id, wanted, now));
    if (extended === undefined) {
      throw new HttpRefusal(403, "ROOM_REFUSED", `Room ${room_id} ended in the meantime`);
    }
    return c.json({ room_id, expires_at: extended.expires_at });
  });

  app.post("/delete-peer", async (c) => {
    const { room_id, peer_id, token } = await body(c, deletePeerSchema);
    await authority.room(room_id, credentials(c, token));
    if (!rooms.removePeer(room_id, peer_id, "The peer was removed from the room")) {
      const text = `Expected a peer of the room, got ${peer_id}, which is not here`;
      throw new HttpRefusal(404, "PEER_NOT_FOUND", text);
    }
    return c.json({ status: `Peer ${peer_id} was removed` });
  });

  app.post("/delete-peers-and-room", async (c) => {
    const { room_id, token } = await body(c, deleteRoomSchema);
    await authority.room(room_id, credentials(c, token));
    await answered(store.deleteRoom(room_id));
    rooms.removeRoom(room_id, "The room was deleted");
    log.write("info", "A room was deleted", { room_id });
    return c.json({ status: `Room ${room_id} and its peers were removed` });
  });

  app.get("/discover-workers", async (c) => {
    const query = accepted(decode(c.req.query(), discoverQuerySchema));
    const { room_id, ...filters } = query;
    await authority.room(room_id, credentials(c, undefined));
    return c.json(rooms.workerList(room_id, filters), 200, DEPRECATION);
  });

  app.post("/discover-workers", async (c) => {
    const { room_id, token, filters } = await body(c, discoverSchema);
    await authority.room(room_id, credentials(c, token));
    return c.json(rooms.workerList(room_id, filters), 200, DEPRECATION);
  });

  app.get("/health", (c) =>
    c.json({
      status: "ok",
      version: SOFTWARE_VERSION,
      protocol: PROTOCOL_VERSION,
      timestamp: new Date(clock.wallMs()).toISOString(),
      ...rooms.counts(),
    }));

  app.get("/ready", async (c) => {
    await answered(store.countRooms(nowSeconds()));
    if (rooms.draining) {
      const headers = retryAfter(limits.retryAfterMs);
      throw new HttpRefusal(503, "SERVER_BUSY", "The server is about to stop", { headers });
    }
    return c.json({ status: "ready" });
  });

  app.notFound((c) => {
    const text = `Expected a known route, got ${c.req.method} ${c.req.path.slice(0, 100)}`;
    return c.json(new HttpRefusal(404, "NOT_FOUND", text).body, 404);
  });

  app.onError((error, c) => {
    const refused = error instanceof HttpRefusal ? error : new HttpRefusal(
      500,
      "INTERNAL",
      "The server failed at this request; its log says why",
      { cause: error },
    );
    if (refused.status >= 500) {
      const fields = { path: c.req.path, error: String(refused.cause ?? refused.message) };
      log.write("error", "A request failed", fields);
    }
    return c.json(refused.body, refused.status, { ...refused.headers });
  });

  function limitCreations(c: Context<AppEnv>): void {
    const { address } = c.env;
    if (creations.take(address, clock.now())) return;
    const headers = retryAfter(creations.waitMs(address, clock.now()));
    const text = "Expected fewer sign-ins and new rooms from this address; wait as told";
    throw new HttpRefusal(429, "RATE_LIMITED", text, { headers });
  }

  function requireTtl(field: string, seconds: number): void {
    if (seconds <= limits.roomTtlSecondsMax) return;
    const text = `${field}: Expected at most ${limits.roomTtlSecondsMax} seconds, got ${seconds}`;
    throw new HttpRefusal(400, "BAD_REQUEST", text);
  }

  return app;
}

/** The decoded body. An empty one counts as `{}`, as the original's `/create-room` has it. */
async function body<T>(c: Context<AppEnv>, schema: z.ZodType<T>): Promise<T> {
  const text = await c.req.text();
  return accepted(decodeJson(text === "" ? "{}" : text, schema));
}

function accepted<T>(decoded: Decoded<T>): T {
  if (decoded.ok) return decoded.value;
  throw new HttpRefusal(400, "BAD_REQUEST", decoded.reason);
}

function credentials(c: Context<AppEnv>, token: string | undefined): Credentials {
  const bearer = /^Bearer +(\S+)$/i.exec(c.req.header("authorization") ?? "")?.[1];
  return { bearer, token, address: c.env.address };
}
