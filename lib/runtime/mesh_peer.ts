/**
 * One worker's presence in its room, with real parts: a node, its links, and its registration with the
 * server. Passes on what clients say; knows nothing of jobs.
 */

import { Failure } from "../base/failure.ts";
import type { JobId, PeerId } from "../base/id.ts";
import type { Log } from "../base/log.ts";
import type { MeshTraffic } from "./mesh_runner.ts";
import { MeshNode } from "../mesh/node.ts";
import type { MeshView } from "../mesh/view.ts";
import { decodeJson } from "../protocol/decode.ts";
import type { Hello } from "../protocol/hello.ts";
import type { JobMessage } from "../protocol/job_message.ts";
import { isClientMessage, isMeshMessage, linkMessageSchema } from "../protocol/link_message.ts";
import type { RefusalCode } from "../protocol/signal_message.ts";
import type { TransferMessage } from "../protocol/transfer_message.ts";
import type { CurrentJob, Metadata, WorkerStatus } from "../protocol/worker.ts";
import type { IceServer, LinkBackend } from "../rtc/link.ts";
import type { PeerLink } from "../rtc/peer_link.ts";
import { systemRandom } from "./chance.ts";
import { systemClock } from "./clock.ts";
import type { RoomAccess } from "./config.ts";
import type { PeerIdentity } from "./credentials.ts";
import { LinkCensus } from "./link_census.ts";
import { LinkHub } from "./link_hub.ts";
import { tellPeer } from "./link_speech.ts";
import { MeshRunner } from "./mesh_runner.ts";
import { nodeSigner } from "./node_signer.ts";
import { SignalClient } from "./signal_client.ts";

/** Attempts to reach the server at the start before the worker gives up. */
const FIRST_ATTEMPTS_MAX = 3;

/** Who enters which room, and what it says of itself. Automerge must be loaded. */
export interface MeshPeerOptions {
  readonly room: RoomAccess;
  readonly identity: PeerIdentity;
  readonly peerId: PeerId;
  /** Which life of this peer it is: higher than any before. */
  readonly incarnation: number;
  readonly metadata: Metadata;
  readonly iceServers: readonly IceServer[];
  readonly log: Log;
  /** What it does as it comes, such as a job of an earlier life; it is free where left out. */
  readonly doing?: { readonly status: WorkerStatus; readonly currentJob: CurrentJob | null };
  readonly handlers: MeshPeerHandlers;
}

/** What a mesh peer tells its owner. */
export interface MeshPeerHandlers {
  /** The server has let us in, for the first time. */
  registered(): void;
  /** We are not in the room and shall not be. Nothing follows. */
  failed(failure: Failure): void;
  clientCame(client: PeerId, link: PeerLink): void;
  clientSaid(client: PeerId, message: JobMessage | TransferMessage): void;
  clientSent(client: PeerId, index: number, offset: number, bytes: Uint8Array): void;
  clientLeft(client: PeerId, link: PeerLink): void;
  /** What is known of the room may have changed. */
  stepped?(): void;
}

/** A worker in its room. */
export class MeshPeer {
  readonly #options: MeshPeerOptions;
  readonly #node: MeshNode;
  readonly #hub: LinkHub;
  readonly #census = new LinkCensus(() => this.#hub.all, systemClock);
  readonly #runner: MeshRunner;
  readonly #signaling: SignalClient;
  #wasRegistered = false;
  #failedAttempts = 0;

