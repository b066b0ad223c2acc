import assert from "node:assert/strict";
import { SILENT_LOG } from "../../lib/base/log.ts";
import { startSignaling } from "../../signaling/server.ts";
import { createRoom, enter, eventually, PeerKey, registration } from "./lab_peer.ts";

/** Bytes after which the server must have noticed: what the kernel takes for a reader is less. */
const BYTES_MAX = 64 * 1024 * 1024;

/** A masked text frame (RFC 6455 section 5.2) of 126 to 65,535 bytes; the mask is zero. */
function textFrame(text: string): Uint8Array<ArrayBuffer> {
  const body = new TextEncoder().encode(text);
  const head = [0x81, 0x80 | 126, body.length >> 8, body.length & 0xff, 0, 0, 0, 0];
  return Uint8Array.from([...head, ...body]);
}

Deno.test("slow reader: a real socket that never reads is cut off, and the others hear of it", async () => {
  const dataFolder = await Deno.makeTempDir();
  const many = { capacity: 2 * BYTES_MAX, perSecond: BYTES_MAX };
  const server = await startSignaling({
    hostname: "127.0.0.1",
    port: 0,
    dataFolder,
    store: "memory",
    limits: { frames: many, bytes: many, stopMs: 100 },
  }, SILENT_LOG);
  const room = await createRoom(server.url);
  const { hostname, port, host } = new URL(server.url);
  const connection = await Deno.connect({ hostname, port: Number(port) });
  const lines = ["GET /ws HTTP/1.1", `Host: ${host}`, "Upgrade: websocket", "Connection: Upgrade"];
  lines.push("Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "", "");
  await connection.write(new TextEncoder().encode(lines.join("\r\n")));
  const bytes = new Uint8Array(4_096);
  let heard = "";
  const nonce = await eventually("the challenge", async () => {
    const count = await connection.read(bytes) ?? 0;
    heard += new TextDecoder("latin1").decode(bytes.subarray(0, count));
    return /"nonce":"([^"]+)"/.exec(heard)?.[1];
  });
  const slow = new PeerKey("slow");
  await connection.write(textFrame(JSON.stringify(registration(slow, room, nonce))));

  const { socket, welcome } = await enter(server.url, new PeerKey("fast"), room);
  if (welcome.peers.length === 0) await socket.next("peer_joined");
  const message = {
    type: "peer_message",
    to_peer_id: slow.peerId,
    payload: { text: "x".repeat(60_000) },
  };
  const isGone = () => socket.heard.some(({ type }) => type === "peer_left") || undefined;
  for (let sent = 0; sent < BYTES_MAX && isGone() === undefined; sent += 16 * 60_000) {
    for (let count = 0; count < 16; count++) socket.say(message);
    // An answer to a ping means that the server has seen all that was said before.
    socket.say({ type: "ping" });
    await socket.next("pong");
  }
  assert.equal((await socket.next("peer_left")).peer_id, slow.peerId);
  await socket.close();
  connection.close();
  await server.stop();
  await Deno.remove(dataFolder, { recursive: true });
});
