/** What strangers and slow peers do to a server, and what a server must make of it (issue 4). */

import { SILENT_LOG } from "../../lib/base/log.ts";
import type { RoomTicket } from "../../lib/client/room_api.ts";
import {
  type FromServer,
  registrationBytes,
  type Role,
} from "../../lib/protocol/signal_message.ts";
import { PROTOCOL_VERSION } from "../../lib/protocol/version.ts";
import { type PeerIdentity, temporaryIdentity } from "../../lib/runtime/credentials.ts";
import { SignalClient } from "../../lib/runtime/signal_client.ts";
import { SIGNALING_LIMITS } from "../../signaling/limits.ts";
import type { ProofServer } from "./proof_server.ts";
import { frameHead, openStranger, sayFrame, writeAll } from "./stranger.ts";

/** What was tried and what came of it: numbers, and whether they are as they must be. */
export type Finding = Readonly<Record<string, string | number | boolean>> & {
  readonly proof: string;
  readonly ok: boolean;
};

/** The memory that no siege may drive the server above, in MB. */
export const MEMORY_MB_MAX = 400;
/** The longest that others may wait for an answer meanwhile, in ms; the machine is shared. */
export const ANSWER_MS_MAX = 1_000;

/** `count` wrong tokens of one address, one after the other. */
export async function guessTokens(server: ProofServer, count: number): Promise<Finding> {
  const { roomId } = await server.room();
  const { capacity, perSecond } = SIGNALING_LIMITS.guesses;
  const startedAt = performance.now();
  let answered = 0;
  let refused = 0;
  const guess = async (token: string) => {
    const response = await fetch(`${server.url}/discover-workers`, {
      method: "POST",
      headers: { "x-forwarded-for": "198.51.100.1" },
      body: JSON.stringify({ room_id: roomId, token }),
    });
    await response.body?.cancel();
    if (response.status === 429 && response.headers.has("retry-after")) refused++;
    else answered++;
  };
  const guessers = Array.from({ length: 10 }, async (_, guesser) => {
    for (let index = 0; index < count / 10; index++) await guess(`guess-${guesser}-${index}`);
  });
  await Promise.all(guessers);
  const tookSeconds = (performance.now() - startedAt) / 1_000;
  // What the bucket holds, and what flows back while it lasts.
  const free = Math.ceil(capacity + perSecond * tookSeconds);
  return { proof: "guesses", ok: answered <= free && refused > 0, count, answered, free, refused };
}

/** `count` peers that register and say nothing more, a hundred a room and address. */
export async function sitIdle(server: ProofServer, count: number): Promise<Finding> {
  const beforeMb = await server.memoryMb();
  const sitting: Deno.TcpConn[] = [];
  try {
    let room: RoomTicket | undefined;
    for (let index = 0; index < count; index++) {
      if (index % 100 === 0) room = await server.room();
      if (room === undefined) break;
      const address = `203.0.113.${Math.floor(index / 100)}`;
      sitting.push(await enterRaw(server, room, address, temporaryIdentity(), "client"));
    }
    const memoryMb = await server.memoryMb();
    const answerMs = Math.round(await server.answerMs());
    const sockets = await liveSockets(server);
    const ok = sockets >= count && memoryMb <= MEMORY_MB_MAX && answerMs <= ANSWER_MS_MAX;
    return { proof: "idle", ok, sockets, before_mb: beforeMb, memory_mb: memoryMb, answerMs };
  } finally {
    for (const connection of sitting) connection.close();
  }
}

/** `count` strangers that send 60 MB each at once, as one frame. */
export async function sendMountains(server: ProofServer, count: number): Promise<Finding> {
  const chunk = new Uint8Array(1 << 20).fill(0x78);
  const length = 60 * 1_000_000;
  let cut = 0;
  const beforeMb = await server.memoryMb();
  const attacks = Array.from({ length: count }, async (_, index) => {
    const { connection } = await openStranger(server.url, `198.51.100.${index}`);
    try {
      await writeAll(connection, frameHead(length));
      for (let sent = 0; sent < length; sent += chunk.length) await writeAll(connection, chunk);
    } catch (error) {
      // Cut off while it wrote, as it must be.
      if (!isCut(error)) throw error;
      cut++;
    } finally {
      connection.close();
    }
  });
  let slowestMs = 0;
  let isOver = false;
  const watch = (async () => {
    while (!isOver) {
      slowestMs = Math.max(slowestMs, await server.answerMs());
      await server.memoryMb();
      await pause(100);
    }
  })();
  await Promise.all(attacks);
  isOver = true;
  await watch;
  const peakMb = server.peakMb;
  const ok = cut === count && peakMb <= MEMORY_MB_MAX && slowestMs <= ANSWER_MS_MAX;
  const facts = { strangers: count, cut, before_mb: beforeMb, peak_mb: peakMb };
  return { proof: "mountains", ok, ...facts, slowest_ms: Math.round(slowestMs) };
}

