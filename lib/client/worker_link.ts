/** A client's link to one worker: dialled through the session, watched for life, closed in order. */

import { Failure } from "../base/failure.ts";
import type { PeerId, RequestId } from "../base/id.ts";
import { SECOND_MS } from "../base/time.ts";
import { decodeJson } from "../protocol/decode.ts";
import type { JobMessage } from "../protocol/job_message.ts";
import { isClientMessage, isObserverMessage, linkMessageSchema } from "../protocol/link_message.ts";
import type { DirectoryMessage } from "../protocol/mesh_message.ts";
import type { Filters, WorkerList } from "../protocol/query.ts";
import type { TransferMessage } from "../protocol/transfer_message.ts";
import type { ObserverMessage, WatchRequest } from "../protocol/watch_message.ts";
import type { BackendName, IceServer, LinkBackend } from "../rtc/link.ts";
import { PeerLink } from "../rtc/peer_link.ts";
import { newLinkId, newRequestId } from "../runtime/chance.ts";
import type { RoomAccess } from "../runtime/config.ts";
import type { PeerIdentity } from "../runtime/credentials.ts";
import { tellPeer } from "../runtime/link_speech.ts";
import { systemTimers } from "../runtime/timers.ts";
import type { Session } from "./session.ts";

/** For each attempt to connect; a fresh link each time (ARCHITECTURE decision 10). */
const DIAL_MS = [2_000, 3_000, 6_000] as const;
/** Between two looks at the worker, each of which also gives it a sign of life. */
const LOOK_EVERY_MS = SECOND_MS;
/** For an answer to a query. */
const ANSWER_MS = 5 * SECOND_MS;
/**
 * Looks in a row without a word since the last one, after which the worker is lost. Looks, and not
 * time: a laptop that was asleep has not listened.
 */
const SILENT_LOOKS_MAX = 10;
/** The same where the server misses the worker too. */
const MISSED_SILENT_LOOKS_MAX = 3;

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
  /** Where left out, the worker may say nothing of the sort: nobody watches. */
  observed?(message: ObserverMessage): void;
  /** The worker is lost, or the link was closed. Called exactly once. */
  lost(failure: Failure): void;
}

/** An open link to a worker. */
export class WorkerLink {
  readonly worker: PeerId;
  readonly link: PeerLink;
  readonly #stopListening: () => void;
  readonly #timer: ReturnType<typeof setInterval>;
  readonly #questions = new Map<RequestId, PromiseWithResolvers<WorkerList>>();
  #silentLooks = 0;
  #missed = false;

  private constructor(worker: PeerId, link: PeerLink, session: Session) {
    this.worker = worker;
    this.link = link;
    this.#stopListening = session.onLeft((peerId) => this.#missed ||= peerId === worker);
    this.#timer = setInterval(() => this.#look(), LOOK_EVERY_MS);
  }

  get backend(): BackendName {
    return this.link.backend;
  }

  /**
   * Dials `worker`, with a fresh attempt after each that fails.
   *
   * @throws {Failure} Where no attempt opens.
   * @throws The signal's reason, where it is aborted.
   */
  static async open(
    worker: PeerId,
    backend: LinkBackend,
    session: Session,
    handlers: WorkerLinkHandlers,
    options: WorkerLinkOptions,
  ): Promise<WorkerLink> {
    const reasons: string[] = [];
    for (const [attempt, limitMs] of DIAL_MS.entries()) {
      // Believed once: the mark of a machine may be that of its copy.
      const isNear = attempt === 0 && session.isNear(worker);
      const how = { ...options, limitMs, isNear };
      options.signal.throwIfAborted();
      try {
        return await WorkerLink.#dial(worker, backend, session, handlers, how);
      } catch (error) {
        options.signal.throwIfAborted();
        if (!(error instanceof Failure)) throw error;
        reasons.push(error.message);
      }
    }
    throw new Failure(
      "worker_lost",
      `Expected a link to ${worker}, got none in ${DIAL_MS.length} attempts: ${reasons.join("; ")}`,
    );
  }

  /** Says something to the worker. Where that cannot be, `lost` follows. */
  say(message: JobMessage | TransferMessage | WatchRequest): void {
    tellPeer(this.link, message);
  }

  /**
   * Asks the worker which workers there are: one hop, no server.
   *
   * @throws {Failure} Where no answer comes in time, or the worker is lost.
   */
  async discover(filters: Filters): Promise<WorkerList> {
    const request_id = newRequestId();
    const answer = Promise.withResolvers<WorkerList>();
    const timer = setTimeout(
      () => answer.reject(new Failure("worker_lost", `${this.worker} did not answer a query`)),
      ANSWER_MS,
    );
    this.#questions.set(request_id, answer);
    const question: DirectoryMessage = { type: "query_workers", request_id, filters };
    if (!tellPeer(this.link, question)) {
      answer.reject(new Failure("worker_lost", `The link to ${this.worker} is closed`));
    }
    try {
      return await answer.promise;
    } finally {
      clearTimeout(timer);
      this.#questions.delete(request_id);
    }
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
    options: WorkerLinkOptions & { readonly limitMs: number; readonly isNear: boolean },
  ): Promise<WorkerLink> {
    const { room, identity, iceServers, limitMs, isNear, signal: abortSignal } = options;
    const id = newLinkId();
    const dialled = Promise.withResolvers<WorkerLink>();
    let open: WorkerLink | undefined;
    const link = new PeerLink(backend, {
      id,
      role: "offerer",
      isNear,
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
          abortSignal.removeEventListener("abort", abort);
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
          abortSignal.removeEventListener("abort", abort);
          const failure = new Failure("worker_lost", `Link to ${worker} closed: ${reason}`);
          dialled.reject(failure);
          if (open === undefined) return;
          open.#end(failure);
          handlers.lost(failure);
        },
      },
    });
    const abort = () => link.close("Nobody waits for the link any more");
    abortSignal.addEventListener("abort", abort, { once: true });
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
    const message = decoded.value;
    if (message.type === "worker_list") {
      return this.#questions.get(message.request_id)?.resolve(message.list);
    }
    if (handlers.observed !== undefined && isObserverMessage(message)) {
      return handlers.observed(message);
    }
    if (isClientMessage(message)) return handlers.message(message);
    this.close(`Expected a message for a client, got ${message.type}`);
  }

  #hear(): void {
    this.#silentLooks = 0;
    this.#missed = false;
  }

  #look(): void {
    this.#silentLooks++;
    if (this.#silentLooks > (this.#missed ? MISSED_SILENT_LOOKS_MAX : SILENT_LOOKS_MAX)) {
      const silentMs = this.#silentLooks * LOOK_EVERY_MS;
      return this.close(`The worker was silent for ${silentMs} ms`);
    }
    this.say({ type: "job_alive" });
  }

  #end(failure: Failure): void {
    for (const answer of this.#questions.values()) answer.reject(failure);
    clearInterval(this.#timer);
    this.#stopListening();
  }
}
