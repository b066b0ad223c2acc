/**
 * One WebSocket from its challenge to its end: what it may send, how much, and how soon.
 * Knows no room: registered peers' messages go to its host.
 */

import { Buffer } from "node:buffer";
import { SIGNAL_FRAME_BYTES_MAX } from "../lib/base/limits.ts";
import type { Log } from "../lib/base/log.ts";
import type { Clock, Instant } from "../lib/base/time.ts";
import type { LegacyRelay } from "../lib/protocol/legacy_relay.ts";
import type { FromServer, ToServer } from "../lib/protocol/signal_message.ts";
import type { Admission } from "./admission.ts";
import { Bucket } from "./bucket.ts";
import type { Caller } from "./caller.ts";
import type { Meter } from "./fact.ts";
import { readFrame } from "./frame.ts";
import type { SignalingLimits } from "./limits.ts";
import {
  type AdmittedRoom,
  asked,
  CLOSE_CODE,
  type PeerRequest,
  type Refusal,
  refusal,
  type Registration,
  type SocketId,
} from "./room_event.ts";

/** The transport below a socket. None of its methods throws, also when the transport is gone. */
export interface Wire {
  send(text: string): void;
  close(code: number, reason: string): void;
  /** Bytes that were sent and have not left yet. */
  bufferedBytes(): number;
}

/** Frames and their bytes. */
export interface Traffic {
  readonly frames: number;
  readonly bytes: number;
}

/** What a socket asks of those above it. */
export interface SocketHost {
  readonly clock: Clock;
  readonly log: Log;
  readonly meter: Meter;
  readonly limits: SignalingLimits;
  /** `message` as JSON. */
  written(message: FromServer | LegacyRelay): string;
  admit(registration: Registration, nonce: string, address: string): Promise<Admission>;
  registered(socket: Socket, room: AdmittedRoom, registration: Registration): void;
  /** Does what `message` asks for, and gives what was sent to anybody for it. */
  requested(socket: SocketId, message: PeerRequest): Traffic;
  /** The socket is over. Called exactly once. */
  ended(socket: Socket): void;
}

type Stage = "challenged" | "verifying" | "registered" | "over";

/** Requests of the original's era, counted so that one knows when nobody needs them any more. */
const LEGACY_TYPES: ReadonlySet<string> = new Set(["offer", "answer", "candidate"]);

/** One peer's socket. */
export class Socket {
  readonly id: SocketId;
  readonly caller: Caller;
  /** As whom the peer signed in, once it has registered and where it says so. */
  subject: string | undefined;
  readonly #wire: Wire;
  readonly #host: SocketHost;
  readonly #nonce: string;
  readonly #registerBy: Instant;
  readonly #frames: Bucket;
  readonly #bytes: Bucket;
  #stage: Stage = "challenged";

  constructor(
    id: SocketId,
    wire: Wire,
    host: SocketHost,
    options: { readonly caller: Caller; readonly nonce: string },
  ) {
    const now = host.clock.now();
    this.id = id;
    this.caller = options.caller;
    this.#wire = wire;
    this.#host = host;
    this.#nonce = options.nonce;
    this.#registerBy = now + host.limits.registerMs;
    this.#frames = new Bucket(host.limits.frames, now);
    this.#bytes = new Bucket(host.limits.bytes, now);
  }

