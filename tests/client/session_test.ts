/** A client in a room of a real server: how it enters, asks, and falls back. */

import { deepEqual, doesNotMatch, equal, rejects } from "node:assert/strict";
import type { PeerId } from "../../lib/base/id.ts";
import { SILENT_LOG } from "../../lib/base/log.ts";
import { type Discovery, Session, type SessionOptions } from "../../lib/client/session.ts";
import { WorkerLink } from "../../lib/client/worker_link.ts";
import type { WorkerList } from "../../lib/protocol/query.ts";
import type { Metadata } from "../../lib/protocol/worker.ts";
import type { LinkBackend } from "../../lib/rtc/link.ts";
import { newLinkId } from "../../lib/runtime/chance.ts";
import type { RoomAccess } from "../../lib/runtime/config.ts";
import { temporaryIdentity } from "../../lib/runtime/credentials.ts";
import { MACHINE, machineMark } from "../../lib/runtime/machine_mark.ts";
import { SignalClient } from "../../lib/runtime/signal_client.ts";
import { MemoryBackend } from "../rtc/memory_backend.ts";
import { until } from "../runtime/condition.ts";
import { SignalingLab } from "../runtime/signaling_lab.ts";

const LIST: WorkerList = {
  workers: [],
  total_count: 3,
  admin_peer_id: null,
  epoch: 1,
  stale: false,
  stale_ms: 0,
};

function optionsFor(room: RoomAccess, signal = new AbortController().signal): SessionOptions {
  return { room, identity: temporaryIdentity(), log: SILENT_LOG, signal };
}

/** A worker called `name` that says this of itself, in its room until it is stopped. */
async function enterWorker(
  room: RoomAccess,
  name: string,
  properties: Metadata["properties"],
): Promise<{ client: SignalClient; peerId: PeerId }> {
  const identity = temporaryIdentity();
  const peerId = identity.peerIdOf(name);
  const entered = Promise.withResolvers<void>();
  const client = new SignalClient({
    server: room.server,
    roomId: room.roomId,
    token: room.token,
    peerId,
    role: "worker",
    incarnation: 1,
    identity,
    metadata: () => ({ tags: [], properties }),
    log: SILENT_LOG,
    handlers: {
      said: ({ type }) => type === "registered_auth" && entered.resolve(),
      lost: () => {},
      refused: () => {},
    },
  });
  await entered.promise;
  return { client, peerId };
}

Deno.test("session: it knows which workers are on its machine, early and late ones", () =>
  SignalingLab.with(async ({ room }) => {
    const properties = { [MACHINE]: machineMark(room.roomId) };
    const early = await enterWorker(room, "early", properties);
    const far = await enterWorker(room, "far", { [MACHINE]: "0123456789abcdef" });
    const session = await Session.open(optionsFor(room));
    const late = await enterWorker(room, "late", properties);
    await until("the late one", () => session.isNear(late.peerId));
    deepEqual([early, far].map(({ peerId }) => session.isNear(peerId)), [true, false]);
    await early.client.stop();
    await until("its end", () => !session.isNear(early.peerId));
    await Promise.all([session.close(), far.client.stop(), late.client.stop()]);
  }));

Deno.test("worker link: that a worker is near is believed in the first attempt only", () =>
  SignalingLab.with(async ({ room }) => {
    const near = await enterWorker(room, "near", { [MACHINE]: machineMark(room.roomId) });
    const session = await Session.open(optionsFor(room));
    const tried: unknown[] = [];
    const memory = new MemoryBackend();
    const backend: LinkBackend = {
      name: "native",
      create: (options) => {
        tried.push(options.isNear);
        const link = memory.create({ ...options, id: newLinkId() });
        queueMicrotask(() => link.close("It does not open"));
        return link;
      },
      dispose: () => memory.dispose(),
    };
    const handlers = { message: () => {}, data: () => {}, lost: () => {} };
    const options = { ...optionsFor(room), iceServers: [] };
    await rejects(WorkerLink.open(near.peerId, backend, session, handlers, options));
    deepEqual(tried, [true, false, false]);
    await Promise.all([session.close(), near.client.stop()]);
  }));

