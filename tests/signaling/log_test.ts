/** Defect j: what a busy server says must hold no secret, whoever made it say it. */

import assert from "node:assert/strict";
import { z } from "zod";
import { jsonLine, type Notice, startLogging } from "../../lib/runtime/logging.ts";
import { startSignaling } from "../../signaling/server.ts";
import { enter, LabSocket, PeerKey, registration } from "./lab_peer.ts";
import { roomIdSchema } from "../../lib/protocol/name.ts";

const lineSchema = z.looseObject({
  time: z.iso.datetime(),
  level: z.enum(["debug", "info", "warning", "error"]),
  message: z.string().min(1),
});

/** The fields of seed 002 phase 8.3, and the epoch. */
const electedSchema = lineSchema.extend({
  room_id: z.string(),
  admin_peer_id: z.string(),
  epoch: z.int(),
  election_time_ms: z.int().min(0),
  num_workers: z.int(),
});

Deno.test("log, defect j: a busy server writes no token, id token, secret or signature", async () => {
  const lines: string[] = [];
  const { log, stop } = startLogging({
    level: "debug",
    render: (notice: Notice) => jsonLine(notice),
    write: (line) => void lines.push(line),
  });
  const dataFolder = await Deno.makeTempDir();
  const secrets: string[] = [];
  const server = await startSignaling(
    { hostname: "127.0.0.1", port: 0, dataFolder, store: "sqlite" },
    log,
  );
  const { url } = server;
  const post = async (path: string, body: unknown, bearer?: string) => {
    const headers = new Headers(bearer === undefined ? {} : { authorization: `Bearer ${bearer}` });
    const response = await fetch(`${url}${path}`, {
      method: "POST",
      headers,
      body: JSON.stringify(body),
    });
    return await response.json();
  };
  const { id_token } = z.object({ id_token: z.string() }).parse(
    await post("/anonymous-signin", {}),
  );
  const room = z.object({ room_id: roomIdSchema, token: z.string() }).parse(
    await post("/create-room", { name: "lab" }, id_token),
  );
  secrets.push(id_token, room.token, "open-sesame-open-sesame");
  await post("/extend-room", { room_id: room.room_id }, room.token);
  await post("/extend-room", { room_id: room.room_id, token: "open-sesame-open-sesame" });
  await post("/delete-peer", { room_id: room.room_id, peer_id: "w1" }, `${id_token}x`);
  await post(`/nowhere?token=${room.token}`, {});

  const key = new PeerKey("w");
  const { socket } = await enter(url, key, room);
  socket.say({ type: "claim_admin", epoch: 1 });
  await socket.next("admin_changed");
  socket.say(`{"type":"register","token":"${room.token}"`);
  await socket.next("error");
  socket.say({ type: "peer_message", to_peer_id: "w9", payload: { secret: room.token } });
  await socket.next("error");
  for (
    const change of [{ token: "open-sesame-open-sesame" }, { id_token }, { id_token: "x.y.z" }]
  ) {
    const stranger = new LabSocket(url);
    const honest = registration(new PeerKey("s"), room, (await stranger.next("challenge")).nonce);
    secrets.push(z.string().parse(honest["signature"]));
    stranger.say({ ...honest, ...change });
    await (change.id_token === id_token
      ? stranger.next("registered_auth")
      : stranger.next("error"));
    await stranger.close();
  }
  await post("/delete-peers-and-room", { room_id: room.room_id }, id_token);
  await socket.ended();
  await server.stop();
  stop();
  await Deno.remove(dataFolder, { recursive: true });

  const text = lines.join("\n");
  for (const secret of secrets) assert(!text.includes(secret), `the log has ${secret}`);
  // No part of an id token either: the original logged the first characters of each.
  assert.doesNotMatch(text, /eyJ/);
  for (const line of lines) lineSchema.parse(JSON.parse(line));
  const elected = lines.map((line) => lineSchema.parse(JSON.parse(line)))
    .filter(({ message }) => message === "Admin elected");
  const { time: _, ...fields } = electedSchema.parse(elected[0]);
  assert.deepEqual(fields, {
    level: "info",
    message: "Admin elected",
    room_id: room.room_id,
    admin_peer_id: key.peerId,
    epoch: 1,
    election_time_ms: fields.election_time_ms,
    num_workers: 1,
  });
  assert(lines.length > 8, "the server had something to say");
});
