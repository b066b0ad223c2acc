import assert from "node:assert/strict";
import { CLIENTS_MAX, WORKERS_MAX, WORKERS_WARNING } from "../../lib/base/limits.ts";
import type { FromServer } from "../../lib/protocol/signal_message.ts";
import { EPOCH_JUMP_MAX } from "../../signaling/room.ts";
import { closedBy, only, peerId, ROOM, RoomsWorld, sentTo } from "./rooms_world.ts";

const OFFER = { type: "offer", sdp: "v=0" };

Deno.test("rooms: a newcomer hears who is there, and the others hear of it", () => {
  const world = new RoomsWorld();
  const first = world.join("w1", { gpuMb: 24_000 });
  assert.deepEqual(first.effects[0], { kind: "keep_room", room_id: ROOM });
  const second = world.join("w2");
  const welcome = only("registered_auth", second.socket, second.effects);
  assert.deepEqual(welcome.peers.map(({ peer_id }) => peer_id), ["w1"]);
  assert.deepEqual(welcome.peer_list, ["w1"]);
  assert.deepEqual(welcome.peer_metadata["w1"]?.properties, { gpu_memory_mb: 24_000 });
  assert.equal(welcome.admin_peer_id, null);
  assert.equal(welcome.expires_at, 7_200);
  assert.equal(only("peer_joined", first.socket, second.effects).peer.peer_id, "w2");
  assert.equal(only("peer_left", first.socket, world.close(second.socket)).incarnation, 1);
});

Deno.test("rooms, defect h: clients hear of workers only, and no client is in the list of workers", () => {
  const world = new RoomsWorld();
  const worker = world.join("w1");
  const one = world.join("c1", { role: "client" });
  const other = world.join("c2", { role: "client" });
  assert.equal(only("peer_joined", worker.socket, other.effects).peer.role, "client");
  assert.deepEqual(sentTo(one.socket, other.effects), []);
  assert.deepEqual(
    only("registered_auth", other.socket, other.effects).peers.map((peer) => peer.peer_id),
    ["w1"],
  );
  const second = world.join("w2");
  const welcome = only("registered_auth", second.socket, second.effects);
  assert.deepEqual(welcome.peers.map((peer) => peer.peer_id), ["w1", "c1", "c2"]);
  assert.deepEqual(welcome.peer_list, ["w1"]);
  assert.deepEqual(Object.keys(welcome.peer_metadata), ["w1"]);
  assert.deepEqual(world.workerNames(), ["w1", "w2"]);
});

Deno.test("rooms, defect a: the newest socket of a peer wins, and the old one's end does nothing", () => {
  const world = new RoomsWorld();
  const watcher = world.join("w0");
  const old = world.join("w1", { incarnation: 5 });
  // Also where the newcomer states an earlier life: only the socket's age counts.
  const young = world.join("w1", { incarnation: 4 });
  assert.equal(only("error", old.socket, young.effects).code, "REPLACED");
  assert.deepEqual(closedBy(young.effects), [old.socket]);
  assert.equal(only("peer_left", watcher.socket, young.effects).incarnation, 5);
  assert.equal(only("peer_joined", watcher.socket, young.effects).peer.incarnation, 4);

  assert.deepEqual(world.close(old.socket), []);
  assert.deepEqual(world.say(old.socket, { type: "ping" }), []);
  assert.deepEqual(world.workerNames(), ["w0", "w1"]);
  assert.deepEqual(sentTo(young.socket, world.say(young.socket, { type: "ping" })), [
    { type: "pong" },
  ]);
});

Deno.test("rooms: an admin that comes back in the same life on a new socket has never left", () => {
  const world = new RoomsWorld();
  const watcher = world.join("w0");
  const old = world.join("w1");
  world.say(old.socket, { type: "claim_admin", epoch: 1 });
  const young = world.join("w1");
  assert.equal(only("registered_auth", young.socket, young.effects).admin_peer_id, "w1");
  assert.deepEqual(sentTo(watcher.socket, young.effects).map(({ type }) => type), [
    "peer_joined",
  ]);
  const reborn = world.join("w1", { incarnation: 2 });
  assert.deepEqual(sentTo(watcher.socket, reborn.effects).map(({ type }) => type), [
    "peer_left",
    "admin_changed",
    "peer_joined",
  ]);
  assert.equal(only("registered_auth", reborn.socket, reborn.effects).admin_peer_id, null);
});