  /** Sends the challenge that the registration must answer. */
  challenge(): void {
    this.send({ type: "challenge", nonce: this.#nonce });
  }

  /**
   * Sends `message`, unless the other end reads too slowly: then the socket is over. Gives how long the
   * message was.
   */
  send(message: FromServer | LegacyRelay): number {
    if (this.#stage === "over") return 0;
    const { limits, meter } = this.#host;
    if (this.#wire.bufferedBytes() > limits.bufferedBytesMax) {
      this.giveUp();
      return 0;
    }
    const text = this.#host.written(message);
    this.#wire.send(text);
    // The text is nearly all ASCII: its length is near enough to its bytes for a counter.
    meter.count({ kind: "frame_sent", type: message.type, bytes: text.length });
    if (message.type === "error") {
      meter.count({ kind: "refused", by: "socket", code: message.code });
    }
    return text.length;
  }

  /** The other end reads too slowly: the socket is over. */
  giveUp(): void {
    if (this.#stage === "over") return;
    this.#host.meter.count({ kind: "refused", by: "socket", code: "SLOW_READER" });
    this.end(CLOSE_CODE.policy, "Reads too slowly");
  }

  /** Bytes that were sent and have not left yet. */
  get bufferedBytes(): number {
    return this.#wire.bufferedBytes();
  }

  /** Ends the socket. Does nothing where it is over. */
  end(code: number, reason: string): void {
    if (this.#stage === "over") return;
    this.#stage = "over";
    this.#wire.close(code, reason);
    this.#host.ended(this);
  }

  /** The transport has ended by itself. */
  closed(): void {
    if (this.#stage === "over") return;
    this.#stage = "over";
    this.#host.ended(this);
  }

  /** Ends the socket where it has not registered in time. */
  tick(now: Instant): void {
    if (this.#stage === "registered" || now < this.#registerBy) return;
    this.#refuse(refusal("NOT_REGISTERED", "Expected a registration in time, got none"));
  }

  /** The other end sent a control frame, which costs it as much as any other. Never throws. */
  controlled(bytes: number): void {
    if (this.#stage !== "over") this.#afford({ frames: 1, bytes });
  }

  /** Takes one frame. Never throws. */
  received(data: unknown): void {
    if (this.#stage === "over") return;
    try {
      this.#receive(data);
    } catch (error) {
      this.#fail("A frame could not be handled", error);
    }
  }

  #receive(data: unknown): void {
    if (typeof data !== "string") {
      this.end(CLOSE_CODE.notText, "Expected text frames");
      return;
    }
    const bytes = Buffer.byteLength(data);
    if (bytes > SIGNAL_FRAME_BYTES_MAX) {
      this.end(CLOSE_CODE.tooBig, `Expected at most ${SIGNAL_FRAME_BYTES_MAX} bytes a frame`);
      return;
    }
    if (!this.#afford({ frames: 1, bytes })) return;
    const frame = readFrame(data);
    const type = frame.ok ? frame.message.type : "invalid";
    this.#host.meter.count({ kind: "frame_received", type, bytes });
    if (LEGACY_TYPES.has(type)) {
      const { program: client } = this.caller;
      this.#host.meter.count({ kind: "legacy_used", feature: `socket ${type}`, client });
    }
    if (this.#stage !== "registered") {
      // A stranger has one try: everything but a registration ends the socket.
      if (!frame.ok) this.#refuse(frame.refusal);
      else if (frame.message.type === "register" && this.#stage === "challenged") {
        this.#register(frame.message);
      } else {
        const text = `Expected a registration first, got ${frame.message.type}`;
        this.#refuse(refusal("NOT_REGISTERED", text, requestOf(frame.message)));
      }
    } else if (!frame.ok) this.send(frame.refusal);
    else if (frame.message.type === "register") {
      const text = "Expected one registration a socket, got another; open a new socket";
      this.send(refusal("ALREADY_REGISTERED", text, requestOf(frame.message)));
    } else {
      const sent = this.#host.requested(this.id, frame.message);
      // A short question may have a long answer, and a claim goes to the whole room: who asks pays.
      const more = { frames: Math.max(0, sent.frames - 1), bytes: Math.max(0, sent.bytes - bytes) };
      this.#afford(more);
    }
  }

  /** Whether so many frames and bytes more are within the limits. Where not, the socket is over. */
  #afford({ frames, bytes }: Traffic): boolean {
    const { clock, limits } = this.#host;
    const now = clock.now();
    if (this.#frames.take(frames, now) && this.#bytes.take(bytes, now)) return true;
    const text = `Expected at most ${limits.frames.perSecond} frames a second in the long run`;
    this.#refuse(refusal("RATE_LIMITED", text));
    return false;
  }

  #register(registration: Registration): void {
    this.#stage = "verifying";
    const { address } = this.caller;
    this.#host.admit(registration, this.#nonce, address).then((admission) => {
      // The socket may have ended while the store was asked.
      if (this.#stage !== "verifying") return;
      if (!admission.ok) {
        const { room_id, peer_id } = registration;
        const fields = { room_id, peer_id, code: admission.code, address };
        this.#host.log.write("info", "A registration was refused", fields);
        const about = requestOf(registration);
        this.#refuse(refusal(admission.code, admission.reason, about));
        return;
      }
      this.#stage = "registered";
      this.subject = admission.subject;
      this.#host.registered(this, admission.room, registration);
    }).catch((error: unknown) => {
      this.#fail("A registration could not be checked", error);
    });
  }

  #refuse(message: Refusal): void {
    this.send(message);
    const code = message.code === "SERVER_BUSY" ? CLOSE_CODE.tryLater : CLOSE_CODE.policy;
    this.end(code, message.code);
  }

  #fail(what: string, error: unknown): void {
    const fields = { socket: this.id, error: String(error) };
    this.#host.log.write("error", what, fields);
    this.#refuse(refusal("SERVER_BUSY", "The server could not handle this; try again later"));
  }
}

function requestOf(message: ToServer): ReturnType<typeof asked> {
  return "request_id" in message ? asked(message.request_id) : {};
}
