/**
 * One client in a room: registered with the signaling server for as long as a command runs. Asks the
 * admin which workers there are, and carries the words that a link to a worker needs.
 */

import type { LinkId, PeerId, RequestId } from "../base/id.ts";
import type { Log } from "../base/log.ts";
import { SECOND_MS } from "../base/time.ts";
import { type LinkSignal, signalOf } from "../protocol/link_signal.ts";
import type { Filters, WorkerList } from "../protocol/query.ts";
import type { FromServer, Presence } from "../protocol/signal_message.ts";
import { signalled } from "../mesh/courier.ts";
import { newRequestId, randomName } from "../runtime/chance.ts";
import { systemClock } from "../runtime/clock.ts";
import type { RoomAccess } from "../runtime/config.ts";
import type { PeerIdentity } from "../runtime/credentials.ts";
import { isOnMachine, machineMark } from "../runtime/machine_mark.ts";
import { SignalClient } from "../runtime/signal_client.ts";
import { Failure } from "../base/failure.ts";
import { listWorkers } from "./room_api.ts";

/** For the admin to answer before the server is asked instead. */
const ADMIN_ANSWER_MS = 2 * SECOND_MS;

/** Who enters which room. */
export interface SessionOptions {
  readonly room: RoomAccess;
  readonly identity: PeerIdentity;
  readonly log: Log;
  readonly signal: AbortSignal;
}

/** An answer, and the way it came. */
export interface Discovery {
  readonly list: WorkerList;
  /** `admin`: relayed from the elected worker; `server`: the server's own copy, by HTTP. */
  readonly via: "admin" | "server";
  readonly tookMs: number;
}

/** Hears what the server passes on for one link. */
export interface LinkListener {
  signal(signal: LinkSignal): void;
  /** The words cannot be delivered. */
  undeliverable(reason: string): void;
}

/** A client's presence in a room. */
export class Session {
  readonly peerId: PeerId;
  readonly incarnation: number;
  readonly #options: SessionOptions;
  readonly #signaling: SignalClient;
  readonly #registered = Promise.withResolvers<void>();
  readonly #questions = new Map<RequestId, (answer: WorkerList | Failure) => void>();
  readonly #links = new Map<LinkId, LinkListener>();
  readonly #mark: string;
  /** Peers on this machine, as far as the server shows them. */
  readonly #near = new Set<PeerId>();
  readonly #leavers = new Set<(peerId: PeerId) => void>();
  #keepsRegistry = true;

