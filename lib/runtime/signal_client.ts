/**
 * One peer's WebSocket to the signaling server: registers, stays registered, and comes back by itself.
 * Knows nothing of what the messages mean, but for those that keep the socket alive.
 *
 * It stays open also where the peer is no admin and its mesh is whole (seed 000 closed it then): by it
 * newcomers, answers to dials and the fresh word on who leads arrive when no link is there, clients reach
 * any worker, and an election needs no reconnection. It costs a ping every 20 s.
 */

// @ts-types="@types/ws"
import { WebSocket } from "ws";
import { fullJitterMs } from "../base/backoff.ts";
import type { PeerId, RoomId } from "../base/id.ts";
import type { Log } from "../base/log.ts";
import { SECOND_MS } from "../base/time.ts";
import { decodeJson } from "../protocol/decode.ts";
import {
  type FromServer,
  fromServerSchema,
  type RefusalCode,
  registrationBytes,
  type Role,
  type ToServer,
} from "../protocol/signal_message.ts";
import { PROTOCOL_VERSION } from "../protocol/version.ts";
import type { Metadata } from "../protocol/worker.ts";
import { systemRandom } from "./chance.ts";
import { systemClock } from "./clock.ts";
import type { PeerIdentity } from "./credentials.ts";

/** For the server to answer a registration. Higher: a dead server is noticed later. */
const REGISTER_MS = 8 * SECOND_MS;
/** For the server to answer a goodbye. */
const CLOSE_MS = SECOND_MS;
/** Between attempts to come back: a whole lab returns at once when a server restarts. */
const RECONNECT = { baseMs: 1_000, capMs: 10 * SECOND_MS, floorMs: 500 } as const;
/** How long a server that stops may keep us away. Higher: it is believed longer. */
const AWAY_MS_MAX = 60 * SECOND_MS;
/** The largest frame that the server may send: a room's presences at their limits. */
const FRAME_BYTES_MAX = 2 * 1024 * 1024;
/** What the socket may hold back before it is given up. */
const BUFFERED_BYTES_MAX = 1024 * 1024;

/** Refusals of a registration that trying again does not mend. */
const FINAL: ReadonlySet<RefusalCode> = new Set(
  ["ROOM_REFUSED", "IDENTITY_REFUSED", "PROTOCOL_VERSION", "ROOM_FULL"] as const,
);

/**
 * Whether an error ends a registration for good. A peer that a newer process of its name has replaced
 * gives way: if both came back, they would replace each other for ever. One that was in the room before
 * waits for its place: somebody else was quicker when the server came back, and the mesh still needs it.
 */
function isFinal(code: RefusalCode, isRegistered: boolean, wasIn: boolean): boolean {
  if (isRegistered) return code === "REPLACED";
  return FINAL.has(code) && !(code === "ROOM_FULL" && wasIn);
}

/** Who registers where. */
export interface SignalClientOptions {
  /** The server's address, `http://…` or `https://…`. */
  readonly server: string;
  readonly roomId: RoomId;
  readonly token: string;
  readonly peerId: PeerId;
  readonly role: Role;
  readonly incarnation: number;
  readonly identity: PeerIdentity;
  /** What to say of ourselves, asked anew at each registration. */
  readonly metadata: () => Metadata;
  readonly handlers: SignalHandlers;
  readonly log: Log;
}

/** What a signal client tells its owner. */
export interface SignalHandlers {
  /** The server said something; `registered_auth` comes first. */
  said(message: FromServer): void;
  /** The socket is gone. It comes back by itself, but after a final refusal. */
  lost(reason: string): void;
  /** The server does not want us, and trying again would not mend it. Nothing follows. */
  refused(code: RefusalCode, message: string): void;
}

/** A registration that lasts. */
export class SignalClient {
  readonly #options: SignalClientOptions;
  #socket: WebSocket | undefined;
  #registered = false;
  /** Whether the server ever let us in. */
  #wasIn = false;
  #attempts = 0;
  /** How long the server has asked us to stay away, once it is lost. */
  #awayMs = 0;
  #frames = 0;
  #silenceMs: number = REGISTER_MS;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #stopped = false;
  #ended: Promise<void> | undefined;
  #closed: () => void = () => {};
  /** What the last registration said of who signed in, and what the server did not believe. */
  #idToken: string | undefined;
  #refusedIdToken: string | undefined;

  constructor(options: SignalClientOptions) {
    this.#options = options;
    this.#open();
  }

  /** Frames that went either way so far. */
  get frames(): number {
    return this.#frames;
  }

