/** A worker: joins its room, takes part in the mesh and runs jobs, until it is asked to stop. */

import type { PeerId, RoomId } from "../base/id.ts";
import { Failure } from "../base/failure.ts";
import type { Log } from "../base/log.ts";
import type { Executables } from "../job/runner.ts";
import { MeshNode } from "../mesh/node.ts";
import { decodeJson } from "../protocol/decode.ts";
import type { Hello } from "../protocol/hello.ts";
import { isClientMessage, isMeshMessage, linkMessageSchema } from "../protocol/link_message.ts";
import type { JobSpec } from "../protocol/job_spec.ts";
import type { RefusalCode } from "../protocol/signal_message.ts";
import { SOFTWARE_VERSION } from "../protocol/version.ts";
import type { Metadata } from "../protocol/worker.ts";
import { selectBackend } from "../rtc/backend.ts";
import { guardAgainstStrayFailures } from "../rtc/guard.ts";
import type { BackendName, IceServer, LinkBackend } from "../rtc/link.ts";
import type { PeerLink } from "../rtc/peer_link.ts";
import { loadAutomerge } from "./automerge_module.ts";
import { systemRandom } from "./chance.ts";
import { systemClock } from "./clock.ts";
import type { RoomAccess, RtcChoice } from "./config.ts";
import type { PeerIdentity } from "./credentials.ts";
import { JobDesk } from "./job_desk.ts";
import { LinkHub } from "./link_hub.ts";
import { MeshRunner } from "./mesh_runner.ts";
import { nodeSigner } from "./node_signer.ts";
import { selfCommand } from "./self_command.ts";
import { SignalClient } from "./signal_client.ts";
import { holdWorkerFolder } from "./worker_folder.ts";

/** Attempts to reach the server at the start before the worker gives up. */
const FIRST_ATTEMPTS_MAX = 3;

/** What a worker is told at its start. */
export interface WorkerOptions {
  readonly room: RoomAccess;
  readonly identity: PeerIdentity;
  readonly rtc: RtcChoice;
  /** What people call it; its peer id is this and the key's digest. */
  readonly name: string;
  /** What it keeps across its lives: one worker at a time. */
  readonly folder: string;
  /** GPU memory in MB; 0 where there is no GPU. */
  readonly gpuMemoryMb: number;
  readonly gpuModel: string | undefined;
  readonly tags: readonly string[];
  /** The trainers of this machine, by absolute path. */
  readonly executables: Omit<Executables, "self">;
  readonly runners: readonly JobSpec["runner"][];
  readonly iceServers: readonly IceServer[];
  /** Called once, when the worker is in its room. */
  readonly ready: (facts: WorkerReady) => void;
  readonly log: Log;
  /** Aborted, the worker leaves in order. */
  readonly signal: AbortSignal;
}

/** A worker that is in its room. */
export interface WorkerReady {
  readonly peer_id: PeerId;
  readonly room_id: RoomId;
  readonly rtc: BackendName;
}

/**
 * Runs a worker until `signal` is aborted.
 *
 * @throws {Failure} Where the server does not let it into the room at its start.
 * @throws {Error} Where its folder is held, or no WebRTC backend loads.
 */
export async function runWorker(options: WorkerOptions): Promise<void> {
  using folder = await holdWorkerFolder(options.folder, systemClock.wallMs());
  await loadAutomerge();
  using _guard = guardAgainstStrayFailures(options.log);
  const backend = await selectBackend(options.rtc, options.log);
  await new Worker(options, folder.incarnation, backend).run();
}

class Worker {
  readonly #options: WorkerOptions;
  readonly #peerId: PeerId;
  readonly #hub: LinkHub;
  readonly #runner: MeshRunner;
  readonly #desk: JobDesk;
  readonly #signaling: SignalClient;
  readonly #over = Promise.withResolvers<void>();
  #wasRegistered = false;
  #failedAttempts = 0;

