/** Queries by each way there is, and a watch that outlives the worker it watches; real nodes and server. */

import assert from "node:assert/strict";
import { Failure } from "../../lib/base/failure.ts";
import type { PeerId } from "../../lib/base/id.ts";
import { RoomWatch, type WatchEvent } from "../../lib/client/room_watch.ts";
import type { LinkMeasure } from "../../lib/client/link_pace.ts";
import type { LinkedOptions } from "../../lib/client/linked_session.ts";
import type { Session } from "../../lib/client/session.ts";
import { WorkerLink } from "../../lib/client/worker_link.ts";
import type { LinkMessage } from "../../lib/protocol/link_message.ts";
import { type Filters, filtersSchema, type WorkerList } from "../../lib/protocol/query.ts";
import type { ObserverMessage } from "../../lib/protocol/watch_message.ts";
import type { Metadata } from "../../lib/protocol/worker.ts";
import { tellPeer } from "../../lib/runtime/link_speech.ts";
import { eventually, until } from "../runtime/condition.ts";
import { MemoryRoom } from "./memory_room.ts";

const WORKERS: readonly Metadata[] = [
  { tags: ["gpu", "fast"], properties: { gpu_memory_mb: 24_000, gpu_model: "A5000", cuda: 12 } },
  { tags: ["gpu"], properties: { gpu_memory_mb: 16_000, gpu_model: "RTX 3090", cuda: 11 } },
  { tags: [], properties: { gpu_memory_mb: 0, mounts: ["data"] } },
];

/** A watch of the room that shows something already, and what it said. */
async function watching(
  room: MemoryRoom,
  session: Session,
  options: LinkedOptions,
  from?: PeerId,
): Promise<{ watch: RoomWatch; events: WatchEvent[] }> {
  const events: WatchEvent[] = [];
  const watch = new RoomWatch(session, room.backend, {
    ...options,
    from,
    hear: (event) => events.push(event),
  });
  await until("a watched worker", () => events.some(({ type }) => type === "watching"));
  return { watch, events };
}

/** A link to `worker`, until `body` is done. */
async function withLink(
  room: MemoryRoom,
  worker: PeerId,
  session: Session,
  options: LinkedOptions,
  body: (link: WorkerLink, lost: Promise<Failure>) => Promise<void>,
): Promise<void> {
  const lost = Promise.withResolvers<Failure>();
  const handlers = { message: () => {}, data: () => {}, lost: lost.resolve };
  const link = await WorkerLink.open(worker, room.backend, session, handlers, options);
  try {
    await body(link, lost.promise);
  } finally {
    link.close("The test is done");
    await lost.promise;
  }
}

/** What must be the same by every way: all but ages. */
function substance(list: WorkerList): unknown {
  return {
    ...list,
    stale_ms: 0,
    workers: list.workers.map((view) => ({ ...view, last_heard_ms: 0 })),
  };
}

Deno.test("filters choose the same by the relay, by a link and from the replica", () =>
  MemoryRoom.with(WORKERS, async (room) => {
    const [, w1] = room.workers;
    assert.ok(w1 !== undefined);
    w1.tell("busy", null);
    const table: [filters: Record<string, unknown>, listed: string][] = [
      [{}, "w0 w1 w2"],
      [{ status: "available" }, "w0 w2"],
      [{ status: "busy" }, "w1"],
      [{ min_gpu_memory_mb: 16_000 }, "w0 w1"],
      [{ tags: ["gpu"] }, "w0 w1"],
      [{ tags: ["gpu", "fast"] }, "w0"],
      [{ properties: { gpu_model: "A5000" } }, "w0"],
      [{ properties: { gpu_model: { $eq: "A5000" } } }, "w0"],
      [{ properties: { gpu_model: { $ne: "A5000" } } }, "w1 w2"],
      [{ properties: { cuda: { $gte: 12 } } }, "w0"],
      [{ properties: { cuda: { $lte: 11 } } }, "w1"],
      [{ properties: { cuda: { $gt: 11 } } }, "w0"],
      [{ properties: { cuda: { $lt: 12 } } }, "w1"],
      [{ properties: { cuda: { $in: [10, 11, 12] } } }, "w0 w1"],
      [{ properties: { status: "busy", cuda: { $gte: 1 } } }, "w1"],
      [{ properties: { mounts: { $eq: ["data"] } } }, "w2"],
      [{ status: "available", min_gpu_memory_mb: 1, tags: ["fast"] }, "w0"],
    ];
    const whole = (views: readonly { status: string }[]) =>
      views.filter(({ status }) => status === "busy").length === 1;
    await room.withClient((relayed, options) =>
      room.withClient(async (watcher, own) => {
        const admin = room.workers[0]?.view.admin;
        assert.ok(admin !== undefined);
        const { watch } = await watching(room, watcher, own);
        await until("the status in the replica", () => whole(watch.list({}).workers));
        await withLink(room, admin, relayed, options, async (link) => {
          for (const [given, listed] of table) {
            const filters: Filters = filtersSchema.parse(given);
            const relay = await relayed.discover(filters);
            assert.equal(relay.via, "admin");
            const names = relay.list.workers.map(({ peer_id }) => peer_id.slice(0, 2));
            assert.equal(names.join(" "), listed, JSON.stringify(given));
            const byLink = await link.discover(filters);
            assert.deepEqual(substance(byLink), substance(relay.list), JSON.stringify(given));
            const byReplica = watch.list(filters);
            assert.deepEqual(substance(byReplica), substance(relay.list), JSON.stringify(given));
          }
        });
        await watch.close();
      })
    );
  }));