  /** Says something, if registered. Gives whether it could be said. */
  send(message: ToServer): boolean {
    const socket = this.#socket;
    if (!this.#registered || socket?.readyState !== WebSocket.OPEN) return false;
    if (socket.bufferedAmount > BUFFERED_BYTES_MAX) {
      this.#lose(socket, "The server reads too slowly");
      return false;
    }
    this.#frames++;
    socket.send(JSON.stringify(message));
    return true;
  }

  /** Leaves the server for good. Resolves when the socket is closed. */
  stop(): Promise<void> {
    return this.#ended ??= this.#end();
  }

  #end(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    const socket = this.#socket;
    if (socket === undefined) return Promise.resolve();
    return new Promise((resolve) => {
      const deadline = setTimeout(() => socket.terminate(), CLOSE_MS);
      this.#closed = () => {
        clearTimeout(deadline);
        resolve();
      };
      socket.close(1000);
    });
  }

  #open(): void {
    // Appended, since a server may stand below a path of its host.
    const url = new URL(`${this.#options.server}/ws`);
    url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
    // Deno's own WebSocket leaves Nagle's algorithm on: a small frame waits 40 ms for the last one's
    // acknowledgement, which made a relayed query take 44 ms instead of 1 (measured).
    const socket = new WebSocket(url, {
      handshakeTimeout: REGISTER_MS,
      maxPayload: FRAME_BYTES_MAX,
      perMessageDeflate: false,
    });
    this.#socket = socket;
    this.#watch(socket, REGISTER_MS);
    socket.onmessage = (event) => {
      if (this.#socket === socket && !this.#stopped) this.#receive(socket, event.data);
    };
    let failure = "";
    socket.onclose = (event) => {
      const reason = event.reason || failure || `the socket closed with code ${event.code}`;
      this.#lose(socket, reason);
      if (this.#stopped) this.#closed();
    };
    // A failed socket also closes, and that is where it is dealt with.
    socket.onerror = (event) => {
      failure = event.message;
      this.#options.log.write("debug", `WebSocket failed: ${failure}`);
    };
  }

  #receive(socket: WebSocket, data: unknown): void {
    this.#frames++;
    const decoded = decodeJson(typeof data === "string" ? data : "", fromServerSchema);
    if (!decoded.ok) {
      this.#options.log.write("warning", `The server sent what is no message: ${decoded.reason}`);
      return;
    }
    const message = decoded.value;
    switch (message.type) {
      case "challenge":
        return this.#register(socket, message.nonce);
      case "registered_auth":
        this.#registered = true;
        this.#wasIn = true;
        this.#attempts = 0;
        this.#awayMs = 0;
        this.#silenceMs = message.ping_interval_ms * 3;
        break;
      case "ping":
        this.send({ type: "pong" });
        break;
      case "server_draining":
        this.#awayMs = Math.min(message.retry_after_ms, AWAY_MS_MAX);
        break;
      case "error":
        if (this.#isSignInRefused(message.code)) return this.#comeAnew(socket);
        if (isFinal(message.code, this.#registered, this.#wasIn)) {
          return this.#refuse(socket, message);
        }
        break;
      default:
        break;
    }
    this.#watch(socket, this.#registered ? this.#silenceMs : REGISTER_MS);
    this.#options.handlers.said(message);
  }

  #register(socket: WebSocket, nonce: string): void {
    const { roomId: room_id, peerId: peer_id, role, incarnation, identity } = this.#options;
    const claim = { nonce, room_id, peer_id, role, incarnation };
    const idToken = identity.idTokenAt(this.#options.server, systemClock.wallMs());
    this.#idToken = idToken === this.#refusedIdToken ? undefined : idToken;
    const message: ToServer = {
      type: "register",
      room_id,
      token: this.#options.token,
      peer_id,
      role,
      incarnation,
      protocol: PROTOCOL_VERSION,
      public_key: identity.publicKey,
      signature: identity.sign(registrationBytes(claim)),
      metadata: this.#options.metadata(),
      ...(this.#idToken === undefined ? {} : { id_token: this.#idToken }),
    };
    socket.send(JSON.stringify(message));
  }

  /** It may be of a key that the server has lost; the room's token lets us in without it. */
  #isSignInRefused(code: RefusalCode): boolean {
    return code === "IDENTITY_REFUSED" && !this.#registered && this.#idToken !== undefined;
  }

  /** Registers again at once, as nobody in particular. */
  #comeAnew(socket: WebSocket): void {
    const text = "The server does not know this installation's sign-in any more; going on without";
    this.#options.log.write("warning", text);
    this.#refusedIdToken = this.#idToken;
    this.#socket = undefined;
    clearTimeout(this.#timer);
    socket.terminate();
    this.#open();
  }

  #refuse(socket: WebSocket, refusal: Extract<FromServer, { type: "error" }>): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
    socket.close(1000);
    this.#options.handlers.refused(refusal.code, refusal.message);
  }

  /** Gives the socket up if nothing is heard for so long: half-open TCP says nothing by itself. */
  #watch(socket: WebSocket, silenceMs: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(
      () => this.#lose(socket, `the server was silent for ${silenceMs} ms`),
      silenceMs,
    );
  }

  #lose(socket: WebSocket, reason: string): void {
    if (this.#socket !== socket) return;
    this.#socket = undefined;
    this.#registered = false;
    clearTimeout(this.#timer);
    // Nobody waits for the other end's goodbye: it may be the reason why the socket is given up.
    socket.terminate();
    if (this.#stopped) return;
    this.#options.handlers.lost(reason);
    const waitMs = this.#awayMs + fullJitterMs(this.#attempts++, RECONNECT, systemRandom);
    this.#awayMs = 0;
    this.#timer = setTimeout(() => this.#open(), waitMs);
  }
}