Deno.test("rooms: claims are granted by compare-and-set on the epoch", () => {
  const world = new RoomsWorld();
  const w1 = world.join("w1");
  const w2 = world.join("w2");
  const client = world.join("c1", { role: "client" });
  const claim = (socket: number, epoch: number) => {
    const [answer] = sentTo(socket, world.say(socket, { type: "claim_admin", epoch }));
    assert(answer?.type === "admin_changed" || answer?.type === "error");
    const code = answer.type === "error" ? answer.code : "granted";
    return [code, answer.admin_peer_id, answer.epoch];
  };
  const table: [number, number, unknown[]][] = [
    [client.socket, 1, ["NOT_A_WORKER", undefined, undefined]],
    [w1.socket, 3, ["granted", "w1", 3]],
    [w1.socket, 3, ["granted", "w1", 3]],
    [w2.socket, 3, ["STALE_EPOCH", "w1", 3]],
    [w2.socket, 2, ["STALE_EPOCH", "w1", 3]],
    [w2.socket, 4, ["granted", "w2", 4]],
    [w1.socket, 3, ["STALE_EPOCH", "w2", 4]],
  ];
  for (const [socket, epoch, wanted] of table) assert.deepEqual(claim(socket, epoch), wanted);

  const told = world.say(w1.socket, { type: "claim_admin", epoch: 5 });
  for (const { socket } of [w1, w2, client]) {
    assert.equal(only("admin_changed", socket, told).admin_peer_id, "w1");
  }
});

Deno.test("rooms: an admin that goes leaves its epoch behind, and alone may have that one again", () => {
  const world = new RoomsWorld();
  const w1 = world.join("w1");
  const w2 = world.join("w2");
  world.say(w1.socket, { type: "claim_admin", epoch: 7 });
  const gone = world.close(w1.socket);
  assert.deepEqual(sentTo(w2.socket, gone).map(({ type }) => type), [
    "peer_left",
    "admin_changed",
  ]);
  assert.deepEqual(only("admin_changed", w2.socket, gone), {
    type: "admin_changed",
    admin_peer_id: null,
    epoch: 7,
  });
  const back = world.join("w1");
  assert.equal(only("registered_auth", back.socket, back.effects).admin_peer_id, null);
  const late = world.say(w2.socket, { type: "claim_admin", epoch: 7 });
  assert.equal(only("error", w2.socket, late).code, "STALE_EPOCH");
  const again = world.say(back.socket, { type: "claim_admin", epoch: 7 });
  assert.equal(only("admin_changed", back.socket, again).admin_peer_id, "w1");
});

Deno.test("rooms: one worker or client more than fits is refused with the reason", () => {
  const world = new RoomsWorld();
  const warnings: number[] = [];
  for (let count = 1; count <= WORKERS_MAX; count++) {
    const { effects } = world.join(`w${count}`);
    if (effects.some((effect) => effect.kind === "log" && effect.level === "warning")) {
      warnings.push(count);
    }
  }
  assert.deepEqual(warnings, [WORKERS_WARNING, 9, WORKERS_MAX]);
  const extra = world.join("w11");
  const refused = only("error", extra.socket, extra.effects);
  assert.equal(refused.code, "ROOM_FULL");
  assert.match(refused.message, /at most 10 workers/);
  assert.deepEqual(closedBy(extra.effects), [extra.socket]);
  assert.deepEqual(world.close(extra.socket), []);
  // Whoever is in may come back on a new socket also when the room is full, and is no news.
  const { effects: back } = world.join("w3");
  only("registered_auth", 12, back);
  assert.ok(!back.some((effect) => effect.kind === "log" && effect.level === "warning"));

  const clients = Array.from(
    { length: CLIENTS_MAX + 1 },
    (_, at) => world.join(`c${at}`, { role: "client" }),
  );
  const last = clients.at(-1);
  assert(last !== undefined);
  assert.equal(only("error", last.socket, last.effects).code, "ROOM_FULL");
  const counts = world.rooms.counts();
  assert.deepEqual([counts.workers, counts.clients], [WORKERS_MAX, CLIENTS_MAX]);
});

