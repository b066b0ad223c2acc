/** One peer's registration at a real server: that it lasts, and when it ends. */

import { deepEqual, equal, match, ok } from "node:assert/strict";
import { once } from "node:events";
// @ts-types="@types/ws"
import { WebSocketServer } from "ws";
import { WORKERS_MAX } from "../../lib/base/limits.ts";
import { SILENT_LOG } from "../../lib/base/log.ts";
import type { FromServer } from "../../lib/protocol/signal_message.ts";
import type { RoomAccess } from "../../lib/runtime/config.ts";
import {
  newRoomSecret,
  type PeerIdentity,
  temporaryIdentity,
} from "../../lib/runtime/credentials.ts";
import { SignalClient } from "../../lib/runtime/signal_client.ts";
import { roomOf } from "../rtc/hello_self.ts";
import { until } from "./condition.ts";
import { SignalingLab } from "./signaling_lab.ts";

/** A registration, and all that was heard of it. */
class Registration {
  readonly said: FromServer["type"][] = [];
  readonly lost: string[] = [];
  readonly refused: string[] = [];
  readonly client: SignalClient;

  constructor(room: RoomAccess, identity: PeerIdentity = temporaryIdentity(), incarnation = 1) {
    this.client = new SignalClient({
      server: room.server,
      roomId: room.roomId,
      token: room.token,
      peerId: identity.peerIdOf("gpu"),
      role: "worker",
      incarnation,
      identity,
      metadata: () => ({ tags: [], properties: {} }),
      log: SILENT_LOG,
      handlers: {
        said: ({ type }) => this.said.push(type),
        lost: (reason) => this.lost.push(reason),
        refused: (code) => this.refused.push(code),
      },
    });
  }

  async registered(times = 1): Promise<void> {
    await until(`${times} registrations`, () => {
      return this.said.filter((type) => type === "registered_auth").length === times;
    });
  }
}

/** A server whose room has a place at first, none at the second registration, and then one again. */
class FullServer {
  registrations = 0;
  readonly #server: WebSocketServer;

  private constructor(server: WebSocketServer) {
    this.#server = server;
    server.on("connection", (socket) => {
      const say = (message: FromServer) => socket.send(JSON.stringify(message));
      say({ type: "challenge", nonce: "0123456789abcdef" });
      socket.once("message", () => {
        if (++this.registrations !== 2) return say(WELCOME);
        say({ type: "error", code: "ROOM_FULL", message: "Ten are here" });
        socket.close(1008);
      });
    });
  }

  static async start(): Promise<FullServer> {
    const server = new WebSocketServer({ host: "127.0.0.1", port: 0 });
    await once(server, "listening");
    return new FullServer(server);
  }

  get room(): RoomAccess {
    const address = this.#server.address();
    ok(typeof address === "object" && address !== null);
    const { room_id: roomId } = WELCOME;
    const secret = newRoomSecret();
    return { server: `http://127.0.0.1:${address.port}`, roomId, token: "any", secret };
  }

