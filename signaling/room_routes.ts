/** The routes by which rooms are made, extended and ended. Knows no port, no socket and no file. */

import type { Context, Hono } from "hono";
import type { PeerId, RoomId } from "../lib/base/id.ts";
import { DAY_MS, SECOND_MS } from "../lib/base/time.ts";
import type { AppPorts } from "./app.ts";
import { answered, type Authority } from "./authority.ts";
import { Buckets } from "./bucket.ts";
import { hashToken, newRoomId, newToken } from "./credential.ts";
import { HttpRefusal, retryAfter, tooMany } from "./http_refusal.ts";
import { type AppEnv, bodyOf, credentialsOf } from "./request.ts";
import {
  createRoomSchema,
  deletePeerSchema,
  deleteRoomSchema,
  extendRoomSchema,
} from "./request_body.ts";
import type { StoredRoom } from "./store/store.ts";

/** Attempts to find a free room id. Ids have 60 random bits: more than one is next to impossible. */
const ROOM_ID_ATTEMPTS_MAX = 3;

/** Adds the routes to `app`. */
export function addRoomRoutes(app: Hono<AppEnv>, ports: AppPorts, authority: Authority): void {
  const { rooms, store, identity, clock, randomBytes, log, meter, limits } = ports;
  const creations = new Buckets(limits.creations);
  const extensions = new Buckets(limits.extensions);
  const nowSeconds = () => Math.floor(clock.wallMs() / SECOND_MS);

  app.post("/anonymous-signin", async (c) => {
    limitCreations(c);
    return c.json(await answered(identity.anonymousSignIn()));
  });

  app.post("/create-room", async (c) => {
    const owner = await authority.subject(credentialsOf(c, undefined));
    const wanted = await bodyOf(c, createRoomSchema);
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
      meter.count({ kind: "room_created" });
      log.write("info", "A room was created", { room_id, expires_at: room.expires_at });
      return c.json({ room_id, token, name: room.name, expires_at: room.expires_at });
    }
    throw new Error(`Expected a free room id within ${ROOM_ID_ATTEMPTS_MAX} attempts, got none`);
  });

  app.post("/extend-room", async (c) => {
    const { room_id, token, by_seconds } = await bodyOf(c, extendRoomSchema);
    const bySeconds = by_seconds ?? limits.roomTtlSeconds;
    requireTtl("by_seconds", bySeconds);
    const room = await authority.room(room_id, credentialsOf(c, token));
    if (room.expires_at === null) return c.json({ room_id, expires_at: null });
    if (!extensions.take(room_id, clock.now())) {
      throw tooMany("extensions of this room", extensions.waitMs(room_id, clock.now()));
    }
    const now = nowSeconds();
    const latest = now + limits.roomTtlSecondsMax;
    const wanted = Math.min(Math.max(room.expires_at, now) + bySeconds, latest);
    const extended = await answered(store.extendRoom(room_id, wanted, now));
    if (extended === undefined) {
      throw new HttpRefusal(403, "ROOM_REFUSED", `Room ${room_id} ended in the meantime`);
    }
    rooms.dateRoom(room_id, extended.expires_at);
    return c.json({ room_id, expires_at: extended.expires_at });
  });

  app.post("/delete-peer", async (c) => {
    const { peer_id, token, ...named } = await bodyOf(c, deletePeerSchema);
    const room_id = named.room_id ?? roomOf(peer_id);
    await authority.room(room_id, credentialsOf(c, token));
    if (!rooms.removePeer(room_id, peer_id, "The peer was removed from the room")) {
      const text = `Expected a peer of the room, got ${peer_id}, which is not here`;
      throw new HttpRefusal(404, "PEER_NOT_FOUND", text);
    }
    return c.json({ status: `Peer ${peer_id} was removed` });
  });

  app.post("/delete-peers-and-room", async (c) => {
    const { peer_id, token, ...named } = await bodyOf(c, deleteRoomSchema);
    const room_id = named.room_id ?? roomOf(peer_id);
    await authority.room(room_id, credentialsOf(c, token));
    await answered(store.deleteRoom(room_id));
    rooms.removeRoom(room_id, "The room was deleted");
    meter.count({ kind: "room_deleted" });
    log.write("info", "A room was deleted", { room_id });
    return c.json({ status: `Room ${room_id} and its peers were removed` });
  });

  /** The room that a peer is in; of one that is nowhere, a room that nobody has the token of. */
  function roomOf(peerId: PeerId | undefined): RoomId {
    const roomId = peerId === undefined ? undefined : rooms.roomOf(peerId);
    return roomId ?? newRoomId(randomBytes);
  }

  function limitCreations(c: Context<AppEnv>): void {
    const { address } = c.env;
    if (creations.take(address, clock.now())) return;
    const waitMs = creations.waitMs(address, clock.now());
    throw tooMany("sign-ins and new rooms from this address", waitMs);
  }

  function requireTtl(field: string, seconds: number): void {
    if (seconds <= limits.roomTtlSecondsMax) return;
    const days = Math.floor(limits.roomTtlSecondsMax * SECOND_MS / DAY_MS);
    const text =
      `${field}: Expected at most ${limits.roomTtlSecondsMax} seconds (${days} days), got ${seconds}`;
    throw new HttpRefusal(400, "BAD_REQUEST", text);
  }
}