Deno.test("rooms, defect c: the sender of whatever is relayed is whoever sits on the socket", () => {
  const world = new RoomsWorld();
  const w1 = world.join("w1");
  const w2 = world.join("w2");
  const claimed = { from_peer_id: "w9", peer_id: "w9", sender: "w9" };
  const to = { target_peer_id: "w2", link_id: "l1" };
  const candidate = { candidate: "host", sdpMid: "0", sdpMLineIndex: 0 };
  const relayed: [Record<string, unknown>, FromServer["type"]][] = [
    [{ type: "mesh_connect", ...to, offer: OFFER }, "mesh_offer"],
    [{ type: "mesh_answer", ...to, answer: { type: "answer", sdp: "v=0" } }, "mesh_answer"],
    [{ type: "ice_candidate", ...to, candidate }, "ice_candidate"],
    [{ type: "peer_message", to_peer_id: "w2", payload: { a: [1] } }, "peer_message"],
  ];
  for (const [message, type] of relayed) {
    const effects = world.say(w1.socket, { ...message, ...claimed });
    const [arrived, ...more] = sentTo(w2.socket, effects);
    assert.equal(arrived?.type, type);
    assert(arrived !== undefined && "from_peer_id" in arrived);
    assert.equal(arrived.from_peer_id, "w1");
    assert.deepEqual(more, []);
  }
  world.say(w1.socket, { type: "update_metadata", ...claimed, metadata: { tags: ["mine"] } });
  const mine = world.rooms.workerList(ROOM, { tags: ["mine"] }, 0).workers;
  assert.deepEqual(mine.map(({ peer_id }) => peer_id), ["w1"]);
});

Deno.test("rooms, defect g: what cannot be delivered comes back to the one who sent it", () => {
  const world = new RoomsWorld();
  const w1 = world.join("w1");
  const to = { target_peer_id: "w9", link_id: "l1" };
  const candidate = { candidate: "host", sdpMid: "0" };
  const table: [Record<string, unknown>, Record<string, unknown>][] = [
    [{ type: "mesh_connect", ...to, offer: OFFER }, to],
    [{ type: "mesh_answer", ...to, answer: { type: "answer", sdp: "v=0" } }, to],
    [{ type: "ice_candidate", ...to, candidate }, to],
    [{ type: "peer_message", to_peer_id: "w9", payload: {} }, { target_peer_id: "w9" }],
  ];
  for (const [message, about] of table) {
    const error = only("error", w1.socket, world.say(w1.socket, message));
    assert.equal(error.code, "PEER_NOT_FOUND");
    const { target_peer_id, link_id } = error;
    assert.deepEqual({ target_peer_id, ...(link_id ? { link_id } : {}) }, about);
  }
});

Deno.test("rooms, defect d: an update keeps the metadata that it does not name", () => {
  const world = new RoomsWorld();
  const { socket } = world.join("w1", { gpuMb: 8_000, tags: ["sleap-rtc"] });
  const status = world.say(socket, {
    type: "update_metadata",
    request_id: "r1",
    metadata: { properties: { status: "busy" } },
  });
  assert.deepEqual(only("metadata_updated", socket, status), {
    type: "metadata_updated",
    request_id: "r1",
    peer_id: "w1",
    metadata: { tags: ["sleap-rtc"], properties: { gpu_memory_mb: 8_000, status: "busy" } },
  });
  const tags = world.say(socket, { type: "update_metadata", metadata: { tags: ["other"] } });
  assert.deepEqual(only("metadata_updated", socket, tags).metadata, {
    tags: ["other"],
    properties: { gpu_memory_mb: 8_000, status: "busy" },
  });
  const [view] = world.rooms.workerList(ROOM, { status: "busy" }, 0).workers;
  assert.equal(view?.status, "busy");
});

