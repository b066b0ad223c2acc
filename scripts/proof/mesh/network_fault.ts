/**
 * What befalls the network between workers: loss, delay, cuts one way and through the middle; and what
 * must come of it. Each is told by the time that the room took, in ms. Knows no process.
 */

import assert from "node:assert/strict";
import { join } from "node:path";
import { writeSamplePackage } from "../../../lib/runtime/training_package.ts";
import type { LabWorker } from "../../lab/lab.ts";
import type { Fault, Netlab } from "../../lab/netlab.ts";
import { SERVER_PLACE } from "../../lab/site.ts";
import type { MeshRoom } from "./mesh_room.ts";
import type { Measured } from "./process_fault.ts";

/** For a mesh to form, and for a room to come to rest, where a third of all attempts may fail. */
const SETTLE_MS = 120_000;
/** For which faults last once they have shown: longer than the dead count in a majority (10 s). */
export const HOLD_MS = 15_000;
/** For the server to drop a socket that is silent (45 s), and for an election after that. */
const DROPPED_MS = 90_000;
const TRAIN_MS = 120_000;

/** Who is cut off from whom. The room's admin is its best worker. */
export interface Split {
  /** The workers on each side, by rank from 0. */
  readonly sides: readonly [one: readonly number[], other: readonly number[]];
  /** On which side the server is; undefined for neither. */
  readonly server: 0 | 1 | undefined;
  /** Which side leads meanwhile; undefined for neither. */
  readonly leads: 0 | 1 | undefined;
  /** For how long it lasts once it has shown, in ms. */
  readonly holdMs: number;
}

/** Forms a room of all that the netlab has place for, while `fault` befalls every frame, and sees who is found dead for it. */
export async function formUnder(
  fault: Fault,
  room: MeshRoom,
  net: Netlab,
): Promise<Measured> {
  await net.everywhere(fault);
  const formMs = await room.form(net.workers, SETTLE_MS);
  const mark = room.mark();
  await room.agreed({ admin: room.worker(0), living: room.workers }, SETTLE_MS);
  await room.elapsed(HOLD_MS);
  room.assertSilent(mark, "peer_dead", "admin_elected");
  return { form_ms: formMs, links_lost: room.count(mark, "link_closed") };
}

/**
 * What one of two workers says no longer reaches the other: their link counts as down on both sides,
 * everybody else notices nothing, and nobody is found dead. Healed, they link again.
 */
export async function cutOneWay(
  [from, to]: readonly [number, number],
  room: MeshRoom,
  net: Netlab,
): Promise<Measured> {
  await room.form(net.workers, SETTLE_MS);
  const expected = { admin: room.worker(0), living: room.workers };
  await room.agreed(expected, SETTLE_MS);
  const pair = [room.worker(from), room.worker(to)];
  const mark = room.mark();
  const pairMark = room.mark(pair);
  await net.cut(`w${from + 1}`, `w${to + 1}`);
  const downMs = await room.logged(pairMark, "link_closed", SETTLE_MS);
  await room.elapsed(HOLD_MS);
  await room.agreed(expected, SETTLE_MS);
  const healed = room.mark(pair);
  await net.heal();
  const wholeMs = await room.logged(healed, "mesh_complete", SETTLE_MS, { workers: net.workers });
  await room.agreed(expected, SETTLE_MS);
  room.assertSilent(mark, "peer_dead", "partitioned", "admin_elected");
  return { down_ms: downMs, whole_ms: wholeMs };
}

/**
 * The room is cut in two: one side leads at most, the other says that it is stale. Healed, there is one
 * admin, and every worker has every entry.
 */