  constructor(options: WorkerOptions, incarnation: number, backend: LinkBackend) {
    const { room, identity, log } = options;
    const peerId = identity.peerIdOf(options.name);
    const metadata = metadataOf(options, backend.name);
    const { roomId } = room;
    const signer = nodeSigner(identity);
    const random = systemRandom;
    const node = new MeshNode({ roomId, peerId, incarnation, metadata, signer, random });
    const { publicKey } = identity;
    this.#options = options;
    this.#peerId = peerId;
    this.#hub = new LinkHub(backend, {
      self: { roomId, peerId, role: "worker", incarnation, publicKey, metadata },
      iceServers: options.iceServers,
      handlers: {
        signal: (linkId, signal) => this.#runner.push({ type: "link_signal", linkId, signal }),
        opened: (link, hello) => this.#opened(link, hello),
        message: (link, hello, text) => this.#hear(link, hello, text),
        data: (_link, hello, index, offset, bytes) => {
          if (hello.role === "client") this.#desk.data(hello.peer_id, index, offset, bytes);
        },
        closed: (link, peerId, hello, reason) => {
          this.#runner.push({ type: "link_closed", linkId: link.id, peerId, reason });
          if (hello?.role === "client") this.#desk.leave(peerId, link);
        },
      },
    });
    this.#runner = new MeshRunner(node, {
      clock: systemClock,
      log,
      begin: (role, linkId, peerId, limitMs) => this.#hub.begin(role, linkId, peerId, limitMs),
      link: (linkId) => this.#hub.get(linkId),
      tellServer: (message) => this.#signaling.send(message),
    });
    this.#desk = new JobDesk({
      folder: options.folder,
      executables: { ...options.executables, self: selfCommand() },
      runners: options.runners,
      clock: systemClock,
      log,
      status: (status, currentJob) =>
        this.#runner.push({ type: "status_changed", status, currentJob }),
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
          if (message.type === "registered_auth") this.#registered();
        },
        lost: (reason) => this.#serverLost(reason),
        refused: (code, message) => this.#refused(code, message),
      },
    });
  }

  async run(): Promise<void> {
    const { signal } = this.#options;
    const stop = () => this.#over.resolve();
    signal.addEventListener("abort", stop, { once: true });
    if (signal.aborted) stop();
    this.#runner.push({ type: "started" });
    try {
      await this.#over.promise;
    } finally {
      signal.removeEventListener("abort", stop);
      // First the job, so that its client hears how it ended; then the mesh; the server last.
      await this.#desk.stop();
      this.#runner.stop();
      await this.#hub.close("The worker stops");
      await this.#signaling.stop();
    }
  }

  #opened(link: PeerLink, hello: Hello): void {
    const { peer_id: peerId, role, incarnation, metadata } = hello;
    if (role === "client") this.#desk.welcome(peerId, link);
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
    if (message.type === "query_workers") {
      const asker = { by: "link", peerId: hello.peer_id, linkId: link.id } as const;
      const { request_id: requestId, filters } = message;
      return this.#runner.push({ type: "asked", asker, requestId, filters });
    }
    if (hello.role === "client" && isClientMessage(message)) {
      return this.#desk.hear(hello.peer_id, message);
    }
    if (hello.role === "worker" && isMeshMessage(message)) {
      return this.#runner.push({
        type: "peer_said",
        linkId: link.id,
        peerId: hello.peer_id,
        message,
      });
    }
    link.close(`Expected a message that a ${hello.role} may send, got ${message.type}`);
  }

  #registered(): void {
    if (this.#wasRegistered) return;
    this.#wasRegistered = true;
    const { room, ready } = this.#options;
    ready({ peer_id: this.#peerId, room_id: room.roomId, rtc: this.#hub.backend });
  }

  /** Once in its room, a worker waits for the server for ever; at its start, somebody waits for it. */
  #serverLost(reason: string): void {
    const { log, room } = this.#options;
    const facts = { event: "server_lost" };
    log.write("warning", `The signaling server is out of reach: ${reason}`, facts);
    this.#runner.push({ type: "server_lost" });
    if (this.#wasRegistered || ++this.#failedAttempts < FIRST_ATTEMPTS_MAX) return;
    this.#over.reject(
      new Failure(
        "server_unreachable",
        `Expected a signaling server at ${room.server}, got: ${reason}; check the address and that \`sleap-rtc signal\` runs there`,
      ),
    );
  }

  #refused(code: RefusalCode, message: string): void {
    if (!this.#wasRegistered) return this.#over.reject(new Failure("room_refused", message));
    const facts = { event: "server_refused", code };
    this.#options.log.write("error", `The server no longer lets us in: ${message}`, facts);
    this.#over.reject(new Failure("room_refused", message));
  }
}

function metadataOf(options: WorkerOptions, rtc: BackendName): Metadata {
  const { name, gpuMemoryMb, gpuModel, tags, runners } = options;
  return {
    tags: [...new Set(["sleap-rtc", "training-worker", ...tags])],
    properties: {
      worker_name: name,
      hostname: Deno.hostname(),
      gpu_memory_mb: gpuMemoryMb,
      gpu_model: gpuModel ?? "none",
      sleap_rtc_version: SOFTWARE_VERSION,
      supported_job_types: ["training"],
      runners: [...runners],
      rtc,
    },
  };
}