Deno.test("rooms: metadata that grow beyond the limit are refused and change nothing", () => {
  const world = new RoomsWorld();
  const { socket } = world.join("w1", { tags: ["kept"] });
  const client = world.join("c1", { role: "client" });
  const grow = (at: number, to: number) => {
    const notes = { [`note_${at}`]: Array.from({ length: 9 }, () => "x".repeat(500)) };
    return world.say(to, { type: "update_metadata", metadata: { properties: notes } });
  };
  only("metadata_updated", socket, grow(1, socket));
  assert.equal(only("error", socket, grow(2, socket)).code, "INVALID_MESSAGE");
  assert.equal(only("error", client.socket, grow(1, client.socket)).code, "INVALID_MESSAGE");
  const [view] = world.rooms.workerList(ROOM, {}, 0).workers;
  assert.deepEqual(Object.keys(view?.metadata.properties ?? {}), ["note_1"]);
});

Deno.test("rooms: a query goes to the admin and its answer to the asker", () => {
  const world = new RoomsWorld();
  const admin = world.join("w1");
  const other = world.join("w2");
  const client = world.join("c1", { role: "client" });
  const ask = { type: "query_workers", request_id: "r1", filters: { min_gpu_memory_mb: 1 } };
  const nobody = only("error", client.socket, world.say(client.socket, ask));
  assert.deepEqual([nobody.code, nobody.request_id], ["NO_ADMIN", "r1"]);

  world.say(admin.socket, { type: "claim_admin", epoch: 1 });
  const asked = only("query_workers", admin.socket, world.say(client.socket, ask));
  assert.deepEqual([asked.from_peer_id, asked.request_id], ["c1", "r1"]);
  const list = {
    workers: [],
    total_count: 0,
    admin_peer_id: "w1",
    epoch: 1,
    stale: false,
    stale_ms: 0,
  };
  const answer = { type: "worker_list", request_id: "r1", to_peer_id: "c1", list };
  const arrived = only("worker_list", client.socket, world.say(admin.socket, answer));
  assert.deepEqual([arrived.from_peer_id, arrived.list], ["w1", list]);

  const forged = world.say(other.socket, answer);
  assert.deepEqual(sentTo(client.socket, forged), []);
  assert.equal(only("error", other.socket, forged).code, "NOT_THE_ADMIN");
  const late = world.say(admin.socket, { ...answer, to_peer_id: "c9" });
  assert.equal(only("error", admin.socket, late).request_id, "r1");
});

Deno.test("rooms: discover_peers answers from the server's own copy", () => {
  const world = new RoomsWorld();
  const w1 = world.join("w1", { gpuMb: 8_000 });
  world.join("w2", { gpuMb: 24_000, properties: { status: "busy" } });
  const client = world.join("c1", { role: "client" });
  const found = (socket: number, filters: Record<string, unknown>) => {
    const asked = { type: "discover_peers", request_id: "r1", filters };
    const list = only("peer_list", socket, world.say(socket, asked));
    assert.deepEqual([list.request_id, list.count], ["r1", list.peers.length]);
    return list.peers.map((peer) => peer.peer_id);
  };
  assert.deepEqual(found(client.socket, {}), ["w1", "w2"]);
  assert.deepEqual(found(client.socket, { status: "available" }), ["w1"]);
  assert.deepEqual(found(client.socket, { role: "client" }), []);
  assert.deepEqual(found(w1.socket, { role: "peer" }), ["w2", "c1"]);
  assert.deepEqual(found(w1.socket, { min_gpu_memory_mb: 9_000 }), ["w2"]);
});

Deno.test("rooms: the server's list of workers is best first and knows how old its news are", () => {
  const world = new RoomsWorld();
  world.join("w2", { gpuMb: 8_000 });
  world.join("w1", { gpuMb: 8_000 });
  const big = world.join("w3", { gpuMb: 24_000 });
  world.join("w4", { gpuMb: 80_000, properties: { status: "left" } });
  world.say(big.socket, { type: "claim_admin", epoch: 2 });
  world.now = 3_000;
  const list = world.rooms.workerList(ROOM, {}, world.now);
  assert.deepEqual(list.workers.map(({ peer_id }) => peer_id), ["w3", "w1", "w2"]);
  assert.deepEqual([list.total_count, list.admin_peer_id, list.epoch], [3, "w3", 2]);
  assert.deepEqual(list.workers.map(({ last_heard_ms }) => last_heard_ms), [3_000, 3_000, 3_000]);
});