/** `count` peers that never read, in rooms where another one talks to them without end. */
export async function neverRead(server: ProofServer, count: number): Promise<Finding> {
  const deaf: Deno.TcpConn[] = [];
  let left = 0;
  try {
    for (let index = 0; index < count; index++) {
      const room = await server.room();
      const identity = temporaryIdentity();
      const peerId = identity.peerIdOf("raw");
      deaf.push(await enterRaw(server, room, `198.51.100.${index}`, identity, "worker"));
      const gone = Promise.withResolvers<void>();
      const talker = await enter(room, (message) => {
        if (message.type === "peer_left" && message.peer_id === peerId) gone.resolve();
      });
      const payload = { text: "x".repeat(30_000) };
      const timer = setInterval(() => {
        for (let word = 0; word < 20; word++) {
          talker.send({ type: "peer_message", to_peer_id: peerId, payload });
        }
      }, 1_000);
      const deadline = setTimeout(() => gone.reject(new Error("Not cut off in 60 s")), 60_000);
      await gone.promise;
      clearInterval(timer);
      clearTimeout(deadline);
      left++;
      await talker.stop();
    }
    const memoryMb = await server.memoryMb();
    const ok = left === count && memoryMb <= MEMORY_MB_MAX;
    return { proof: "slow readers", ok, count, cut: left, memory_mb: memoryMb };
  } finally {
    for (const connection of deaf) connection.close();
  }
}

/** `count` peers in rooms of ten, whose server is killed and comes back: when is the last one in again? */
export async function restartUnderLoad(server: ProofServer, count: number): Promise<Finding> {
  let welcomes = 0;
  const peers: SignalClient[] = [];
  try {
    let room = await server.room();
    for (let index = 0; index < count; index++) {
      if (index % 10 === 0) room = await server.room();
      peers.push(
        await enter(room, (message) => {
          if (message.type === "registered_auth") welcomes++;
        }),
      );
    }
    welcomes = 0;
    const startedAt = performance.now();
    await server.restart();
    const downMs = Math.round(performance.now() - startedAt);
    while (welcomes < count && performance.now() - startedAt < downMs + 30_000) await pause(50);
    const backMs = Math.round(performance.now() - startedAt) - downMs;
    return { proof: "restart", ok: welcomes >= count, peers: count, down_ms: downMs, backMs };
  } finally {
    await Promise.all(peers.map((peer) => peer.stop()));
  }
}

async function enterRaw(
  server: ProofServer,
  { roomId, token }: RoomTicket,
  address: string,
  identity: PeerIdentity,
  role: Role,
): Promise<Deno.TcpConn> {
  const { connection, nonce } = await openStranger(server.url, address);
  const peer_id = identity.peerIdOf("raw");
  const claim = { nonce, room_id: roomId, peer_id, role, incarnation: 1 };
  const signature = identity.sign(registrationBytes(claim));
  const proof = { token, public_key: identity.publicKey, signature };
  const rest = { protocol: PROTOCOL_VERSION, metadata: { tags: [], properties: {} } };
  await sayFrame(connection, JSON.stringify({ type: "register", ...claim, ...proof, ...rest }));
  return connection;
}

/** A worker of the room as our own client makes it, once it is registered; `said` hears what it hears. */
export async function enter(
  { server, roomId, token }: RoomTicket,
  said: (message: FromServer) => void,
  identity: PeerIdentity = temporaryIdentity(),
): Promise<SignalClient> {
  const registered = Promise.withResolvers<void>();
  const client = new SignalClient({
    server,
    roomId,
    token,
    peerId: identity.peerIdOf("peer"),
    role: "worker",
    incarnation: 1,
    identity,
    metadata: () => ({ tags: [], properties: {} }),
    handlers: {
      said: (message) => {
        if (message.type === "registered_auth") registered.resolve();
        said(message);
      },
      lost: () => {},
      refused: (code, message) => registered.reject(new Error(`${message} (${code})`)),
    },
    log: SILENT_LOG,
  });
  await registered.promise;
  return client;
}

async function liveSockets(server: ProofServer): Promise<number> {
  const response = await fetch(`${server.url}/metrics`);
  return Number(/^sleap_rtc_sockets (\d+)/m.exec(await response.text())?.[1] ?? 0);
}

function isCut(error: unknown): boolean {
  return error instanceof Deno.errors.BrokenPipe ||
    error instanceof Deno.errors.ConnectionReset || error instanceof Deno.errors.ConnectionAborted;
}

/** Waits. */
export function pause(durationMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, durationMs));
}
