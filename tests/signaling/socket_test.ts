import assert from "node:assert/strict";
import { SIGNAL_FRAME_BYTES_MAX } from "../../lib/base/limits.ts";
import { SILENT_LOG } from "../../lib/base/log.ts";
import { roomIdSchema } from "../../lib/protocol/name.ts";
import type { Admission } from "../../signaling/admission.ts";
import { SILENT_METER } from "../../signaling/fact.ts";
import { limitsWith } from "../../signaling/limits.ts";
import { Socket, type SocketHost } from "../../signaling/socket.ts";
import { startSignaling } from "../../signaling/server.ts";
import type { SignalingLimits } from "../../signaling/limits.ts";
import {
  createRoom,
  enter,
  eventually,
  LabSocket,
  type OpenRoom,
  PeerKey,
  registration,
  wrongToken,
} from "./lab_peer.ts";

async function withServer(
  body: (url: string, room: OpenRoom, log: string[]) => Promise<void>,
  limits: Partial<SignalingLimits> = {},
): Promise<void> {
  const dataFolder = await Deno.makeTempDir();
  const lines: string[] = [];
  const log = {
    write: (level: string, message: string, fields?: unknown) =>
      void lines.push(`${level} ${message} ${JSON.stringify(fields)}`),
  };
  const options = { hostname: "127.0.0.1", port: 0, dataFolder, store: "memory" } as const;
  const server = await startSignaling({ ...options, limits: { tickMs: 20, ...limits } }, log);
  try {
    await body(server.url, await createRoom(server.url), lines);
  } finally {
    await server.stop();
    await Deno.remove(dataFolder, { recursive: true });
  }
}

Deno.test("socket: two peers register, see each other and exchange an offer", () =>
  withServer(async (url, room, log) => {
    const one = new PeerKey("gpu one");
    const two = new PeerKey("gpu-two");
    const first = await enter(url, one, room);
    assert.deepEqual(first.welcome.peers, []);
    const second = await enter(url, two, room);
    assert.deepEqual(second.welcome.peer_list, [one.peerId]);
    assert.equal((await first.socket.next("peer_joined")).peer.peer_id, two.peerId);
    const offer = { type: "offer", sdp: "v=0" };
    second.socket.say({
      type: "mesh_connect",
      target_peer_id: one.peerId,
      link_id: "l1",
      offer,
      from_peer_id: one.peerId,
    });
    const arrived = await first.socket.next("mesh_offer");
    assert.deepEqual([arrived.from_peer_id, arrived.offer], [two.peerId, offer]);
    await second.socket.close();
    assert.equal((await first.socket.next("peer_left")).peer_id, two.peerId);
    await first.socket.close();
    assert(!log.join().includes(room.token), "no log has the token");
  }));

Deno.test("socket: a registration that proves nothing is refused by its code, and the socket ends", () =>
  withServer(async (url, room) => {
    const key = new PeerKey("w");
    const stranger = new PeerKey("w");
    const other = await createRoom(url);
    const table: [string, (honest: Record<string, unknown>) => Record<string, unknown>][] = [
      ["PROTOCOL_VERSION", (honest) => ({ ...honest, protocol: 99 })],
      ["IDENTITY_REFUSED", (honest) => ({ ...honest, peer_id: "w-aaaaaaaaaa" })],
      ["IDENTITY_REFUSED", (honest) => ({ ...honest, public_key: stranger.publicKey })],
      ["IDENTITY_REFUSED", (honest) => ({ ...honest, signature: key.sign(new Uint8Array(8)) })],
      // Signed for another room, role or life.
      ["IDENTITY_REFUSED", (honest) => ({ ...honest, ...other })],
      ["IDENTITY_REFUSED", (honest) => ({ ...honest, role: "client" })],
      ["IDENTITY_REFUSED", (honest) => ({ ...honest, incarnation: 2 })],
      ["IDENTITY_REFUSED", (honest) => registration(key, room, `${honest["nonce"]}x`)],
      ["ROOM_REFUSED", (honest) => ({ ...honest, token: wrongToken() })],
      ["ROOM_REFUSED", (honest) => ({ ...honest, token: other.token })],
      ["INVALID_MESSAGE", (honest) => ({ ...honest, room_id: "../../etc" })],
      ["NOT_REGISTERED", () => ({ type: "ping" })],
      ["UNKNOWN_MESSAGE_TYPE", () => ({ type: "job_assigned" })],
    ];
    for (const [code, change] of table) {
      const socket = new LabSocket(url);
      const { nonce } = await socket.next("challenge");
      socket.say(change(registration(key, room, nonce)));
      assert.equal((await socket.next("error")).code, code);
      assert.equal(await socket.ended(), 1008);
    }
  }));