Deno.test("rooms: the server's list is stale while the workers have no admin there, and says since when", () => {
  const world = new RoomsWorld();
  const staleness = () => {
    const { stale, stale_ms } = world.rooms.workerList(ROOM, {}, world.now);
    return [stale, stale_ms];
  };
  assert.deepEqual(staleness(), [false, 0], "nobody is there whom it could not know");
  const admin = world.join("w1");
  world.join("w2");
  world.now = 500;
  assert.deepEqual(staleness(), [true, 500]);
  world.say(admin.socket, { type: "claim_admin", epoch: 1 });
  assert.deepEqual(staleness(), [false, 0]);
  world.close(admin.socket);
  world.now = 2_500;
  assert.deepEqual(staleness(), [true, 2_000], "the admin is gone, or cut off");

  const plain = new RoomsWorld();
  plain.keepsRegistry = false;
  plain.join("w1");
  const { stale } = plain.rooms.workerList(ROOM, {}, 9_000);
  assert.equal(stale, false, "a room without a registry has no admin that could know better");
});

Deno.test("rooms: everybody is pinged, and whoever stays silent is gone", () => {
  const world = new RoomsWorld();
  const silent = world.join("w1");
  const healthy = world.join("w2");
  assert.deepEqual(world.pass(14_000), []);
  for (const passed of [1_000, 15_000]) {
    const pings = world.pass(passed);
    assert.deepEqual(pings.map((effect) => effect.kind === "send" && effect.message.type), [
      "ping",
      "ping",
    ]);
    assert.deepEqual(world.say(healthy.socket, { type: "pong" }), []);
  }
  const last = world.pass(15_000);
  assert.deepEqual(closedBy(last), [silent.socket]);
  assert.equal(only("peer_left", healthy.socket, last).peer_id, "w1");
  assert.deepEqual(world.close(silent.socket), []);
});

Deno.test("rooms: a room that is removed tells everybody and is empty", () => {
  const world = new RoomsWorld();
  const w1 = world.join("w1");
  const c1 = world.join("c1", { role: "client" });
  const effects = world.step({ kind: "room_removed", room_id: ROOM, reason: "Deleted" });
  for (const { socket } of [w1, c1]) {
    assert.deepEqual(sentTo(socket, effects), [{ type: "room_closed", reason: "Deleted" }]);
  }
  assert.deepEqual(closedBy(effects), [w1.socket, c1.socket]);
  assert.deepEqual(effects.filter(({ kind }) => kind === "keep_room").length, 1);
  const { rooms, workers, clients } = world.rooms.counts();
  assert.deepEqual([rooms, workers, clients], [0, 0, 0]);
});

Deno.test("rooms: one peer can be removed, and the last to leave empties the room", () => {
  const world = new RoomsWorld();
  const w1 = world.join("w1");
  const w2 = world.join("w2");
  const remove = { kind: "peer_removed", room_id: ROOM, reason: "Removed" } as const;
  assert.deepEqual(world.step({ ...remove, peer_id: peerId("w9") }), []);
  const removed = world.step({ ...remove, peer_id: peerId("w2") });
  only("room_closed", w2.socket, removed);
  only("peer_left", w1.socket, removed);
  const last = world.close(w1.socket);
  assert.deepEqual(last.at(-1), { kind: "keep_room", room_id: ROOM });
  // The next one finds a room without a past.
  const next = world.join("w3");
  assert.equal(only("registered_auth", next.socket, next.effects).epoch, 0);
});