  dropAll(): void {
    for (const socket of this.#server.clients) socket.terminate();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.dropAll();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

const WELCOME: Extract<FromServer, { type: "registered_auth" }> = {
  type: "registered_auth",
  room_id: roomOf("room12345"),
  peer_id: temporaryIdentity().peerIdOf("gpu"),
  admin_peer_id: null,
  epoch: 0,
  peers: [],
  peer_list: [],
  peer_metadata: {},
  expires_at: null,
  ping_interval_ms: 20_000,
};

Deno.test("signal client: registers, speaks and leaves; others see it come and go", () =>
  SignalingLab.with(async ({ room }) => {
    const watcher = new Registration(room);
    await watcher.registered();
    const peer = new Registration(room);
    equal(peer.client.send({ type: "ping" }), false);
    await peer.registered();
    equal(peer.client.send({ type: "ping" }), true);
    await until("a pong", () => peer.said.includes("pong"));
    await peer.client.stop();
    equal(peer.client.send({ type: "ping" }), false);
    await until("its leave", () => watcher.said.includes("peer_left"));
    await watcher.client.stop();
    deepEqual([peer.lost, peer.refused], [[], []]);
  }));

Deno.test("signal client: a wrong token is refused for good", () =>
  SignalingLab.with(async ({ room }) => {
    const peer = new Registration({ ...room, token: "a".repeat(room.token.length) });
    await until("the refusal", () => peer.refused.length > 0);
    deepEqual([peer.refused, peer.lost], [["ROOM_REFUSED"], []]);
    await peer.client.stop();
  }));

Deno.test("signal client: a sign-in that the server has forgotten keeps nobody out", () =>
  SignalingLab.with(async ({ room }) => {
    const identity = { ...temporaryIdentity(), idTokenAt: () => "e30.e30.c2ln" };
    const peer = new Registration(room, identity);
    await peer.registered();
    deepEqual([peer.lost, peer.refused], [[], []]);
    await peer.client.stop();
  }));

Deno.test("signal client: a wrong signature is refused for good, with a sign-in or without", () =>
  SignalingLab.with(async ({ room }) => {
    const { sign: _, ...rest } = temporaryIdentity();
    const forger = { ...rest, sign: temporaryIdentity().sign };
    for (const idTokenAt of [() => undefined, () => "e30.e30.c2ln"]) {
      const peer = new Registration(room, { ...forger, idTokenAt });
      await until("the refusal", () => peer.refused.length > 0);
      deepEqual([peer.lost, peer.refused], [[], ["IDENTITY_REFUSED"]]);
      await peer.client.stop();
    }
  }));

Deno.test("signal client: registers again by itself when the server comes back", () =>
  SignalingLab.with(async (lab) => {
    const peer = new Registration(lab.room);
    await peer.registered();
    await lab.restart();
    await peer.registered(2);
    equal(peer.client.send({ type: "ping" }), true);
    equal(peer.lost.length >= 1, true);
    await peer.client.stop();
  }));

Deno.test("signal client: stays away for as long as a server that stops has asked it to", () =>
  SignalingLab.with(async (lab) => {
    const peer = new Registration(lab.room);
    await peer.registered();
    const goneAt = performance.now();
    await lab.restart();
    await peer.registered(2);
    const awayMs = performance.now() - goneAt;
    equal(awayMs > 1_500, true, `back after ${awayMs} ms`);
    await peer.client.stop();
  }, { limits: { retryAfterMs: 1_500 } }));

Deno.test("signal client: a server that is down is told of, and stopping then ends the attempts", () =>
  SignalingLab.with(async (lab) => {
    await lab.stop();
    const peer = new Registration(lab.room);
    await until("the loss", () => peer.lost.length > 0);
    match(peer.lost[0] ?? "", /refused|ECONNREFUSED/i);
    await peer.client.stop();
  }));

Deno.test("signal client: stopping before the server has answered leaves nothing behind", () =>
  SignalingLab.with(async ({ room }) => {
    const peer = new Registration(room);
    await peer.client.stop();
    deepEqual([peer.said, peer.lost, peer.refused], [[], [], []]);
  }));

Deno.test("signal client: replaced by a newer process of its name, it gives way for good", () =>
  SignalingLab.with(async ({ room }) => {
    const identity = temporaryIdentity();
    const older = new Registration(room, identity, 1);
    await older.registered();
    const newer = new Registration(room, identity, 2);
    await newer.registered();
    await until("the replacement", () => older.refused.length > 0);
    deepEqual([older.refused, older.lost], [["REPLACED"], []]);
    equal(newer.client.send({ type: "ping" }), true);
    await until("a pong", () => newer.said.includes("pong"));
    await Promise.all([older.client.stop(), newer.client.stop()]);
  }));

Deno.test("signal client: an eleventh worker is refused for good, with the reason", () =>
  SignalingLab.with(async ({ room }) => {
    const workers = Array.from({ length: WORKERS_MAX }, () => new Registration(room));
    for (const worker of workers) await worker.registered();
    const eleventh = new Registration(room);
    await until("the refusal", () => eleventh.refused.length > 0);
    deepEqual([eleventh.refused, eleventh.lost], [["ROOM_FULL"], []]);
    await Promise.all([eleventh, ...workers].map(({ client }) => client.stop()));
  }));

Deno.test("signal client: whose place another took while the server was away comes again until it is free", async () => {
  await using server = await FullServer.start();
  const { room } = server;
  const worker = new Registration(room);
  await worker.registered();
  server.dropAll();
  await until("the refusal", () => worker.said.includes("error"));
  await worker.registered(2);
  deepEqual([server.registrations, worker.refused], [3, []]);
  await worker.client.stop();
});