/** A worker that is admin and answers every query with `list`, or stays silent. */
async function enterAdmin(
  room: RoomAccess,
  list: WorkerList = LIST,
  isSilent = false,
): Promise<SignalClient> {
  const identity = temporaryIdentity();
  let granted = false;
  const client: SignalClient = new SignalClient({
    server: room.server,
    roomId: room.roomId,
    token: room.token,
    peerId: identity.peerIdOf("gpu"),
    role: "worker",
    incarnation: 1,
    identity,
    metadata: () => ({ tags: [], properties: { gpu_memory_mb: 8_000 } }),
    log: SILENT_LOG,
    handlers: {
      said: (message) => {
        if (message.type === "registered_auth") client.send({ type: "claim_admin", epoch: 1 });
        if (message.type === "admin_changed") granted = true;
        if (message.type !== "query_workers" || isSilent) return;
        const { request_id, from_peer_id: to_peer_id } = message;
        client.send({ type: "worker_list", request_id, to_peer_id, list });
      },
      lost: () => {},
      refused: () => {},
    },
  });
  await until("its office", () => granted);
  return client;
}

Deno.test("session: the admin answers by the server's relay", () =>
  SignalingLab.with(async ({ room }) => {
    const admin = await enterAdmin(room);
    const { list, via } = await discover(room);
    deepEqual([list, via], [LIST, "admin"]);
    await admin.stop();
  }));

Deno.test("session: in a room without a registry nobody but the server is asked", () =>
  SignalingLab.with(async ({ room }) => {
    const { list, via } = await discover(room);
    deepEqual([list.admin_peer_id, via], [null, "server"]);
    const metrics = await (await fetch(`${room.server}/metrics`)).text();
    doesNotMatch(metrics, /frames_total\{direction="in",type="query_workers"/);
  }, { rollout: { isEnabled: false, percent: 100 } }));

Deno.test("session: without an admin the server answers, at once", () =>
  SignalingLab.with(async ({ room }) => {
    const { list, via, tookMs } = await discover(room);
    deepEqual([list.workers, via], [[], "server"]);
    equal(tookMs < 1_500, true);
  }));

Deno.test("session: where the admin is silent the server answers in its place", () =>
  SignalingLab.with(async ({ room }) => {
    const admin = await enterAdmin(room, LIST, true);
    const { list, via } = await discover(room);
    deepEqual([list.workers.length, via], [1, "server"]);
    await admin.stop();
  }));

Deno.test("session: where the admin has no room for all workers the server lists them", () =>
  SignalingLab.with(async ({ room }) => {
    const admin = await enterAdmin(room, { ...LIST, left_out: 3 });
    const { list, via } = await discover(room);
    deepEqual([list.workers.length, via], [1, "server"]);
    await admin.stop();
  }));

Deno.test("session: a wrong token is refused", () =>
  SignalingLab.with(async ({ room }) => {
    const stranger = { ...room, token: "a".repeat(room.token.length) };
    await rejects(Session.open(optionsFor(stranger)), { name: "Failure", kind: "room_refused" });
  }));

Deno.test("session: a server that is down is told of at once", () =>
  SignalingLab.with(async (lab) => {
    await lab.stop();
    const options = optionsFor(lab.room);
    await rejects(Session.open(options), { name: "Failure", kind: "server_unreachable" });
  }));

Deno.test("session: a server that goes away in the middle is told of", () =>
  SignalingLab.with(async (lab) => {
    const session = await Session.open(optionsFor(lab.room));
    await lab.stop();
    await rejects(session.discover({}), { name: "Failure", kind: "server_unreachable" });
    await session.close();
  }));

Deno.test("session: an abort ends the entry and a question, with its reason", () =>
  SignalingLab.with(async ({ room }) => {
    const aborted = AbortSignal.abort("SIGINT");
    equal(await reasonOf(Session.open(optionsFor(room, aborted))), "SIGINT");
    const admin = await enterAdmin(room, LIST, true);
    const controller = new AbortController();
    const session = await Session.open(optionsFor(room, controller.signal));
    const asked = session.discover({});
    controller.abort("SIGTERM");
    equal(await reasonOf(asked), "SIGTERM");
    await session.close();
    await admin.stop();
  }));

Deno.test("session: hears which workers leave, until it no longer listens", () =>
  SignalingLab.with(async ({ room }) => {
    const session = await Session.open(optionsFor(room));
    const left: string[] = [];
    const stop = session.onLeft((peerId) => left.push(peerId.slice(0, 3)));
    await (await enterAdmin(room)).stop();
    await until("its leave", () => left.length === 1);
    stop();
    deepEqual(left, ["gpu"]);
    await session.close();
  }));

/** Enters, asks once and leaves. */
async function discover(room: RoomAccess): Promise<Discovery> {
  const session = await Session.open(optionsFor(room));
  try {
    return await session.discover({});
  } finally {
    await session.close();
  }
}

async function reasonOf(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise;
  } catch (reason) {
    return reason;
  }
  throw new Error("Expected a rejection, got none");
}
