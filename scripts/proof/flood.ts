/** Strangers that ask and knock as fast as they can, and a room that works meanwhile (issue 4, seed 002 phase 9.2). */

import { temporaryIdentity } from "../../lib/runtime/credentials.ts";
import { median, p99, rounded } from "../bench/statistics.ts";
import type { ProofServer } from "./proof_server.ts";
import { ANSWER_MS_MAX, enter, type Finding, MEMORY_MB_MAX, pause } from "./siege.ts";
import { openStranger, sayFrame } from "./stranger.ts";

/** Between two words of the room that works. */
const WORD_MS = 20;
/** For the words that are on their way at the end. */
const SETTLE_MS = 2_000;
/** What strangers ask for: what costs the most, and what guesses. */
const WANTED: readonly (readonly [method: string, path: string])[] = [
  ["GET", "/metrics"],
  ["GET", "/docs"],
  ["GET", "/openapi.json"],
  ["POST", "/anonymous-signin"],
  ["POST", "/discover-workers"],
];

/** `count` addresses flood the server for `seconds` while two workers talk to each other. */
export async function withstandFlood(
  server: ProofServer,
  count: number,
  seconds: number,
): Promise<Finding> {
  const room = await server.room();
  const relayMs: number[] = [];
  const listener = temporaryIdentity();
  const talker = await enter(room, () => {});
  const hearer = await enter(room, (message) => {
    if (message.type === "peer_message") {
      relayMs.push(performance.now() - Number(message.payload["said_at"]));
    }
  }, listener);
  const flood = new Flood(server, room.roomId, performance.now() + seconds * 1_000);
  const strangers = Array.from({ length: count }, (_, index) => `198.51.100.${index}`)
    .flatMap((address) => [flood.ask(address), flood.ask(address), flood.knock(address)]);
  let said = 0;
  while (!flood.isOver) {
    const payload = { said_at: performance.now() };
    const to_peer_id = listener.peerIdOf("peer");
    if (talker.send({ type: "peer_message", to_peer_id, payload })) said++;
    if (said % 50 === 0) await server.memoryMb();
    await pause(WORD_MS);
  }
  await Promise.all(strangers);
  await pause(SETTLE_MS);
  await Promise.all([talker.stop(), hearer.stop()]);
  const lost = said - relayMs.length;
  const { peakMb } = server;
  const relay_p99_ms = rounded(p99(relayMs));
  const facts = {
    addresses: count,
    ...flood.counts,
    said,
    lost,
    relay_p50_ms: rounded(median(relayMs)),
  };
  const ok = lost === 0 && relay_p99_ms <= ANSWER_MS_MAX && peakMb <= MEMORY_MB_MAX;
  return { proof: "flood", ok, ...facts, relay_p99_ms, peak_mb: peakMb };
}

/** The strangers. */
class Flood {
  readonly #server: ProofServer;
  readonly #roomId: string;
  readonly #endsAt: number;
  readonly #counts = { answered: 0, told_to_wait: 0, knocked: 0, turned_away: 0 };

  constructor(server: ProofServer, roomId: string, endsAt: number) {
    this.#server = server;
    this.#roomId = roomId;
    this.#endsAt = endsAt;
  }

  get isOver(): boolean {
    return performance.now() >= this.#endsAt;
  }

  /** What came of it so far. */
  get counts(): Readonly<Record<string, number>> {
    return { ...this.#counts };
  }

  /** Asks over HTTP, again and again. */
  async ask(address: string): Promise<void> {
    for (let turn = 0; !this.isOver; turn++) {
      const [method = "GET", path = "/"] = WANTED[turn % WANTED.length] ?? [];
      const body = JSON.stringify({ room_id: this.#roomId, token: `guess-${turn}` });
      const init = { method, headers: { "x-forwarded-for": address } };
      const response = await fetch(
        `${this.#server.url}${path}`,
        path === "/discover-workers" ? { ...init, body } : init,
      );
      await response.body?.cancel();
      if (response.status === 429) this.#counts.told_to_wait++;
      else this.#counts.answered++;
    }
  }

  /** Opens sockets and says nonsense on them, again and again. */
  async knock(address: string): Promise<void> {
    while (!this.isOver) {
      try {
        const { connection } = await openStranger(this.#server.url, address);
        await sayFrame(connection, JSON.stringify({ type: "register", room_id: this.#roomId }));
        connection.close();
        this.#counts.knocked++;
      } catch {
        // Refused before it was a socket, or cut off while it spoke: both are what must happen.
        this.#counts.turned_away++;
      }
    }
  }
}