  constructor(backend: LinkBackend, options: MeshPeerOptions) {
    const { room, identity, peerId, incarnation, metadata, iceServers, log } = options;
    const { roomId } = room;
    const { publicKey } = identity;
    const signer = nodeSigner(identity);
    const random = systemRandom;
    const node = new MeshNode({ roomId, peerId, incarnation, metadata, signer, random });
    this.#options = options;
    this.#node = node;
    this.#hub = new LinkHub(backend, {
      self: { roomId, peerId, role: "worker", incarnation, publicKey, metadata },
      iceServers,
      handlers: {
        signal: (linkId, signal) => this.#runner.push({ type: "link_signal", linkId, signal }),
        opened: (link, hello) => this.#opened(link, hello),
        message: (link, hello, text) => this.#hear(link, hello, text),
        data: (_link, { role, peer_id }, index, offset, bytes) => {
          if (role === "client") options.handlers.clientSent(peer_id, index, offset, bytes);
        },
        closed: (link, peerId, hello, reason) => {
          this.#runner.push({ type: "link_closed", linkId: link.id, peerId, reason });
          if (hello?.role === "client") options.handlers.clientLeft(peerId, link);
        },
      },
    });
    this.#runner = new MeshRunner(node, {
      clock: systemClock,
      log,
      begin: (role, linkId, peerId, limitMs) => this.#hub.begin(role, linkId, peerId, limitMs),
      link: (linkId) => this.#hub.get(linkId),
      tellServer: (message) => this.#signaling.send(message),
      superseded: (message) => this.#superseded(message),
      stepped: () => options.handlers.stepped?.(),
    });
    this.#signaling = new SignalClient({
      server: room.server,
      roomId,
      token: room.token,
      peerId,
      role: "worker",
      incarnation,
      identity,
      metadata: () => node.presence,
      log,
      handlers: {
        said: (message) => {
          this.#runner.push({ type: "server_said", message });
          if (message.type !== "registered_auth" || this.#wasRegistered) return;
          this.#wasRegistered = true;
          options.handlers.registered();
        },
        lost: (reason) => this.#serverLost(reason),
        refused: (code, message) => this.#refused(code, message),
      },
    });
    // First, so that no change to the room state ever says that a worker is free which comes with a job.
    const { doing } = options;
    if (doing !== undefined && doing.status !== "available") {
      this.tell(doing.status, doing.currentJob);
    }
    this.#runner.push({ type: "started" });
  }

  /** What this worker knows of its room. */
  get view(): MeshView {
    return this.#node.view(systemClock.now());
  }

  /** The room state as it stands here: the same object as long as nothing changes. */
  get entries(): MeshView["entries"] {
    return this.#node.entries;
  }

  /** What has been said to other workers so far, and frames to and from the server. */
  get traffic(): MeshTraffic & { readonly serverFrames: number } {
    return { ...this.#runner.traffic, serverFrames: this.#signaling.frames };
  }

  /** Why the slot, although it is free, is not for that client's job; `undefined` where it is. */
  objectionTo(client: PeerId, jobId: JobId): string | undefined {
    return this.#node.objectionTo(client, jobId);
  }

  /** Tells the room what this worker does. */
  tell(status: WorkerStatus, currentJob: CurrentJob | null): void {
    this.#runner.push({ type: "status_changed", status, currentJob });
  }

  /** Tells the room what this worker is. */
  describe(metadata: Metadata): void {
    this.#runner.push({ type: "metadata_changed", metadata });
  }

  /** Leaves in order: first the mesh, the server last. */
  async leave(): Promise<void> {
    this.#runner.stop();
    await this.#hub.close("The worker stops");
    await this.#signaling.stop();
  }

  #opened(link: PeerLink, hello: Hello): void {
    const { peer_id: peerId, role, incarnation, metadata } = hello;
    if (role === "client") this.#options.handlers.clientCame(peerId, link);
    this.#runner.push({
      type: "link_opened",
      linkId: link.id,
      peerId,
      role,
      incarnation,
      metadata,
    });
  }

  /** Workers speak of the mesh, clients of jobs; a question may come from either. */
  #hear(link: PeerLink, hello: Hello, text: string): void {
    const decoded = decodeJson(text, linkMessageSchema);
    if (!decoded.ok) return link.close(`Expected a message of the protocol: ${decoded.reason}`);
    const message = decoded.value;
    const { peer_id: peerId, role } = hello;
    if (message.type === "query_workers") {
      const asker = { by: "link", peerId, linkId: link.id } as const;
      const { request_id: requestId, filters } = message;
      return this.#runner.push({ type: "asked", asker, requestId, filters });
    }
    if (role === "client" && message.type === "watch") {
      const { heads } = message;
      return this.#runner.push({ type: "watched", linkId: link.id, peerId, heads });
    }
    if (role === "client" && message.type === "unwatch") {
      return this.#runner.push({ type: "unwatched", linkId: link.id });
    }
    if (role === "client" && message.type === "link_query") {
      const answer = this.#census.answer(link);
      if (answer !== undefined) tellPeer(link, answer);
      return;
    }
    if (role === "client" && message.type === "queue_join") {
      const { job_id: jobId, needs } = message;
      const wallMs = systemClock.wallMs();
      const joined = { linkId: link.id, peerId, jobId, needs, wallMs };
      return this.#runner.push({ type: "queue_joined", ...joined });
    }
    if (role === "client" && message.type === "queue_leave") {
      const left = { linkId: link.id, peerId, jobId: message.job_id };
      return this.#runner.push({ type: "queue_left", ...left });
    }
    if (role === "client" && isClientMessage(message)) {
      return this.#options.handlers.clientSaid(peerId, message);
    }
    if (role === "worker" && isMeshMessage(message)) {
      return this.#runner.push({ type: "peer_said", linkId: link.id, peerId, message });
    }
    link.close(`Expected a message that a ${role} may send, got ${message.type}`);
  }

  /** Once in its room, a worker waits for the server for ever; at its start, somebody waits for it. */
  #serverLost(reason: string): void {
    const { log, room, handlers } = this.#options;
    const facts = { event: "server_lost" };
    log.write("warning", `The signaling server is out of reach: ${reason}`, facts);
    this.#runner.push({ type: "server_lost" });
    if (this.#wasRegistered || ++this.#failedAttempts < FIRST_ATTEMPTS_MAX) return;
    handlers.failed(
      new Failure(
        "server_unreachable",
        `Expected a signaling server at ${room.server}, got: ${reason}; check the address and that \`sleap-rtc signal\` runs there`,
      ),
    );
  }

  /** What others hear of this worker from now on comes from the other process. */
  #superseded(message: string): void {
    this.#options.log.write("error", message, { event: "superseded" });
    // Ended for good when `leave` is done; it must not register again meanwhile, against the other.
    void this.#signaling.stop();
    this.#options.handlers.failed(new Failure("room_refused", message));
  }

  #refused(code: RefusalCode, message: string): void {
    if (code === "REPLACED") return this.#runner.push({ type: "replaced" });
    const facts = { event: "server_refused", code };
    this.#options.log.write("error", `The server does not let us in: ${message}`, facts);
    this.#options.handlers.failed(new Failure("room_refused", message));
  }
}