  private constructor(options: SessionOptions) {
    const { room, identity, log } = options;
    this.#options = options;
    this.#mark = machineMark(room.roomId);
    // A name of its own for every process: two commands of one person must not replace each other.
    this.peerId = identity.peerIdOf(`${Deno.hostname().slice(0, 24)}-${randomName(4)}`);
    this.incarnation = systemClock.wallMs();
    this.#signaling = new SignalClient({
      server: room.server,
      roomId: room.roomId,
      token: room.token,
      peerId: this.peerId,
      role: "client",
      incarnation: this.incarnation,
      identity,
      metadata: () => ({ tags: ["sleap-rtc", "training-client"], properties: {} }),
      log,
      handlers: {
        said: (message) => this.#hear(message),
        lost: (reason) =>
          this.#registered.reject(
            new Failure(
              "server_unreachable",
              `Expected a signaling server at ${room.server}, got: ${reason}; check the address and that \`sleap-rtc signal\` runs there`,
            ),
          ),
        refused: (_code, message) => this.#registered.reject(new Failure("room_refused", message)),
      },
    });
  }

  /**
   * Enters the room.
   *
   * @throws {Failure} Where the server does not answer, or does not let us in.
   */
  static async open(options: SessionOptions): Promise<Session> {
    const session = new Session(options);
    const abort = () => session.#registered.reject(options.signal.reason);
    options.signal.addEventListener("abort", abort, { once: true });
    try {
      options.signal.throwIfAborted();
      await session.#registered.promise;
      return session;
    } catch (error) {
      await session.close();
      throw error;
    } finally {
      options.signal.removeEventListener("abort", abort);
    }
  }

  /**
   * Asks which workers there are: the admin through the server's relay; the server itself by HTTP
   * where no admin answers.
   *
   * @throws {Failure} Where neither answers.
   * @throws The signal's reason, where it is aborted.
   */
  async discover(filters: Filters): Promise<Discovery> {
    const { room, signal, log } = this.#options;
    signal.throwIfAborted();
    const startedAt = systemClock.now();
    const answer = this.#keepsRegistry
      ? await this.#ask(filters)
      : new Failure("protocol", "The room keeps no registry, and so has no admin");
    signal.throwIfAborted();
    if (!(answer instanceof Failure)) {
      return { list: answer, via: "admin", tookMs: systemClock.now() - startedAt };
    }
    log.write("info", `${answer.message}; asking the server instead`);
    try {
      const list = await listWorkers(room, filters, { signal });
      return { list, via: "server", tookMs: systemClock.now() - startedAt };
    } catch (error) {
      signal.throwIfAborted();
      throw error;
    }
  }

  /** Passes a word for the other end of a link to the server. Gives whether it could be said. */
  signal(worker: PeerId, linkId: LinkId, signal: LinkSignal): boolean {
    return this.#signaling.send(signalled(worker, linkId, signal));
  }

  /** Whether that worker says of itself that it is on this machine. */
  isNear(worker: PeerId): boolean {
    return this.#near.has(worker);
  }

  /** Hears what arrives for a link, until the function that it returns is called. */
  listen(linkId: LinkId, listener: LinkListener): () => void {
    this.#links.set(linkId, listener);
    return () => this.#links.delete(linkId);
  }

  /** Hears which workers the server misses, until the function that it returns is called. */
  onLeft(listener: (peerId: PeerId) => void): () => void {
    this.#leavers.add(listener);
    return () => this.#leavers.delete(listener);
  }

  /** Leaves the room. */
  async close(): Promise<void> {
    for (const answer of this.#questions.values()) {
      answer(new Failure("protocol", "The session ended before the answer came"));
    }
    await this.#signaling.stop();
  }

  #ask(filters: Filters): Promise<WorkerList | Failure> {
    const { signal } = this.#options;
    const request_id = newRequestId();
    return new Promise((resolve) => {
      const timer = setTimeout(
        () => answer(new Failure("protocol", `No admin answered within ${ADMIN_ANSWER_MS} ms`)),
        ADMIN_ANSWER_MS,
      );
      const abort = () => answer(new Failure("protocol", "Nobody waits for the answer any more"));
      const answer = (value: WorkerList | Failure) => {
        clearTimeout(timer);
        signal.removeEventListener("abort", abort);
        this.#questions.delete(request_id);
        resolve(value);
      };
      signal.addEventListener("abort", abort, { once: true });
      this.#questions.set(request_id, answer);
      if (!this.#signaling.send({ type: "query_workers", request_id, filters })) {
        answer(new Failure("server_unreachable", "The server's WebSocket is not open"));
      }
    });
  }

  #hear(message: FromServer): void {
    switch (message.type) {
      case "registered_auth":
        this.#keepsRegistry = message.registry ?? true;
        this.#near.clear();
        for (const peer of message.peers) this.#see(peer);
        return this.#registered.resolve();
      case "worker_list":
        return this.#questions.get(message.request_id)?.(whole(message.list));
      case "mesh_answer":
      case "ice_candidate":
        return this.#links.get(message.link_id)?.signal(signalOf(message));
      case "peer_joined":
        return this.#see(message.peer);
      case "peer_left":
        this.#near.delete(message.peer_id);
        for (const listener of this.#leavers) listener(message.peer_id);
        return;
      case "error":
        if (message.link_id !== undefined) {
          this.#links.get(message.link_id)?.undeliverable(message.message);
        } else if (message.request_id !== undefined) {
          this.#questions.get(message.request_id)?.(new Failure("protocol", message.message));
        }
        return;
      default:
        return;
    }
  }

  #see({ peer_id, metadata }: Presence): void {
    if (isOnMachine(metadata, this.#mark)) this.#near.add(peer_id);
    else this.#near.delete(peer_id);
  }
}

/** `list`, where the admin's answer had room for all of it. */
function whole(list: WorkerList): WorkerList | Failure {
  if (list.left_out === undefined) return list;
  const text = `The admin's answer had no room for ${list.left_out} of the workers`;
  return new Failure("protocol", text);
}
