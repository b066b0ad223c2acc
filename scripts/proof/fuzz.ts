/**
 * Puts hostile words to a server in this process, and looks for an error that escapes, an answer that
 * is none, and one that takes too long. Opens no port.
 */

import { randomBytes } from "node:crypto";
import { type LogFields, type LogLevel, SILENT_LOG } from "../../lib/base/log.ts";
import { pick, SeededRandom } from "../../lib/base/random.ts";
import type { Clock } from "../../lib/base/time.ts";
import { decodeJson } from "../../lib/protocol/decode.ts";
import { legacyRelaySchema } from "../../lib/protocol/legacy_relay.ts";
import { roomIdSchema } from "../../lib/protocol/name.ts";
import { fromServerSchema, registrationBytes } from "../../lib/protocol/signal_message.ts";
import { PROTOCOL_VERSION } from "../../lib/protocol/version.ts";
import { temporaryIdentity } from "../../lib/runtime/credentials.ts";
import { createApp } from "../../signaling/app.ts";
import { hashToken } from "../../signaling/credential.ts";
import { Guesses } from "../../signaling/guesses.ts";
import type { Identity } from "../../signaling/identity/identity.ts";
import { limitsWith } from "../../signaling/limits.ts";
import { Metrics } from "../../signaling/metrics.ts";
import type { Socket } from "../../signaling/socket.ts";
import { MemoryStore } from "../../signaling/store/memory.ts";
import { Switchboard } from "../../signaling/switchboard.ts";
import { hostileFrame, hostileRequest } from "./hostile_words.ts";

/** How much is tried. */
export interface FuzzOptions {
  readonly seed: number;
  readonly frames: number;
  readonly requests: number;
}

/** What came of it. */
export interface FuzzReport {
  readonly frames: number;
  readonly requests: number;
  /** Times that something was answered. */
  readonly answers: number;
  /** The longest that one answer took, in ms. */
  readonly slowest_ms: number;
  /** What should not have happened, in words; the first hundred. */
  readonly violations: readonly string[];
}

/** The longest that an answer may take (issue 4). */
const ANSWER_MS_MAX = 50;
/** Other programs take the processor too: only what is slow each time is slow by itself. */
const TRIES = 5;
const VIOLATIONS_MAX = 100;
const PEERS = 6;
const ROOM = roomIdSchema.parse("fuzzroom0001");
const TOKEN = "fuzz";
const CALLER = { address: "192.0.2.1", program: "fuzz" };
const NOBODY: Identity = {
  anonymousSignIn: () => Promise.resolve({ id_token: "a.b.c", username: "fuzz" }),
  verify: () => Promise.resolve({ ok: false, reason: "Expected a valid id token" }),
  keep: () => Promise.resolve(),
  forget: () => Promise.resolve(),
  close: () => Promise.resolve(),
};

/** Runs it. The same seed gives the same words. */
export async function fuzz({ seed, frames, requests }: FuzzOptions): Promise<FuzzReport> {
  const server = await FuzzServer.open();
  const random = new SeededRandom(seed);
  for (let count = 0; count < frames; count++) {
    await server.hear(hostileFrame(random), pick([0, 1, 2, 3, 4, 5], random) ?? 0);
  }
  for (let count = 0; count < requests; count++) {
    const { method, path, bearer, body } = hostileRequest(random);
    const headers = new Headers(bearer === undefined ? {} : { authorization: `Bearer ${bearer}` });
    const init = body === undefined ? { method, headers } : { method, headers, body };
    await server.answer(path, init);
  }
  return server.report(frames, requests);
}

class FuzzServer {
  readonly #violations: string[] = [];
  readonly #switchboard: Switchboard;
  readonly #app: ReturnType<typeof createApp>;
  readonly #sockets: Socket[] = [];
  readonly #over = new Set<number>();
  #answers = 0;
  #slowestMs = 0;

