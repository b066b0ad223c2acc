import assert from "node:assert/strict";
import { SILENT_LOG } from "../../lib/base/log.ts";
import { workerListSchema } from "../../lib/protocol/query.ts";
import { keepsRegistry } from "../../signaling/rollout.ts";
import { startSignaling } from "../../signaling/server.ts";
import { createRoom, enter, eventually, LabSocket, PeerKey, registration } from "./lab_peer.ts";

async function withFolder(body: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await body(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const LOOPBACK = { hostname: "127.0.0.1", port: 0, store: "sqlite" } as const;

Deno.test("server, defect n: rooms and tokens outlive a restart, and peers come back", () =>
  withFolder(async (folder) => {
    const dataFolder = `${folder}/made/at/start`;
    const first = await startSignaling({ ...LOOPBACK, dataFolder }, SILENT_LOG);
    const room = await createRoom(first.url);
    const key = new PeerKey("w");
    const { socket } = await enter(first.url, key, room);
    await first.stop();
    assert.equal((await socket.next("server_draining")).retry_after_ms, 1_000);
    assert.equal(await socket.ended(), 1001);

    const second = await startSignaling({ ...LOOPBACK, dataFolder }, SILENT_LOG);
    const back = await enter(second.url, key, room);
    // The mesh's epoch is above that of a server that has just begun, so its admin is granted.
    back.socket.say({ type: "claim_admin", epoch: 9 });
    assert.equal((await back.socket.next("admin_changed")).admin_peer_id, key.peerId);
    await second.stop();
    await back.socket.ended();
  }));

Deno.test("server: of a share of its rooms only those keep a registry that the share says", () =>
  withFolder(async (dataFolder) => {
    const rollout = { isEnabled: true, percent: 50 };
    const server = await startSignaling({ ...LOOPBACK, dataFolder, rollout }, SILENT_LOG);
    const told = new Set<boolean>();
    // Of twenty rooms, all on one side: twice in a million runs.
    for (let count = 0; count < 20 && told.size < 2; count++) {
      const room = await createRoom(server.url);
      const { socket, welcome } = await enter(server.url, new PeerKey("w"), room);
      assert.equal(welcome.registry, keepsRegistry(room.room_id, rollout));
      told.add(welcome.registry);
      socket.say({ type: "claim_admin", epoch: 1 });
      if (welcome.registry) await socket.next("admin_changed");
      else assert.equal((await socket.next("error")).code, "REGISTRY_OFF");
      await socket.close();
    }
    assert.equal(told.size, 2);
    await server.stop();
  }));

Deno.test("server: HTTP lists the workers that are there, and a deleted room ends for all", () =>
  withFolder(async (dataFolder) => {
    const server = await startSignaling({ ...LOOPBACK, dataFolder }, SILENT_LOG);
    const room = await createRoom(server.url);
    const key = new PeerKey("w");
    const { socket } = await enter(server.url, key, room, { gpuMb: 24_000 });
    const ask = (path: string, body: unknown) =>
      fetch(`${server.url}${path}`, { method: "POST", body: JSON.stringify(body) });
    const listed = await ask("/discover-workers", { ...room, filters: { status: "available" } });
    const list = workerListSchema.parse(await listed.json());
    assert.deepEqual(list.workers.map(({ peer_id }) => peer_id), [key.peerId]);

    const removed = await ask("/delete-peer", { ...room, peer_id: key.peerId });
    await removed.body?.cancel();
    await socket.next("room_closed");
    assert.equal(await socket.ended(), 4002);
    const again = await enter(server.url, key, room);
    await (await ask("/delete-peers-and-room", room)).body?.cancel();
    assert.equal((await again.socket.next("room_closed")).reason, "The room was deleted");
    assert.equal(await again.socket.ended(), 4002);

    const refused = new LabSocket(server.url);
    refused.say(registration(key, room, (await refused.next("challenge")).nonce));
    assert.equal((await refused.next("error")).code, "ROOM_REFUSED");
    await refused.ended();
    await server.stop();
  }));

Deno.test("server: a room that is in use does not expire, and then counts from the last peer's leaving", () =>
  withFolder(async (dataFolder) => {
    const server = await startSignaling({ ...LOOPBACK, dataFolder }, SILENT_LOG);
    const room = await createRoom(server.url, { ttl_seconds: 60 });
    const key = new PeerKey("w");
    const { socket, welcome } = await enter(server.url, key, room);
    await socket.close();
    const later = await eventually("the expiry moved", async () => {
      const next = await enter(server.url, key, room);
      await next.socket.close();
      return (next.welcome.expires_at ?? 0) > (welcome.expires_at ?? 0)
        ? next.welcome.expires_at
        : undefined;
    });
    const ahead = (later ?? 0) - Math.floor(Date.now() / 1_000);
    assert(ahead > 7_100 && ahead <= 7_200, `two hours ahead, got ${ahead} s`);
    await server.stop();
  }));

Deno.test("server: workers keep their room by the hour, and a client alone is warned ahead of its end", () =>
  withFolder(async (dataFolder) => {
    // An hour of a tenth of a second; the room's end is told in whole seconds.
    const limits = { keepMs: 100, roomTtlSeconds: 300, tickMs: 20 };
    const server = await startSignaling({ ...LOOPBACK, dataFolder, limits }, SILENT_LOG);
    const room = await createRoom(server.url);
    const client = new PeerKey("c");
    const endOf = async () => {
      const { socket, welcome } = await enter(server.url, client, room, { role: "client" });
      await socket.close();
      return welcome.expires_at ?? 0;
    };
    const { socket } = await enter(server.url, new PeerKey("w"), room);
    const first = await endOf();
    await eventually("the end put off", async () => await endOf() > first + 1 ? true : undefined);
    await socket.close();
    const alone = await enter(server.url, client, room, { role: "client" });
    const { expires_at } = await alone.socket.next("room_expiring");
    assert(expires_at > first, "as it was put off last");
    await alone.socket.close();
    await server.stop();
  }));

Deno.test("server: rooms that nobody came back to are swept, without anybody asking", () =>
  withFolder(async (dataFolder) => {
    const limits = { keepMs: 100, roomTtlSeconds: 1, sweepMs: 50, sweepGraceSeconds: 1 };
    const server = await startSignaling({ ...LOOPBACK, dataFolder, limits }, SILENT_LOG);
    for (let orphan = 0; orphan < 3; orphan++) await createRoom(server.url);
    await eventually("three rooms swept", async () => {
      const metrics = await (await fetch(`${server.url}/metrics`)).text();
      return metrics.includes("\nsleap_rtc_rooms_expired_total 3\n") ? true : undefined;
    });
    await server.stop();
  }));

Deno.test("server: a port that is taken and limits that contradict are errors, and nothing stays open", () =>
  withFolder(async (dataFolder) => {
    const server = await startSignaling({ ...LOOPBACK, dataFolder }, SILENT_LOG);
    const port = Number(new URL(server.url).port);
    const folder = `${dataFolder}/other`;
    await assert.rejects(
      startSignaling({ ...LOOPBACK, port, dataFolder: folder }, SILENT_LOG),
      { code: "EADDRINUSE" },
    );
    await assert.rejects(
      startSignaling({ ...LOOPBACK, dataFolder: folder, limits: { tickMs: -1 } }, SILENT_LOG),
      /positive tickMs/,
    );
    await server.stop();
    await server.stop();
  }));

Deno.test("server: a broken upgrade and a plain request are answered, and the server goes on", () =>
  withFolder(async (dataFolder) => {
    const server = await startSignaling({ ...LOOPBACK, dataFolder }, SILENT_LOG);
    const { hostname, port } = new URL(server.url);
    const status = async (head: string) => {
      const connection = await Deno.connect({ hostname, port: Number(port) });
      const lines = [head, `Host: ${hostname}`, "Connection: Upgrade, close", "", ""];
      await connection.write(new TextEncoder().encode(lines.join("\r\n")));
      const bytes = new Uint8Array(1_024);
      const count = await connection.read(bytes) ?? 0;
      connection.close();
      return new TextDecoder().decode(bytes.subarray(0, count)).split(" ")[1];
    };
    assert.equal(await status("GET /ws HTTP/1.1\r\nUpgrade: websocket"), "400");
    assert.equal(await status("GET /ws HTTP/1.1"), "404");
    const health = await fetch(`${server.url}/health`);
    assert.equal(health.status, 200);
    await health.body?.cancel();
    await server.stop();
  }));
