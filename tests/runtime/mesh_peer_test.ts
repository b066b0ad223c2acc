/** A worker's presence in its room, with a real server and links in memory. */

import { deepEqual, equal, match } from "node:assert/strict";
import type { Failure } from "../../lib/base/failure.ts";
import { SILENT_LOG } from "../../lib/base/log.ts";
import { listWorkers } from "../../lib/client/room_api.ts";
import type { RoomAccess } from "../../lib/runtime/config.ts";
import { type PeerIdentity, temporaryIdentity } from "../../lib/runtime/credentials.ts";
import { MeshPeer, type MeshPeerOptions } from "../../lib/runtime/mesh_peer.ts";
import { OfferingBackend } from "../client/memory_room.ts";
import { jobOf } from "../mesh/queued.ts";
import { automergeReady } from "../sim/automerge.ts";
import { until } from "./condition.ts";
import { SignalingLab } from "./signaling_lab.ts";

await automergeReady();

/** One process of a worker. */
class Process {
  readonly failures: Failure[] = [];
  readonly peer: MeshPeer;
  isRegistered = false;

  constructor(
    room: RoomAccess,
    backend: OfferingBackend,
    identity: PeerIdentity,
    name: string,
    incarnation: number,
    more: Pick<MeshPeerOptions, "doing"> = {},
  ) {
    this.peer = new MeshPeer(backend, {
      room,
      identity,
      peerId: identity.peerIdOf(name),
      incarnation,
      metadata: { tags: [], properties: { gpu_memory_mb: 8_000 } },
      iceServers: [],
      log: SILENT_LOG,
      ...more,
      handlers: {
        registered: () => void (this.isRegistered = true),
        failed: (failure) => this.failures.push(failure),
        clientCame: () => {},
        clientSaid: () => {},
        clientSent: () => {},
        clientLeft: () => {},
      },
    });
  }
}

Deno.test("mesh peer: of two processes that are one worker, the older falls silent and says what to do", () =>
  SignalingLab.with(async ({ room }) => {
    const backend = new OfferingBackend();
    const identity = temporaryIdentity();
    const other = new Process(room, backend, temporaryIdentity(), "w2", 1);
    const older = new Process(room, backend, identity, "w1", 1);
    await until("the first link", () => older.peer.view.links.length === 1);
    const newer = new Process(room, backend, identity, "w1", 2);
    await until("the end of the older", () => older.failures.length > 0);
    const [failure, ...more] = older.failures;
    deepEqual([failure?.kind, more], ["room_refused", []]);
    match(failure?.message ?? "", /only process that is w1-.*; stop one of them.*--name/);
    await until("the newer's link", () => newer.peer.view.links.length === 1);
    const entry = () =>
      [...other.peer.view.entries.values()].find(({ incarnation }) => incarnation === 2);
    await until("the newer's entry", () => entry()?.status === "available");
    equal(older.peer.view.superseded, true);
    await older.peer.leave();
    equal(entry()?.status, "available");
    deepEqual([newer.failures, other.failures], [[], []]);
    await newer.peer.leave();
    await other.peer.leave();
  }));

Deno.test("mesh peer: a worker that comes with a job names it in the first that it writes of itself", () =>
  SignalingLab.with(async ({ room }) => {
    const backend = new OfferingBackend();
    const other = new Process(room, backend, temporaryIdentity(), "w2", 1);
    await until("the other's registration", () => other.isRegistered);
    const identity = temporaryIdentity();
    const peerId = identity.peerIdOf("w1");
    const currentJob = {
      job_id: jobOf("survivor"),
      client_id: temporaryIdentity().peerIdOf("ada"),
    };
    const doing = { status: "busy", currentJob } as const;
    const comer = new Process(room, backend, identity, "w1", 2, { doing });
    const told = ({ peer }: Process) => {
      const { status, current_job } = peer.entries.get(peerId) ?? {};
      return [status, current_job];
    };
    deepEqual(told(comer), ["busy", currentJob]);
    equal(comer.peer.view.size.changes, 1, "A change before it would say that the worker is free");
    await until("the comer's entry", () => other.peer.entries.has(peerId));
    deepEqual(told(other), ["busy", currentJob]);
    const signal = new AbortController().signal;
    const { workers } = await listWorkers(room, {}, { signal });
    const shown = workers.find(({ peer_id }) => peer_id === peerId);
    equal(shown?.status, "busy");
    await comer.peer.leave();
    await other.peer.leave();
  }));
