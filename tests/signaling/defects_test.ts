/**
 * The defects of the original server (UPSTREAM 1.7), by their letters. Here are those that only a running
 * server can have; a, c, d, g, h, m and n are in the tests of the parts that prevent them.
 */

import assert from "node:assert/strict";
import { z } from "zod";
import { SILENT_LOG } from "../../lib/base/log.ts";
import { listWorkers } from "../../lib/client/room_api.ts";
import { startSignaling } from "../../signaling/server.ts";
import { createRoom, enter, LabSocket, type OpenRoom, PeerKey, registration } from "./lab_peer.ts";

async function withServer(body: (url: string, room: OpenRoom) => Promise<void>): Promise<void> {
  const dataFolder = await Deno.makeTempDir();
  const options = { hostname: "127.0.0.1", port: 0, dataFolder, store: "memory" } as const;
  const server = await startSignaling(options, SILENT_LOG);
  try {
    await body(server.url, await createRoom(server.url));
  } finally {
    await server.stop();
    await Deno.remove(dataFolder, { recursive: true });
  }
}

const errorSchema = z.strictObject({
  error: z.strictObject({ code: z.string(), message: z.string() }),
});

Deno.test("defect b: a registration without a name is refused, and leaves nobody behind", () =>
  withServer(async (url, room) => {
    const nameless = new LabSocket(url);
    const { nonce } = await nameless.next("challenge");
    const { peer_id: _, ...rest } = registration(new PeerKey("w"), room, nonce);
    nameless.say({ ...rest, request_id: "r1" });
    const refused = await nameless.next("error");
    assert.deepEqual([refused.code, refused.request_id], ["INVALID_MESSAGE", "r1"]);
    await nameless.ended();
    const { socket, welcome } = await enter(url, new PeerKey("w"), room);
    assert.deepEqual(welcome.peers, []);
    await socket.close();
  }));

Deno.test("defect e: no peer is shown what lets another one in", () =>
  withServer(async (url, room) => {
    const first = await enter(url, new PeerKey("one"), room);
    const second = await enter(url, new PeerKey("two"), room);
    second.socket.say({ type: "discover_peers" });
    const heard = [
      first.welcome,
      second.welcome,
      await first.socket.next("peer_joined"),
      await second.socket.next("peer_list"),
    ];
    const text = JSON.stringify(heard);
    assert(!text.includes(room.token));
    assert.doesNotMatch(text, /token|signature|public_key|_account|_worker_name/);
    await first.socket.close();
    await second.socket.close();
  }));

Deno.test("defect f: a worker's refusal reaches the client, whatever words it is in", () =>
  withServer(async (url, room) => {
    const worker = new PeerKey("w");
    const client = new PeerKey("c");
    const { socket: at } = await enter(url, worker, room);
    const { socket } = await enter(url, client, room, { role: "client" });
    const payload = { type: "error", reason: "busy" };
    at.say({ type: "peer_message", to_peer_id: client.peerId, payload });
    const arrived = await socket.next("peer_message");
    assert.deepEqual([arrived.from_peer_id, arrived.payload], [worker.peerId, payload]);
    // The original's own frame has no address: its sender is told so, and stays.
    at.say({ type: "error", reason: "busy", request_id: "r1" });
    assert.equal((await at.next("error")).code, "UNKNOWN_MESSAGE_TYPE");
    at.say({ type: "ping" });
    await at.next("pong");
    await at.close();
    await socket.close();
  }));

Deno.test("defect i: an expiry means the same second wherever the server stands", async () => {
  const program = `
    import { createRoom } from ${JSON.stringify(import.meta.resolve("./lab_peer.ts"))};
    import { startSignaling } from ${
    JSON.stringify(import.meta.resolve("../../signaling/server.ts"))
  };
    const dataFolder = await Deno.makeTempDir();
    const at = { hostname: "127.0.0.1", port: 0, dataFolder, store: "memory" };
    const server = await startSignaling(at, { write: () => {} });
    const signIn = await (await fetch(server.url + "/anonymous-signin", { method: "POST" })).json();
    const headers = { authorization: "Bearer " + signIn.id_token };
    const room = await (await fetch(server.url + "/create-room", { method: "POST", headers })).json();
    console.log(JSON.stringify({ zone: new Date().getTimezoneOffset(), at: room.expires_at }));
    await server.stop();
    await Deno.remove(dataFolder, { recursive: true });`;
  const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["eval", "--no-check", program],
    env: { TZ: "Asia/Kolkata" },
    signal: AbortSignal.timeout(30_000),
  }).output();
  const text = new TextDecoder().decode(stdout);
  assert(text !== "", new TextDecoder().decode(stderr));
  const { zone, at } = z.object({ zone: z.number(), at: z.int() }).parse(JSON.parse(text));
  assert.equal(zone, -330);
  const aheadSeconds = at - Date.now() / 1_000;
  assert(Math.abs(aheadSeconds - 7_200) < 30, `two hours ahead, got ${aheadSeconds} s`);
});

Deno.test("defect k: a field that the server does not know is refused, not ignored", () =>
  withServer(async (url, room) => {
    const body = JSON.stringify({ ...room, expires_days: 30 });
    const response = await fetch(`${url}/extend-room`, { method: "POST", body });
    const { error } = errorSchema.parse(await response.json());
    assert.deepEqual([response.status, error.code], [400, "BAD_REQUEST"]);
    assert.match(error.message, /expires_days/);
  }));

Deno.test("defect l: errors have one shape on every route, and our client reads the reason", () =>
  withServer(async (url, room) => {
    const asked: [path: string, method: string][] = [
      ["/create-room", "POST"],
      ["/extend-room", "POST"],
      ["/delete-peer", "POST"],
      ["/discover-workers", "GET"],
      ["/nowhere", "GET"],
    ];
    for (const [path, method] of asked) {
      const response = await fetch(`${url}${path}`, { method });
      assert(response.status >= 400, path);
      errorSchema.parse(await response.json());
    }
    const ticket = { server: url, roomId: room.room_id, token: "wrong" };
    await assert.rejects(listWorkers(ticket, {}), /Expected credentials of a room.*ROOM_REFUSED/);
  }));

Deno.test("defects a to n: each has a test by its letter", async () => {
  const lettered = new Set<string>();
  const folders = ["./", "./store/", "./identity/"].map((path) => new URL(path, import.meta.url));
  for (const folder of folders) {
    for await (const { name } of Deno.readDir(folder)) {
      if (!name.endsWith("_test.ts")) continue;
      const text = await Deno.readTextFile(new URL(name, folder));
      for (const [, letter = ""] of text.matchAll(/^Deno\.test\("[^"]*defect ([a-n])\b/gm)) {
        lettered.add(letter);
      }
    }
  }
  assert.equal([...lettered].sort().join(""), "abcdefghijklmn");
});