Deno.test("a worker that is not the admin answers, and says who is", () =>
  MemoryRoom.with(WORKERS.slice(0, 2), (room) =>
    room.withClient(async (session, options) => {
      const [admin, other] = room.workers.map(({ view }) => view.self);
      assert.ok(other !== undefined);
      await withLink(room, other, session, options, async (link) => {
        const list = await link.discover({});
        assert.deepEqual([list.admin_peer_id, list.total_count], [admin, 2]);
      });
    })));

Deno.test("a watch follows changes, and goes on at another worker when its own is gone", () =>
  MemoryRoom.with(WORKERS, (room) =>
    room.withClient(async (session, options) => {
      const [w0, w1, w2] = room.workers;
      assert.ok(w0 !== undefined && w1 !== undefined && w2 !== undefined);
      const { watch, events } = await watching(room, session, options);
      assert.equal(watch.worker, w0.view.self);
      const statusOf = (worker: typeof w0) =>
        watch.list({}).workers.find(({ peer_id }) => peer_id === worker.view.self)?.status;
      w1.tell("busy", null);
      await until("the new status", () => statusOf(w1) === "busy");

      await room.leave(w0);
      await until("another watched worker", () => watch.worker === w1.view.self);
      await until("a new admin", () => watch.list({}).admin_peer_id === w1.view.self);
      assert.equal(watch.list({}).stale, false);
      const told = events.flatMap((event) =>
        event.type === "watching" || event.type === "lost"
          ? [`${event.type} ${event.worker.slice(0, 2)}`]
          : []
      );
      assert.deepEqual(told, ["watching w0", "lost w0", "watching w1"]);
      w2.tell("busy", null);
      await until("a later status", () => statusOf(w2) === "busy");
      await watch.close();
    })));

Deno.test("a watch that asks is told how the worker's links do; one that does not asks nothing", () =>
  MemoryRoom.with(WORKERS, (room) =>
    room.withClient(async (session, options) => {
      const [w0, w1, w2] = room.workers.map(({ view }) => view.self);
      const measures: LinkMeasure[] = [];
      const asking = new RoomWatch(session, room.backend, {
        ...options,
        hear: () => {},
        measured: (measure) => measures.push(measure),
      });
      const measure = await eventually("a measurement", () => measures[0]);
      assert.deepEqual([measure.self, measure.worker], [session.peerId, w0]);
      assert.deepEqual(measure.own.map(({ peer_id, path }) => [peer_id, path]), [[w0, "host"]]);
      const reported = measure.reported.map(({ peer_id, role }) => `${role} ${peer_id}`).sort();
      assert.deepEqual(reported, [`client ${session.peerId}`, `worker ${w1}`, `worker ${w2}`]);
      await asking.close();
    })));

Deno.test("a worker answers a question about its links at most once a second", () =>
  MemoryRoom.with(WORKERS.slice(0, 1), (room) =>
    room.withClient(async (session, options) => {
      const [w0] = room.workers;
      assert.ok(w0 !== undefined);
      let answers = 0;
      const lost = Promise.withResolvers<Failure>();
      const handlers = {
        message: () => {},
        data: () => {},
        observed: ({ type }: ObserverMessage) => void (answers += type === "link_report" ? 1 : 0),
        lost: lost.resolve,
      };
      const link = await WorkerLink.open(w0.view.self, room.backend, session, handlers, options);
      for (let asked = 0; asked < 20; asked++) link.say({ type: "link_query" });
      // Answers come in order: all that there are stand before this one.
      await link.discover({});
      assert.equal(answers, 1);
      link.close("The test is done");
      await lost.promise;
    })));

Deno.test("a client that does not read is dropped", () =>
  MemoryRoom.with(WORKERS.slice(0, 1), (room) =>
    room.withClient(async (session, options) => {
      const { watch, events } = await watching(room, session, options);
      room.backend.bufferedBytes = 2 * 1024 * 1024;
      room.workers[0]?.tell("busy", null);
      const lost = await eventually(
        "the end of the link",
        () => events.find(({ type }) => type === "lost"),
      );
      assert.match(lost.type === "lost" ? lost.reason : "", /reads too slowly/);
      await watch.close();
    })));

Deno.test("without a worker a watch waits, stale, and begins when one comes", () =>
  MemoryRoom.with(WORKERS.slice(0, 1), (room) =>
    room.withClient(async (session, options) => {
      const [only] = room.workers;
      assert.ok(only !== undefined);
      await room.leave(only);
      const events: WatchEvent[] = [];
      const hear = (event: WatchEvent) => void events.push(event);
      const watch = new RoomWatch(session, room.backend, { ...options, hear });
      await until("that it waits", () => events.some(({ type }) => type === "waiting"));
      const { stale, total_count } = watch.list({});
      assert.deepEqual([stale, total_count, watch.worker], [true, 0, undefined]);
      await watch.close();
    })));

Deno.test("a client that speaks as a worker loses its link, and nothing else happens", () =>
  MemoryRoom.with(WORKERS.slice(0, 2), (room) =>
    room.withClient(async (session, options) => {
      const [w0] = room.workers;
      assert.ok(w0 !== undefined);
      const before = w0.view;
      const forbidden: LinkMessage[] = [
        { type: "leave", incarnation: 1 },
        { type: "state_broadcast", changes: [] },
        { type: "state_request", heads: [], held: {} },
        { type: "watch_refused", reason: "I am no worker" },
      ];
      for (const message of forbidden) {
        await withLink(room, before.self, session, options, async (link, lost) => {
          tellPeer(link.link, message);
          assert.match((await lost).message, new RegExp(`client may send, got ${message.type}`));
          await assert.rejects(link.discover({}), Failure);
        });
      }
      const { admin, epoch, heads, links } = w0.view;
      assert.deepEqual([admin, epoch, heads, links], [
        before.admin,
        before.epoch,
        before.heads,
        before.links,
      ]);
    })));