Deno.test("rooms: a claim reaches only so far above the epoch, so nobody can use the numbers up", () => {
  const world = new RoomsWorld();
  const honest = world.join("w1");
  const hostile = world.join("w2");
  const claim = (socket: number, epoch: number) => {
    const [answer] = sentTo(
      socket,
      world.say(socket, { type: "claim_admin", request_id: "r1", epoch }),
    );
    return answer?.type === "error" ? [answer.code, answer.request_id] : answer?.type;
  };
  assert.deepEqual(claim(hostile.socket, Number.MAX_SAFE_INTEGER), ["EPOCH_TOO_FAR", "r1"]);
  assert.deepEqual(claim(hostile.socket, EPOCH_JUMP_MAX + 1), ["EPOCH_TOO_FAR", "r1"]);
  assert.equal(claim(hostile.socket, EPOCH_JUMP_MAX), "admin_changed");
  assert.equal(claim(honest.socket, EPOCH_JUMP_MAX + 1), "admin_changed");
  assert.deepEqual(claim(hostile.socket, EPOCH_JUMP_MAX + 1), ["STALE_EPOCH", "r1"]);
});

Deno.test("rooms: an election is logged and counted with the time that the place was empty", () => {
  const world = new RoomsWorld();
  world.join("c1", { role: "client" });
  world.now = 5_000;
  const w1 = world.join("w1");
  const w2 = world.join("w2");
  const electionOf = (socket: number, epoch: number) =>
    world.say(socket, { type: "claim_admin", epoch }).flatMap((effect) =>
      effect.kind === "log" && effect.message === "Admin elected" ? [effect.fields] : []
    );
  world.now = 5_040;
  const fields = { room_id: ROOM, admin_peer_id: "w1", epoch: 1, num_workers: 2 };
  assert.deepEqual(electionOf(w1.socket, 1), [{ ...fields, election_time_ms: 40 }]);
  // Said again, it is no election.
  assert.deepEqual(electionOf(w1.socket, 1), []);
  world.now = 9_000;
  world.close(w1.socket);
  world.now = 9_250;
  const next = { ...fields, admin_peer_id: "w2", epoch: 2, num_workers: 1 };
  assert.deepEqual(electionOf(w2.socket, 2), [{ ...next, election_time_ms: 250 }]);
});

Deno.test("rooms: a room without workers warns ten minutes ahead, ends in time, and only then", () => {
  const world = new RoomsWorld();
  const minute = 60_000;
  const client = world.join("c1", { role: "client" });
  const date = (restMinutes: number, expires_at: number) =>
    world.step({ kind: "dated", room_id: ROOM, expires_at, restMs: restMinutes * minute });
  const later = (minutes: number) => {
    world.now = minutes * minute;
    world.say(client.socket, { type: "pong" });
    return world.pass(0);
  };
  const types = (minutes: number) => sentTo(client.socket, later(minutes)).map(({ type }) => type);
  date(30, 1_800);
  assert.deepEqual(types(19), ["ping"]);
  const warning = only("room_expiring", client.socket, later(20));
  assert.equal(warning.expires_at, 1_800);
  assert.deepEqual(types(21), ["ping"], "a warning comes once");
  // Somebody extends the room: the next warning belongs to the new end.
  date(20, 2_460);
  assert.deepEqual(types(30), ["ping"]);
  assert.deepEqual(types(31), ["ping", "room_expiring"]);
  // A worker keeps it, however late it is.
  const worker = world.join("w1");
  world.now = 60 * minute;
  world.say(client.socket, { type: "pong" });
  world.say(worker.socket, { type: "pong" });
  assert.deepEqual(closedBy(world.pass(0)), []);
  const left = world.close(worker.socket);
  assert(left.some(({ kind }) => kind === "keep_room"), "the expiry counts from now");
  date(120, 10_800);
  assert.deepEqual(types(169), ["ping"]);
  const end = later(181);
  assert.equal(only("room_closed", client.socket, end).reason, "The room has expired");
  assert.deepEqual(closedBy(end), [client.socket]);
  assert.equal(world.rooms.counts().rooms, 0);
});

