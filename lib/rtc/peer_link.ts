/**
 * A link to a peer: a link that opens with a mutual hello and then carries messages and data.
 * Knows who is at the other end; knows nothing of what the messages mean.
 */

import { randomBytes } from "node:crypto";
import { Buffer } from "node:buffer";
import type { LinkId, PeerId } from "../base/id.ts";
import { LINK_MESSAGE_BYTES_MAX, METADATA_BYTES_MAX } from "../base/limits.ts";
import { SECOND_MS } from "../base/time.ts";
import { type Hello, NONCE_BYTES } from "../protocol/hello.ts";
import type { LinkSignal } from "../protocol/link_signal.ts";
import {
  dataBytesIn,
  encodeBye,
  encodeData,
  encodeMessage,
  FrameError,
  FrameReader,
} from "./framing.ts";
import { HelloError, type HelloSelf, readHello, writeHello } from "./hello.ts";
import type { BackendName, IceServer, Link, LinkBackend, LinkFacts, LinkOptions } from "./link.ts";
import { reasonOf } from "./link_life.ts";
import type { Timers } from "./timers.ts";

/** Until the channel opens. Higher: a dead attempt is kept longer; lower: slow paths fail. */
const OPEN_TIMEOUT_MS = 10 * SECOND_MS;
/** From then until their hello. Higher: a mute stranger stays longer; lower: starved peers fail. */
const HELLO_TIMEOUT_MS = 5 * SECOND_MS;
/** A hello, whole. Higher: strangers make us hold more; lower: metadata at its limit fails. */
const HELLO_BYTES_MAX = METADATA_BYTES_MAX + 4 * 1024;

/** What a peer link tells its owner. Calls never overlap, and none comes after `closed`. */
export interface PeerLinkHandlers {
  /** A description or candidate that the other end must be given. */
  signal(signal: LinkSignal): void;
  /** The peer said who it is, and was believed. Called at most once, before any message. */
  opened(hello: Hello): void;
  /** A message arrived. */
  message(text: string): void;
  /**
   * Bytes arrived that stand at `offset` of `stream`. `bytes` is the receiver's to keep, or its buffer
   * to detach: nothing else is in it.
   */
  data(stream: number, offset: number, bytes: Uint8Array): void;
  /** The link is over. Called exactly once. A reason that the peer gave is quoted. */
  closed(reason: string): void;
}

/** How a peer link is to be made. */
export interface PeerLinkOptions {
  readonly id: LinkId;
  readonly role: LinkOptions["role"];
  readonly isNear?: LinkOptions["isNear"];
  readonly iceServers: readonly IceServer[];
  readonly self: HelloSelf;
  /** Who must be at the other end, where that is known. */
  readonly expectedPeerId: PeerId | undefined;
  readonly handlers: PeerLinkHandlers;
  readonly timers: Timers;
  readonly openTimeoutMs?: number;
  readonly helloTimeoutMs?: number;
}

type Phase =
  | { readonly name: "opening" }
  | { readonly name: "greeting"; readonly reader: FrameReader }
  | { readonly name: "open"; readonly reader: FrameReader; readonly hello: Hello }
  | { readonly name: "closed" };

/** One link to one peer, from its first attempt on. */
export class PeerLink {
  readonly #options: PeerLinkOptions;
  readonly #link: Link;
  /** Where data is framed. Made when there is some: most links carry none. */
  #room: Uint8Array | undefined;
  #phase: Phase = { name: "opening" };
  #cancelDeadline: () => void;

