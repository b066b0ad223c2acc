/**
 * What befalls processes: workers that come, leave, die, stand still, and a server that dies; and what
 * must come of it. Each is told by the time that the room took, in ms. Knows no network.
 */

import assert from "node:assert/strict";
import type { LabWorker } from "../../lab/lab.ts";
import type { MeshRoom } from "./mesh_room.ts";
import { Witness } from "./witness.ts";

/** What one round of a proof measured: milliseconds and counts. The first is the one to compare. */
export type Measured = Readonly<Record<string, number>>;

/** For the room to come to what is expected of it; ARCHITECTURE section 6 has the numbers to aim at. */
const SETTLE_MS = 60_000;
/** For a change to be seen over a link. */
const SEEN_MS = 20_000;
/** For which the admin stands still: about as long as silence is borne, and far longer. */
const [PAUSE_MS, FREEZE_MS] = [4_000, 60_000];

/** Forms a room of `count`: every worker is linked to every other, and all agree. */
export async function form(room: MeshRoom, count: number): Promise<Measured> {
  const formMs = await room.form(count, 60_000);
  await room.agreed({ admin: room.worker(0), living: room.workers }, SETTLE_MS);
  return { form_ms: formMs };
}

/** The admin leaves in order: the next leads at once, and nobody is declared dead. */
export async function leave(room: MeshRoom): Promise<Measured> {
  const [admin, next, others] = ranksOf(room);
  await using witness = await Witness.begin(room);
  const mark = room.mark(others);
  room.remove(admin, "SIGTERM");
  const electedMs = await followed(room, mark, next);
  assert.equal((await admin.program.exited(SEEN_MS)).code, 0);
  await room.agreed({ admin: next, living: others }, SETTLE_MS);
  await witness.end();
  room.assertSilent(mark, "peer_dead", "partitioned");
  witness.assertNeverMissed(others);
  witness.assertAlwaysAnswered();
  return { elected_ms: electedMs, blind_ms: witness.blindMs };
}

/** The admin is killed: the next leads, and nobody else is declared dead. */
export async function kill(room: MeshRoom): Promise<Measured> {
  const [admin, next, others] = ranksOf(room);
  await using witness = await Witness.begin(room);
  const mark = room.mark(others);
  room.remove(admin, "SIGKILL");
  const electedMs = await followed(room, mark, next);
  await room.agreed({ admin: next, living: others }, SETTLE_MS);
  await witness.end();
  assert.deepEqual([...new Set(room.declaredDead(mark))], [admin.peerId]);
  room.assertSilent(mark, "partitioned");
  witness.assertNeverMissed(others);
  witness.assertAlwaysAnswered();
  return { elected_ms: electedMs, blind_ms: witness.blindMs };
}

/** The admin stands still for 4 s, which is borne with: it leads on, and nobody is called dead by others. */
export async function pause(room: MeshRoom): Promise<Measured> {
  const [admin, , others] = ranksOf(room);
  await using witness = await Witness.begin(room);
  const mark = room.mark(others);
  const stoppedAt = performance.now();
  admin.program.signal("SIGSTOP");
  await room.elapsed(PAUSE_MS);
  admin.program.signal("SIGCONT");
  const wokeAt = performance.now();
  await room.agreed({ admin, living: room.workers }, SETTLE_MS);
  const agreedMs = performance.now() - wokeAt;
  await witness.end();
  const dead = room.declaredDead(mark);
  const pausedMs = Math.round(wokeAt - stoppedAt);
  assert.deepEqual(dead, [], `Declared dead by those who went on, after ${pausedMs} ms`);
  room.assertSilent(mark, "partitioned");
  // The one that comes back has lost its links, and may call others dead until it has them again.
  witness.assertNeverForgot(room.workers);
  return { agreed_ms: agreedMs, declared_dead: dead.length, blind_ms: witness.blindMs };
}

/**
 * The admin stands still for a minute: the next leads meanwhile. Back, the old one gives way before it
 * leads again, in the same room, and nobody is there twice.
 */