Deno.test("rooms: the original's offers, answers and candidates pass, signed by the socket", () => {
  const world = new RoomsWorld();
  const one = world.join("w1");
  const other = world.join("c1", { role: "client" });
  const candidate = { candidate: "host", sdpMid: "0", sdpMLineIndex: 0 };
  for (
    const said of [
      { type: "offer", sdp: "v=0", role: "client" },
      { type: "answer", sdp: "v=0" },
      { type: "candidate", candidate },
    ]
  ) {
    const effects = world.say(other.socket, { ...said, sender: "w9", target: "w1" });
    const [relayed] = effects.filter(({ kind }) => kind === "send_legacy");
    const message = { ...said, sender: "c1", target: "w1" };
    assert.deepEqual(relayed, { kind: "send_legacy", socket: one.socket, message });
    // What the original lets vanish comes back (defect g).
    const lost = world.say(other.socket, { ...said, request_id: "r7", target: "w9" });
    const refused = only("error", other.socket, lost);
    assert.deepEqual([refused.code, refused.request_id, refused.target_peer_id], [
      "PEER_NOT_FOUND",
      "r7",
      "w9",
    ]);
  }
});

Deno.test("rooms: every refusal of a request repeats its id", () => {
  const world = new RoomsWorld();
  const { socket } = world.join("c1", { role: "client" });
  const to = { target_peer_id: "w9", link_id: "l1" };
  const list = { workers: [], total_count: 0, admin_peer_id: null, epoch: 0, stale: false };
  const refused: Record<string, unknown>[] = [
    { type: "peer_message", to_peer_id: "w9", payload: {} },
    { type: "mesh_connect", ...to, offer: OFFER },
    { type: "mesh_answer", ...to, answer: { type: "answer", sdp: "v=0" } },
    { type: "ice_candidate", ...to, candidate: { candidate: "c", sdpMid: "0" } },
    { type: "offer", target: "w9", sdp: "v=0" },
    { type: "claim_admin", epoch: 1 },
    { type: "mesh_report", dials_failed: 1 },
    { type: "query_workers" },
    { type: "worker_list", to_peer_id: "w9", list: { ...list, stale_ms: 0 } },
    {
      type: "update_metadata",
      metadata: { properties: { big: Array.from({ length: 9 }, () => "x".repeat(500)) } },
    },
  ];
  for (const [index, message] of refused.entries()) {
    const request_id = `r${index}`;
    const error = only("error", socket, world.say(socket, { ...message, request_id }));
    assert.equal(error.request_id, request_id, String(message["type"]));
  }
});

Deno.test("rooms: where the registry is off nobody becomes admin, and the server says so", () => {
  const world = new RoomsWorld();
  world.keepsRegistry = false;
  const worker = world.join("w1");
  assert.equal(only("registered_auth", worker.socket, worker.effects).registry, false);
  const claim = world.say(worker.socket, { type: "claim_admin", epoch: 1 });
  assert.equal(only("error", worker.socket, claim).code, "REGISTRY_OFF");
  const client = world.join("c1", { role: "client" });
  const asked = world.say(client.socket, { type: "query_workers", request_id: "r1" });
  // The code on which clients ask the server itself.
  assert.equal(only("error", client.socket, asked).code, "NO_ADMIN");
  assert.deepEqual(world.workerNames(), ["w1"]);
  const offered = world.say(client.socket, {
    type: "mesh_connect",
    target_peer_id: "w1",
    link_id: "l1",
    offer: OFFER,
  });
  only("mesh_offer", worker.socket, offered);
});

Deno.test("rooms: a query's answer is counted with the time it took, once", () => {
  const world = new RoomsWorld();
  const admin = world.join("w1");
  const client = world.join("c1", { role: "client" });
  world.say(admin.socket, { type: "claim_admin", epoch: 1 });
  world.say(client.socket, { type: "query_workers", request_id: "r1" });
  world.now = 7;
  const list = { workers: [], total_count: 0, admin_peer_id: "w1", epoch: 1, stale: false };
  const answer = { type: "worker_list", request_id: "r1", to_peer_id: "c1" };
  const counted = () =>
    world.say(admin.socket, { ...answer, list: { ...list, stale_ms: 0 } }).flatMap((effect) =>
      effect.kind === "count" && effect.fact.kind === "discovered" ? [effect.fact.tookMs] : []
    );
  assert.deepEqual([counted(), counted()], [[7], []]);
});