Deno.test("socket: a challenge that was answered once admits no one again", () =>
  withServer(async (url, room) => {
    const key = new PeerKey("w");
    const first = new LabSocket(url, "/");
    const recorded = registration(key, room, (await first.next("challenge")).nonce);
    first.say(recorded);
    await first.next("registered_auth");
    const replay = new LabSocket(url);
    await replay.next("challenge");
    replay.say(recorded);
    assert.equal((await replay.next("error")).code, "IDENTITY_REFUSED");
    await replay.ended();
    await first.close();
  }));

Deno.test("socket, defect a: a peer that comes back on a new socket stays, whatever becomes of the old", () =>
  withServer(async (url, room) => {
    const watcher = await enter(url, new PeerKey("watcher"), room);
    const key = new PeerKey("w");
    const old = await enter(url, key, room);
    const young = await enter(url, key, room, { incarnation: 2 });
    assert.equal((await old.socket.next("error")).code, "REPLACED");
    assert.equal(await old.socket.ended(), 4001);
    watcher.socket.say({ type: "discover_peers" });
    assert.equal((await watcher.socket.next("peer_list")).peers[0]?.incarnation, 2);
    young.socket.say({ type: "ping" });
    await young.socket.next("pong");
    await young.socket.close();
    await watcher.socket.close();
  }));

Deno.test("socket: bad frames of a registered peer are answered and it stays; huge and binary ones end it", () =>
  withServer(async (url, room) => {
    const key = new PeerKey("w");
    const { socket } = await enter(url, key, room);
    const table: [string | Record<string, unknown>, string][] = [
      ["{", "INVALID_JSON"],
      [{ type: "claim_admin" }, "INVALID_MESSAGE"],
      [{ type: "job_status" }, "UNKNOWN_MESSAGE_TYPE"],
      [registration(key, room, "another-nonce-of-16"), "ALREADY_REGISTERED"],
    ];
    for (const [frame, code] of table) {
      socket.say(frame);
      assert.equal((await socket.next("error")).code, code);
    }
    socket.say("x".repeat(SIGNAL_FRAME_BYTES_MAX + 1));
    assert.equal(await socket.ended(), 1009);
    const second = await enter(url, key, room);
    second.socket.say(new Uint8Array(3));
    assert.equal(await second.socket.ended(), 1003);
  }));

Deno.test("socket: whoever does not register, goes silent or floods is cut off", () =>
  withServer(async (url, room) => {
    const stranger = new LabSocket(url);
    const { socket: silent } = await enter(url, new PeerKey("silent"), room);
    const { socket: flood } = await enter(url, new PeerKey("flood"), room);
    for (let count = 0; count <= 50; count++) flood.say({ type: "pong" });
    assert.equal((await flood.next("error")).code, "RATE_LIMITED");
    // Without its code: Deno drops a connection on which data arrive after its own close.
    await flood.ended();
    assert.equal((await stranger.next("error")).code, "NOT_REGISTERED");
    assert.equal(await stranger.ended(), 1008);
    await silent.next("ping");
    assert.equal(await silent.ended(), 1008);
  }, {
    registerMs: 200,
    pingIntervalMs: 100,
    silenceMs: 600,
    frames: { capacity: 50, perSecond: 0.1 },
  }));

Deno.test("socket: an address gets only so many sockets, and gets them again when some end", () =>
  withServer(async (url) => {
    const sockets = [new LabSocket(url), new LabSocket(url)];
    for (const socket of sockets) await socket.next("challenge");
    const extra = new LabSocket(url);
    await eventually("the end of the socket too many", () => extra.closed);
    assert.deepEqual(extra.heard, []);
    await sockets[0]?.close();
    await eventually("a free place", async () => {
      const next = new LabSocket(url);
      await eventually("an answer", () => next.heard[0] ?? next.closed);
      const admitted = next.heard[0]?.type === "challenge";
      await next.close();
      return admitted || undefined;
    });
    await sockets[1]?.close();
  }, { socketsPerAddressMax: 2 }));

Deno.test("socket: an address opens only so many sockets a second, however soon they end", () =>
  withServer(async (url) => {
    for (let count = 0; count < 3; count++) {
      const socket = new LabSocket(url);
      await socket.next("challenge");
      await socket.close();
    }
    const fourth = new LabSocket(url);
    await fourth.ended();
    assert.deepEqual(fourth.heard, []);
  }, { openings: { capacity: 3, perSecond: 0.001 } }));

