/**
 * One process of a simulated client: registered with the server, and with at most one link to a worker.
 * Knows how to get there, not what is wanted.
 */

import { isLinkId, type LinkId, type PeerId, type RoomId } from "../../lib/base/id.ts";
import { signalled } from "../../lib/mesh/courier.ts";
import type { Input } from "../../lib/mesh/input.ts";
import { signalOf } from "../../lib/protocol/link_signal.ts";
import type { FromServer } from "../../lib/protocol/signal_message.ts";
import type { LinkLayer, LinkUser, LinkWord } from "./link_layer.ts";
import type { SignalServer, Socket, SocketUser } from "./signal_server.ts";
import type { WireCheck } from "./wire_check.ts";

const DIAL_MS = 3_000;

/** What a line is made of. */
export interface ClientLineOptions {
  /** The machine it is on. */
  readonly name: string;
  readonly peerId: PeerId;
  readonly server: SignalServer;
  readonly links: LinkLayer;
  readonly wire: WireCheck;
  readonly roomId: RoomId;
  readonly opened: () => void;
  readonly heard: (message: LinkWord) => void;
  /** The link is over; also where it never opened. */
  readonly closed: () => void;
}

interface Call {
  readonly linkId: LinkId;
  readonly worker: PeerId;
  isOpen: boolean;
}

/** A line to at most one worker at a time. */
export class ClientLine implements LinkUser, SocketUser {
  readonly name: string;
  readonly peerId: PeerId;
  readonly incarnation = 1;
  readonly metadata = { tags: [], properties: {} };
  readonly role = "client";
  readonly #options: ClientLineOptions;
  #state: "running" | "dead" = "running";
  #socket: Socket | undefined;
  #call: Call | undefined;
  #count = 0;

  constructor(options: ClientLineOptions) {
    this.name = options.name;
    this.peerId = options.peerId;
    this.#options = options;
  }

  get state(): "running" | "dead" {
    return this.#state;
  }

  /** The worker that it has a link to, or is about to. */
  get worker(): PeerId | undefined {
    return this.#call?.worker;
  }

  /** Whether the link is open. */
  get isOpen(): boolean {
    return this.#call?.isOpen === true;
  }

  /** Registers with the server, unless it is registered. */
  connect(): void {
    const { roomId, server } = this.#options;
    this.#socket ??= server.connect(this, {
      type: "register",
      room_id: roomId,
      token: "not looked at",
      peer_id: this.peerId,
      role: this.role,
      incarnation: this.incarnation,
      protocol: 1,
      public_key: "not looked at",
      signature: "not looked at",
      metadata: this.metadata,
    });
  }

  /** Calls a worker, where it has no link and the server is there. */
  call(worker: PeerId): void {
    if (this.#call !== undefined || this.#socket === undefined) return;
    const linkId = `${this.peerId.replace("-", ".")}.${++this.#count}`;
    if (!isLinkId(linkId)) throw new Error(`Expected a link id, got ${linkId}`);
    this.#call = { linkId, worker, isOpen: false };
    this.#options.links.begin(this, linkId, worker, true, DIAL_MS);
  }

  /** Says something to the worker. Without an open link, nothing happens. */
  say(message: LinkWord): void {
    const { links, wire } = this.#options;
    if (this.#call?.isOpen === true) links.send(this, this.#call.linkId, wire.client(message));
  }

  /** Ends the link. What was said on it before still arrives. */
  hangUp(): void {
    const call = this.#call;
    this.#call = undefined;
    if (call !== undefined) this.#options.links.drop(this, call.linkId, "The client is done");
  }

  /** The process is killed. */
  kill(): void {
    this.#state = "dead";
    this.#options.links.vanish(this);
    this.#socket?.close();
    this.#socket = undefined;
    this.#call = undefined;
  }

  /** It is started again. */
  revive(): void {
    this.#state = "running";
  }

  hear(message: FromServer): void {
    if (message.type === "ping") return this.#socket?.send({ type: "pong" });
    if (message.type !== "mesh_answer" && message.type !== "ice_candidate") return;
    this.#options.links.deliver(this, message.link_id, signalOf(message));
  }

  lose(): void {
    this.#socket = undefined;
  }

  take(input: Input): void {
    const call = this.#call;
    if (this.#state === "dead" || call === undefined) return;
    if (!("linkId" in input) || input.linkId !== call.linkId) return;
    if (input.type === "link_signal") {
      this.#socket?.send(signalled(call.worker, call.linkId, input.signal));
    } else if (input.type === "link_opened") {
      call.isOpen = true;
      this.#options.opened();
    } else if (input.type === "link_closed") {
      this.#call = undefined;
      this.#options.closed();
    }
  }

  hearOn(linkId: LinkId, _from: PeerId, message: LinkWord): void {
    if (this.#state === "running" && linkId === this.#call?.linkId) this.#options.heard(message);
  }
}
