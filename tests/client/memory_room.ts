/** A room with real nodes on a real server, linked in memory: for tests of clients with links. */

import { SILENT_LOG } from "../../lib/base/log.ts";
import type { LinkedOptions } from "../../lib/client/linked_session.ts";
import { Session } from "../../lib/client/session.ts";
import type { Metadata } from "../../lib/protocol/worker.ts";
import type { Link, LinkOptions } from "../../lib/rtc/link.ts";
import { loadAutomerge } from "../../lib/runtime/automerge_module.ts";
import { temporaryIdentity } from "../../lib/runtime/credentials.ts";
import { MeshPeer } from "../../lib/runtime/mesh_peer.ts";
import { MemoryBackend } from "../rtc/memory_backend.ts";
import { until } from "../runtime/condition.ts";
import { SignalingLab } from "../runtime/signaling_lab.ts";

/** Links in memory whose offerer, like a real one, makes itself known by an offer. */
export class OfferingBackend extends MemoryBackend {
  /** What every link claims to hold back: as if nobody read at the other end. */
  bufferedBytes = 0;

  override create(options: LinkOptions): Link {
    const link = super.create(options);
    Object.defineProperty(link, "bufferedBytes", { get: () => this.bufferedBytes });
    if (options.role === "offerer") {
      queueMicrotask(() => options.handlers.signal({ kind: "offer", sdp: "in memory" }));
    }
    return link;
  }
}

/** A room of workers without jobs. */
export class MemoryRoom {
  readonly backend = new OfferingBackend();
  readonly workers: readonly MeshPeer[];
  readonly #signaling: SignalingLab;
  readonly #left = new Set<MeshPeer>();

  private constructor(signaling: SignalingLab, metadata: readonly Metadata[]) {
    this.#signaling = signaling;
    this.workers = metadata.map((each, index) => this.#enter(`w${index}`, each));
  }

  /** Runs `body` in a room whose workers are linked and agree on the admin; the last state is freed. */
  static async with(
    metadata: readonly Metadata[],
    body: (room: MemoryRoom) => Promise<void>,
  ): Promise<void> {
    await loadAutomerge();
    await SignalingLab.with(async (signaling) => {
      const room = new MemoryRoom(signaling, metadata);
      try {
        await until("a mesh with an admin", () => room.#isSettled());
        await body(room);
      } finally {
        for (const worker of room.workers) await room.leave(worker);
      }
    });
  }

  /** What a client needs to enter the room. */
  optionsOf(signal = new AbortController().signal): LinkedOptions {
    return {
      room: this.#signaling.room,
      identity: temporaryIdentity(),
      rtc: "auto",
      iceServers: [],
      log: SILENT_LOG,
      signal,
    };
  }

  /** Runs `body` with a client that is in the room. */
  async withClient(
    body: (session: Session, options: LinkedOptions) => Promise<void>,
  ): Promise<void> {
    const options = this.optionsOf();
    const session = await Session.open(options);
    try {
      await body(session, options);
    } finally {
      await session.close();
    }
  }

  /** A worker leaves. Twice does nothing. */
  async leave(worker: MeshPeer): Promise<void> {
    if (this.#left.has(worker)) return;
    this.#left.add(worker);
    await worker.leave();
  }

  #isSettled(): boolean {
    const [first, ...others] = this.workers.map(({ view }) => view);
    const isWhole = (view: MeshPeer["view"]) =>
      view.entries.size === this.workers.length && view.links.length === this.workers.length - 1;
    return first?.admin !== undefined && isWhole(first) &&
      others.every((view) => isWhole(view) && view.admin === first.admin);
  }

  #enter(name: string, metadata: Metadata): MeshPeer {
    const identity = temporaryIdentity();
    return new MeshPeer(this.backend, {
      room: this.#signaling.room,
      identity,
      peerId: identity.peerIdOf(name),
      incarnation: 1,
      metadata,
      iceServers: [],
      log: SILENT_LOG,
      handlers: {
        registered: () => {},
        failed: (failure) => {
          throw failure;
        },
        clientCame: () => {},
        clientSaid: () => {},
        clientSent: () => {},
        clientLeft: () => {},
      },
    });
  }
}