  private constructor(store: MemoryStore) {
    const clock: Clock = { now: () => performance.now(), wallMs: () => Date.now() };
    const endless = { capacity: 1e12, perSecond: 1e12 };
    const limits = limitsWith({
      frames: endless,
      bytes: endless,
      creations: endless,
      requests: endless,
      openings: endless,
      guesses: endless,
      guessesOfAddress: endless,
    });
    const log = {
      write: (level: LogLevel, message: string, fields?: LogFields) => {
        if (level === "error") this.#violate(`${message}: ${JSON.stringify(fields)}`);
      },
    };
    const guesses = new Guesses(limits);
    const metrics = new Metrics(() => this.#switchboard.counts());
    const parts = { store, identity: NOBODY, clock, guesses };
    this.#switchboard = new Switchboard({
      gate: { ...parts, log: SILENT_LOG },
      clock,
      randomBytes,
      log,
      meter: metrics,
      attendance: { arrived: () => {}, left: () => {} },
      limits,
      keepsRegistry: () => true,
      keepRoom: () => {},
    });
    const rooms = this.#switchboard;
    this.#app = createApp({ ...parts, rooms, randomBytes, log, meter: metrics, metrics, limits });
  }

  static async open(): Promise<FuzzServer> {
    const store = new MemoryStore();
    const token_hash = hashToken(TOKEN);
    const stored = { name: "fuzz", owner: "fuzz", token_hash, created_at: 0, expires_at: null };
    await store.createRoom({ ...stored, room_id: ROOM }, 0);
    const server = new FuzzServer(store);
    for (let index = 0; index < PEERS; index++) await server.#seat(index);
    return server;
  }

  /** A peer says `frame`. One whose socket has ended comes back on another. */
  async hear(frame: string, index: number): Promise<void> {
    for (let attempt = 1; attempt <= TRIES; attempt++) {
      const tookMs = this.#timed(() => this.#sockets[index]?.received(frame));
      if (this.#over.has(index)) await this.#seat(index);
      if (this.#isQuick(tookMs, attempt, frame)) return;
    }
  }

  /** Somebody asks over HTTP. */
  async answer(path: string, init: RequestInit): Promise<void> {
    const asked = `${init.method} ${path.slice(0, 60)} ${String(init.body).slice(0, 200)}`;
    for (let attempt = 1; attempt <= TRIES; attempt++) {
      const startedAt = performance.now();
      const response = await this.#app.request(path, init, CALLER);
      await response.arrayBuffer();
      this.#answers++;
      if (response.status >= 500) this.#violate(`${response.status} at ${asked}`);
      if (this.#isQuick(performance.now() - startedAt, attempt, asked)) return;
    }
  }

  report(frames: number, requests: number): FuzzReport {
    return {
      frames,
      requests,
      answers: this.#answers,
      slowest_ms: Math.round(this.#slowestMs * 10) / 10,
      violations: this.#violations,
    };
  }

  async #seat(index: number): Promise<void> {
    this.#over.delete(index);
    const identity = temporaryIdentity();
    const peer_id = identity.peerIdOf(`w${index}`);
    let nonce = "";
    const registered = Promise.withResolvers<void>();
    const wire = {
      send: (text: string) => {
        this.#answers++;
        const legacy = decodeJson(text, legacyRelaySchema);
        const message = decodeJson(text, fromServerSchema);
        if (!message.ok && !legacy.ok) this.#violate(`Not a message: ${text.slice(0, 200)}`);
        if (!message.ok) return;
        if (message.value.type === "challenge") nonce = message.value.nonce;
        if (message.value.type === "registered_auth") registered.resolve();
      },
      close: () => {
        this.#over.add(index);
        registered.reject(new Error("Expected to be let in, got the end"));
      },
      bufferedBytes: () => 0,
    };
    const socket = this.#switchboard.open(wire, CALLER);
    this.#sockets[index] = socket;
    const role = index % 2 === 0 ? "worker" : "client";
    const claim = { nonce, room_id: ROOM, peer_id, role, incarnation: 1 } as const;
    const signature = identity.sign(registrationBytes(claim));
    const proof = { token: TOKEN, public_key: identity.publicKey, signature };
    const metadata = { tags: [], properties: {} };
    const said = { type: "register", ...claim, ...proof, protocol: PROTOCOL_VERSION, metadata };
    socket.received(JSON.stringify(said));
    await registered.promise;
  }

  #timed(action: () => void): number {
    const startedAt = performance.now();
    try {
      action();
    } catch (error) {
      this.#violate(`Escaped: ${String(error)}`);
    }
    return performance.now() - startedAt;
  }

  #isQuick(tookMs: number, attempt: number, what: string): boolean {
    if (tookMs <= ANSWER_MS_MAX) {
      this.#slowestMs = Math.max(this.#slowestMs, tookMs);
      return true;
    }
    if (attempt === TRIES) this.#violate(`${Math.round(tookMs)} ms for ${what.slice(0, 200)}`);
    return false;
  }

  #violate(what: string): void {
    if (this.#violations.length < VIOLATIONS_MAX) this.#violations.push(what);
  }
}
