/** A client's link to one worker: dialled through the session, watched for life, closed in order. */

import { Failure } from "../base/failure.ts";
import type { PeerId } from "../base/id.ts";
import { SECOND_MS } from "../base/time.ts";
import { decodeJson } from "../protocol/decode.ts";
import type { JobMessage } from "../protocol/job_message.ts";
import { isClientMessage, linkMessageSchema } from "../protocol/link_message.ts";
import type { TransferMessage } from "../protocol/transfer_message.ts";
import type { BackendName, IceServer, LinkBackend } from "../rtc/link.ts";
import { PeerLink } from "../rtc/peer_link.ts";
import { newLinkId } from "../runtime/chance.ts";
import { systemClock } from "../runtime/clock.ts";
import type { RoomAccess } from "../runtime/config.ts";
import type { PeerIdentity } from "../runtime/credentials.ts";
import { systemTimers } from "../runtime/timers.ts";
import type { Session } from "./session.ts";

/** For each attempt to connect; a fresh link each time (ARCHITECTURE decision 10). */
const DIAL_MS = [2_000, 3_000, 6_000] as const;
/** Between two signs of life to the worker. */
const ALIVE_EVERY_MS = 2 * SECOND_MS;
/** Silence after which the worker is lost. */
const SILENCE_MS = 10 * SECOND_MS;
/** Silence after which it is lost where the server misses it too. */
const MISSED_SILENCE_MS = 3 * SECOND_MS;

/** How to reach a worker. */
export interface WorkerLinkOptions {
  readonly room: RoomAccess;
  readonly identity: PeerIdentity;
  readonly iceServers: readonly IceServer[];
  readonly signal: AbortSignal;
}

/** What a worker link tells its owner. */
export interface WorkerLinkHandlers {
  message(message: JobMessage | TransferMessage): void;
  data(index: number, offset: number, bytes: Uint8Array): void;
  /** The worker is lost, or the link was closed. Called exactly once. */
  lost(failure: Failure): void;
}

/** An open link to a worker. */
export class WorkerLink {
  readonly worker: PeerId;
  readonly link: PeerLink;
  readonly #stopListening: () => void;
  readonly #timer: ReturnType<typeof setInterval>;
  #heardAt = systemClock.now();
  #missed = false;

  private constructor(worker: PeerId, link: PeerLink, session: Session) {
    this.worker = worker;
    this.link = link;
    this.#stopListening = session.onLeft((peerId) => this.#missed ||= peerId === worker);
    this.#timer = setInterval(() => this.#watch(), ALIVE_EVERY_MS / 2);
  }

  get backend(): BackendName {
    return this.link.backend;
  }

  /**
   * Dials `worker`, with a fresh attempt after each that fails.
   *
   * @throws {Failure} Where no attempt opens.
   */
  static async open(
    worker: PeerId,
    backend: LinkBackend,
    session: Session,
    handlers: WorkerLinkHandlers,
    options: WorkerLinkOptions,
  ): Promise<WorkerLink> {
    const reasons: string[] = [];
    for (const limitMs of DIAL_MS) {
      options.signal.throwIfAborted();
      try {
        return await WorkerLink.#dial(worker, backend, session, handlers, { ...options, limitMs });
      } catch (error) {
        if (!(error instanceof Failure)) throw error;
        reasons.push(error.message);
      }
    }
    throw new Failure(
      "worker_lost",
      `Expected a link to ${worker}, got none in ${DIAL_MS.length} attempts: ${reasons.join("; ")}`,
    );
  }

  /** Says something to the worker. */
  say(message: JobMessage | TransferMessage): void {
    this.link.sendMessage(JSON.stringify(message));
  }

  /** Closes the link; `lost` follows. */
  close(reason: string): void {
    this.link.close(reason);
  }

  static #dial(
    worker: PeerId,
    backend: LinkBackend,
    session: Session,
    handlers: WorkerLinkHandlers,
    options: WorkerLinkOptions & { readonly limitMs: number },
  ): Promise<WorkerLink> {
    const { room, identity, iceServers, limitMs } = options;
    const id = newLinkId();
    const dialled = Promise.withResolvers<WorkerLink>();
    let open: WorkerLink | undefined;
    const link = new PeerLink(backend, {
      id,
      role: "offerer",
      iceServers,
      self: {
        roomId: room.roomId,
        peerId: session.peerId,
        role: "client",
        incarnation: session.incarnation,
        publicKey: identity.publicKey,
        metadata: { tags: [], properties: {} },
      },
      expectedPeerId: worker,
      openTimeoutMs: limitMs,
      timers: systemTimers,
      handlers: {
        signal: (signal) => {
          if (!session.signal(worker, id, signal)) link.close("The server is out of reach");
        },
        opened: () => {
          open = new WorkerLink(worker, link, session);
          dialled.resolve(open);
        },
        message: (text) => {
          if (open !== undefined) open.#receive(text, handlers);
        },
        data: (index, offset, bytes) => {
          if (open !== undefined) open.#hear();
          handlers.data(index, offset, bytes);
        },
        closed: (reason) => {
          stopListening();
          const failure = new Failure("worker_lost", `Link to ${worker} closed: ${reason}`);
          dialled.reject(failure);
          if (open === undefined) return;
          open.#end();
          handlers.lost(failure);
        },
      },
    });
    const stopListening = session.listen(id, {
      signal: (signal) => link.accept(signal),
      undeliverable: (reason) => link.close(reason),
    });
    return dialled.promise;
  }

  #receive(text: string, handlers: WorkerLinkHandlers): void {
    this.#hear();
    const decoded = decodeJson(text, linkMessageSchema);
    if (!decoded.ok) return this.close(`Expected a message of the protocol: ${decoded.reason}`);
    if (isClientMessage(decoded.value)) return handlers.message(decoded.value);
    this.close(`Expected a message for a client, got ${decoded.value.type}`);
  }

  #hear(): void {
    this.#heardAt = systemClock.now();
    this.#missed = false;
  }

  #watch(): void {
    const silentMs = systemClock.now() - this.#heardAt;
    if (silentMs >= (this.#missed ? MISSED_SILENCE_MS : SILENCE_MS)) {
      return this.close(`The worker was silent for ${Math.round(silentMs)} ms`);
    }
    this.say({ type: "job_alive" });
  }

  #end(): void {
    clearInterval(this.#timer);
    this.#stopListening();
  }
}