export async function split(
  { sides, server, leads, holdMs }: Split,
  room: MeshRoom,
  net: Netlab,
): Promise<Measured> {
  await room.form(net.workers, SETTLE_MS);
  const whole = { admin: room.worker(0), living: room.workers };
  await room.agreed(whole, SETTLE_MS);
  const [one, other] = [workersOf(room, sides[0]), workersOf(room, sides[1])];
  const cutOff = [one, other].filter((_, side) => side !== leads);
  const leading = leads === undefined ? [] : [one, other][leads] ?? [];
  // A client on a side that will be cut off: it sees the room by a worker of that side.
  const watched = cutOff[0]?.at(-1);
  assert.ok(watched !== undefined);
  const args = ["discover", "--watch", "--json", "--from", watched.peerId];
  const watch = room.lab.start(args, {}, watched.name);
  await watch.line(({ event }) => event === "watching", "that it watches", SETTLE_MS);

  const mark = room.mark();
  const marks = cutOff.map((workers) => room.mark(workers));
  const leadingMark = room.mark(leading);
  await net.split([
    [...one.map(({ name }) => name), ...(server === 0 ? [SERVER_PLACE] : [])],
    [...other.map(({ name }) => name), ...(server === 1 ? [SERVER_PLACE] : [])],
  ]);
  const partitioned = marks.map((cut) => room.logged(cut, "partitioned", DROPPED_MS));
  const partitionedMs = Math.max(...await Promise.all(partitioned));
  await watch.line(
    ({ event, stale }) => event === "staleness_changed" && stale === true,
    "that the room is stale",
    SETTLE_MS,
  );
  const [next] = leading;
  const keepsAdmin = next === undefined || next === room.worker(0);
  const electedMs = keepsAdmin
    ? 0
    : await room.logged(leadingMark, "admin_elected", DROPPED_MS, { admin_peer_id: next.peerId });
  await room.elapsed(holdMs);
  for (const cut of marks) room.assertSilent(cut, "admin_elected", "healed");
  await discoverOnSides(room, { one, other, server, leads });

  const healed = room.mark();
  const healedCut = room.mark(cutOff.flat());
  await net.heal();
  const healedMs = await room.logged(healedCut, "healed", SETTLE_MS);
  await room.agreed(whole, SETTLE_MS);
  // The last worker that has every link again says so once more; those that lost none say nothing.
  const wholeMs = await room.logged(healedCut, "mesh_complete", SETTLE_MS, {
    workers: net.workers,
  });
  const names = new Set(room.workers.map(({ peerId }) => peerId));
  const answer = await room.discover();
  assert.ok(answer.ok);
  assert.deepEqual(new Set(answer.list.workers.map(({ peer_id }) => peer_id)), names);
  watch.signal("SIGINT");
  await watch.exited(10_000);
  return {
    partitioned_ms: partitionedMs,
    elected_ms: electedMs,
    healed_ms: healedMs,
    whole_ms: wholeMs,
    elections: room.count(mark, "admin_elected"),
    elections_after: room.count(healed, "admin_elected"),
  };
}

/** Trains one demo job from the server's place while `fault` befalls every frame. */
export async function trainUnder(
  fault: Fault,
  room: MeshRoom,
  net: Netlab,
): Promise<Measured> {
  await net.everywhere(fault);
  await room.form(net.workers, SETTLE_MS);
  const file = join(room.lab.folder, "animal.pkg.slp");
  await writeSamplePackage(file, { frames: 4, seed: 1, width: 32, height: 32 });
  const results = join(room.lab.folder, "results");
  const startedAt = performance.now();
  const job = room.lab.start(["train", file, "--json", "--output", results, "--runner", "demo"]);
  const { code } = await job.exited(TRAIN_MS);
  assert.equal(code, 0, `${job.text.stdout}\n${job.text.stderr}`);
  const trainMs = performance.now() - startedAt;
  const files = [...Deno.readDirSync(results)].map(({ name }) => name);
  assert.ok(files.length > 0, "The job brought no results");
  return { train_ms: trainMs, files: files.length };
}

/** Where there is a server, a person asks by `discover` on both sides of the cut. */
async function discoverOnSides(
  room: MeshRoom,
  { one, other, server, leads }: {
    readonly one: readonly LabWorker[];
    readonly other: readonly LabWorker[];
    readonly server: 0 | 1 | undefined;
    readonly leads: 0 | 1 | undefined;
  },
): Promise<void> {
  if (server === undefined) return;
  const living = server === 0 ? one : other;
  const [admin] = living;
  assert.ok(admin !== undefined);
  if (server === leads) {
    await room.agreed({ admin, living }, SETTLE_MS);
    await room.assertDiscovered({ admin, living });
    return;
  }
  for (const { name, peerId } of living) {
    const answer = await room.discover(SERVER_PLACE, peerId);
    assert.ok(answer.ok, answer.ok ? "" : answer.reason);
    assert.ok(
      answer.list.stale && answer.list.stale_ms > 0,
      `${name} does not say that it is stale`,
    );
    assert.equal(answer.list.total_count, one.length + other.length, "An entry is lost");
  }
}

function workersOf(room: MeshRoom, ranks: readonly number[]): readonly LabWorker[] {
  return ranks.map((rank) => room.worker(rank));
}