Deno.test("socket: who asks for long answers pays for them, and does not keep the server from others", () =>
  withServer(async (url, room) => {
    const { socket } = await enter(url, new PeerKey("w"), room);
    const { socket: curious } = await enter(url, new PeerKey("c"), room, { role: "client" });
    // Some 2 KB are said, and 20 KB would be answered.
    for (let count = 0; count < 80; count++) curious.say({ type: "discover_peers" });
    assert.equal((await curious.next("error")).code, "RATE_LIMITED");
    await curious.ended();
    socket.say({ type: "ping" });
    await socket.next("pong");
    await socket.close();
  }, { bytes: { capacity: 10_000, perSecond: 1 } }));

Deno.test("socket: who has the whole room told something pays for each who hears it", () =>
  withServer(async (url, room) => {
    const crowd = [];
    for (let count = 0; count < 4; count++) {
      crowd.push((await enter(url, new PeerKey("w"), room)).socket);
    }
    const [ambitious, ...others] = crowd;
    for (let epoch = 1; epoch <= 20; epoch++) ambitious?.say({ type: "claim_admin", epoch });
    assert.equal((await ambitious?.next("error"))?.code, "RATE_LIMITED");
    await ambitious?.ended();
    for (const socket of others) await socket.close();
  }, { frames: { capacity: 40, perSecond: 0.1 } }));

Deno.test("socket: wrong tokens of one address for one room end in a pause", () =>
  withServer(async (url, room) => {
    const key = new PeerKey("w");
    const codeOf = async (token: string) => {
      const socket = new LabSocket(url);
      const { nonce } = await socket.next("challenge");
      socket.say({ ...registration(key, room, nonce), token });
      const { code } = await socket.next("error");
      await socket.ended();
      return code;
    };
    assert.equal(await codeOf(wrongToken()), "ROOM_REFUSED");
    assert.equal(await codeOf(wrongToken()), "ROOM_REFUSED");
    assert.equal(await codeOf(room.token), "RATE_LIMITED");
  }, { guesses: { capacity: 2, perSecond: 0.01 } }));

/** A socket on no transport, in a world where the test decides what is buffered and admitted. */
function detached(admission: Promise<Admission>) {
  const sent: string[] = [];
  const closed: number[] = [];
  const world = { buffered: 0, sent, closed, events: 0 };
  const host: SocketHost = {
    clock: { now: () => 0, wallMs: () => 0 },
    log: SILENT_LOG,
    meter: SILENT_METER,
    limits: limitsWith({}),
    written: (message) => JSON.stringify(message),
    admit: () => admission,
    registered: () => void world.events++,
    requested: () => ({ frames: world.events++, bytes: 0 }),
    ended: () => void world.events++,
  };
  const wire = {
    send: (text: string) => void world.sent.push(text),
    close: (code: number) => void world.closed.push(code),
    bufferedBytes: () => world.buffered,
  };
  const socket = new Socket(1, wire, host, {
    caller: { address: "192.0.2.1", program: "test" },
    nonce: "n".repeat(24),
  });
  return { world, socket };
}

Deno.test("socket: a reader that lets a mebibyte pile up is given up", () => {
  const { world, socket } = detached(new Promise(() => {}));
  world.buffered = 1024 * 1024;
  socket.challenge();
  assert.equal(world.sent.length, 1);
  world.buffered++;
  socket.send({ type: "ping" });
  socket.send({ type: "ping" });
  assert.deepEqual([world.sent.length, world.closed, world.events], [1, [1008], 1]);
});

Deno.test("socket: a store that fails makes SERVER_BUSY, and one that is slow runs into the deadline", async () => {
  const room = { room_id: roomIdSchema.parse("unknownroom1"), token: "x" };
  const frame = JSON.stringify(registration(new PeerKey("w"), room, "n"));
  const disk = Promise.withResolvers<Admission>();
  const failing = detached(disk.promise);
  failing.socket.received(frame);
  disk.reject(new Error("disk on fire"));
  await eventually("the refusal", () => failing.world.closed[0]);
  assert.deepEqual(failing.world.closed, [1013]);
  assert.match(failing.world.sent.join(), /SERVER_BUSY/);

  const answer = Promise.withResolvers<Admission>();
  const slow = detached(answer.promise);
  slow.socket.received(frame);
  slow.socket.tick(9_999);
  assert.deepEqual(slow.world.closed, []);
  slow.socket.tick(10_000);
  assert.deepEqual(slow.world.closed, [1008]);
  answer.resolve({ ok: false, code: "ROOM_REFUSED", reason: "too late to matter" });
  await answer.promise;
  assert.deepEqual([slow.world.closed, slow.world.events], [[1008], 1]);
});