  constructor(backend: LinkBackend, options: PeerLinkOptions) {
    this.#options = options;
    this.#link = backend.create({
      id: options.id,
      role: options.role,
      isNear: options.isNear,
      iceServers: options.iceServers,
      handlers: {
        signal: (signal) => options.handlers.signal(signal),
        opened: () => this.#greet(),
        received: (frame) => this.#receive(frame),
        closed: (reason) => this.#end(reason),
      },
    });
    this.#cancelDeadline = this.#deadline(options.openTimeoutMs ?? OPEN_TIMEOUT_MS, "open");
  }

  get id(): LinkId {
    return this.#link.id;
  }

  get backend(): BackendName {
    return this.#link.backend;
  }

  /** Who is at the other end, from `opened` until the link is over. */
  get hello(): Hello | undefined {
    return this.#phase.name === "open" ? this.#phase.hello : undefined;
  }

  /** Bytes that were taken but have not left yet. */
  get bufferedBytes(): number {
    return this.#link.bufferedBytes;
  }

  /** Bytes of data that travel in one piece: a multiple of them leaves no frame half empty. */
  get pieceBytes(): number {
    return dataBytesIn(this.#link.frameBytesMax);
  }

  /** Takes a description or candidate from the other end. */
  accept(signal: LinkSignal): void {
    this.#link.accept(signal);
  }

  /**
   * Sends one message. Never waits.
   *
   * @throws {Error} Where the link is not open.
   * @throws {RangeError} Where the message is larger than `LINK_MESSAGE_BYTES_MAX`.
   */
  sendMessage(text: string): void {
    this.#mustBeOpen();
    for (const frame of encodeMessage(text, this.#link.frameBytesMax)) this.#link.send(frame);
  }

  /**
   * Sends up to 1 MiB that stands at `offset` of `stream`. Never waits: see `drainedTo`. The other
   * end may get it in several parts.
   *
   * @throws {Error} Where the link is not open.
   * @throws {RangeError} Where the stream, the offset or the length is outside its range.
   */
  sendData(stream: number, offset: number, bytes: Uint8Array): void {
    this.#mustBeOpen();
    this.#room ??= new Uint8Array(this.#link.frameBytesMax);
    for (const frame of encodeData(stream, offset, bytes, this.#room)) this.#link.send(frame);
  }

  /** Resolves as soon as at most `bytes` are buffered, or the link is over. */
  drainedTo(bytes: number): Promise<void> {
    return this.#link.drainedTo(bytes);
  }

  /** What is known of the link now. */
  facts(): LinkFacts {
    return this.#link.facts();
  }

  /**
   * Ends the link, telling the peer the reason if it can still be told (its first 200 bytes).
   * `closed` follows; closing twice does nothing.
   */
  close(reason: string): void {
    switch (this.#phase.name) {
      case "greeting":
      case "open":
        this.#phase = { name: "closed" };
        try {
          this.#link.send(encodeBye(reason));
        } catch (error) {
          this.#link.close(`${reason} (and the peer was not told: ${reasonOf(error)})`);
          return;
        }
        this.#link.close(reason);
        return;
      case "opening":
        this.#phase = { name: "closed" };
        this.#link.close(reason);
        return;
      case "closed":
        return;
      default:
        this.#phase satisfies never;
    }
  }

  #greet(): void {
    if (this.#phase.name !== "opening") return;
    this.#phase = { name: "greeting", reader: new FrameReader(HELLO_BYTES_MAX) };
    this.#cancelDeadline();
    this.#cancelDeadline = this.#deadline(
      this.#options.helloTimeoutMs ?? HELLO_TIMEOUT_MS,
      "say hello",
    );
    const nonce = Buffer.from(randomBytes(NONCE_BYTES)).toString("base64url");
    const text = writeHello(this.#options.self, this.id, nonce);
    for (const frame of encodeMessage(text, this.#link.frameBytesMax)) this.#link.send(frame);
  }

  #receive(bytes: Uint8Array): void {
    const phase = this.#phase;
    if (phase.name !== "greeting" && phase.name !== "open") return;
    try {
      const frame = phase.reader.read(bytes);
      if (frame === undefined) return;
      if (phase.name === "greeting") {
        if (frame.kind !== "message") throw new HelloError(`Expected a hello, got ${frame.kind}`);
        this.#believe(frame.text);
        return;
      }
      switch (frame.kind) {
        case "message":
          return this.#options.handlers.message(frame.text);
        case "data":
          return this.#options.handlers.data(frame.stream, frame.offset, frame.bytes);
        case "bye":
          this.#phase = { name: "closed" };
          return this.#link.close(`Peer closed the link: ${JSON.stringify(frame.reason)}`);
        default:
          frame satisfies never;
      }
    } catch (error) {
      if (!(error instanceof HelloError) && !(error instanceof FrameError)) throw error;
      this.close(error.message);
    }
  }

  #believe(text: string): void {
    const { self, expectedPeerId, handlers } = this.#options;
    const hello = readHello(text, { self, linkId: this.id, peerId: expectedPeerId });
    this.#cancelDeadline();
    this.#phase = { name: "open", reader: new FrameReader(LINK_MESSAGE_BYTES_MAX), hello };
    handlers.opened(hello);
  }

  #end(reason: string): void {
    this.#phase = { name: "closed" };
    this.#cancelDeadline();
    this.#options.handlers.closed(reason);
  }

  #deadline(delayMs: number, what: string): () => void {
    return this.#options.timers.set(
      delayMs,
      () => this.close(`Expected the other end to ${what} within ${delayMs} ms, got nothing`),
    );
  }

  #mustBeOpen(): void {
    if (this.#phase.name !== "open") {
      throw new Error(`Expected an open link to send on, got one that is ${this.#phase.name}`);
    }
  }
}