export async function freeze(room: MeshRoom): Promise<Measured> {
  const [admin, next, others] = ranksOf(room);
  const before = await epochOf(room);
  await using witness = await Witness.begin(room);
  const mark = room.mark(others);
  admin.program.signal("SIGSTOP");
  const stoppedAt = performance.now();
  const electedMs = await followed(room, mark, next);
  await room.agreed({ admin: next, living: others }, SETTLE_MS);
  const meanwhile = await epochOf(room);
  await room.elapsed(stoppedAt + FREEZE_MS - performance.now());
  // Not of the one that comes back: its links are gone, and until it has them again it may think so.
  const [back, calm] = [room.mark(), room.mark(others)];
  admin.program.signal("SIGCONT");
  const leadsAgainMs = await followed(room, back, admin);
  await room.agreed({ admin, living: room.workers }, SETTLE_MS);
  await witness.end();
  const answer = await room.discover();
  assert.ok(answer.ok);
  const names = answer.list.workers.map(({ peer_id }) => peer_id);
  assert.deepEqual(names, room.workers.map(({ peerId }) => peerId), "Once each, the best first");
  const epochs = [before, meanwhile, answer.list.epoch];
  assert.ok(before < meanwhile && meanwhile < answer.list.epoch, `Epochs ${epochs.join()}`);
  room.assertSilent(calm, "peer_dead", "partitioned");
  witness.assertNeverForgot(others);
  witness.assertAlwaysAnswered();
  return { elected_ms: electedMs, leads_again_ms: leadsAgainMs, blind_ms: witness.blindMs };
}

/**
 * The server is killed, and comes back: the mesh does not notice, a client that watches sees what
 * changes meanwhile, and every worker is at the server again by itself.
 */
export async function server(room: MeshRoom): Promise<Measured> {
  const [admin, , others] = ranksOf(room);
  const [last, staying] = [others.at(-1), room.workers.slice(0, -1)];
  assert.ok(last !== undefined);
  await using witness = await Witness.begin(room);
  const mark = room.mark(staying);
  await room.lab.killServer();
  const seen = witness.watch.lines.length;
  room.remove(last, "SIGTERM");
  const hasLeft = (line: Readonly<Record<string, unknown>>) =>
    line["event"] === "worker_left" && JSON.stringify(line["worker"]).includes(last.peerId);
  await witness.saw(hasLeft, `that ${last.name} has left`, SEEN_MS, seen);
  await room.logged(mark, "server_lost", SETTLE_MS);
  const downAt = Date.now();
  await room.lab.restartServer();
  const upAt = Date.now();
  await room.agreed({ admin, living: staying }, SETTLE_MS);
  const backMs = Date.now() - upAt;
  await room.assertDiscovered({ admin, living: staying });
  await witness.end();
  room.assertSilent(mark, "admin_elected", "partitioned", "peer_dead");
  const lost = room.count(mark, "link_closed");
  assert.ok(lost <= staying.length, `${lost} links were lost, and only one worker has left`);
  witness.assertNeverMissed(staying);
  return { back_ms: backMs, down_ms: upAt - downAt, blind_ms: witness.blindMs };
}

/** The admin, who comes after it, and all but the admin. */
function ranksOf(room: MeshRoom): readonly [LabWorker, LabWorker, readonly LabWorker[]] {
  return [room.worker(0), room.worker(1), room.workers.slice(1)];
}

/** Waits until all marked workers follow `admin`, and gives how long that took from the mark. */
async function followed(
  room: MeshRoom,
  mark: ReturnType<MeshRoom["mark"]>,
  admin: LabWorker,
): Promise<number> {
  return await room.logged(mark, "admin_elected", SETTLE_MS, { admin_peer_id: admin.peerId });
}

async function epochOf(room: MeshRoom): Promise<number> {
  const answer = await room.discover();
  assert.ok(answer.ok, answer.ok ? "" : answer.reason);
  return answer.list.epoch;
}
