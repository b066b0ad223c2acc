/** One worker of a load on a server: registers, talks, goes and comes back. Runs no job and no mesh. */

import { z } from "zod";
import type { PeerId, RoomId } from "../base/id.ts";
import type { Log } from "../base/log.ts";
import { SECOND_MS } from "../base/time.ts";
import type { RoomTicket } from "../client/room_api.ts";
import { decode } from "../protocol/decode.ts";
import type { FromServer } from "../protocol/signal_message.ts";
import { temporaryIdentity } from "../runtime/credentials.ts";
import { SignalClient } from "../runtime/signal_client.ts";
import type { LoadTally } from "./load_tally.ts";

/** For one worker to join. */
const JOIN_MS_MAX = 30 * SECOND_MS;

const wordSchema = z.object({ said_at: z.number() });

/** A registration that talks. */
export class LoadWorker {
  readonly #room: RoomTicket;
  readonly #tally: LoadTally;
  readonly #log: Log;
  #identity = temporaryIdentity();
  #client: SignalClient | undefined;
  #incarnation = 0;
  #isHere = false;

  constructor(room: RoomTicket, tally: LoadTally, log: Log) {
    this.#room = room;
    this.#tally = tally;
    this.#log = log;
  }

  get peerId(): PeerId {
    return this.#identity.peerIdOf("load");
  }

  get roomId(): RoomId {
    return this.#room.roomId;
  }

  /** Registers, and resolves when that is done, or has failed and is counted as that. */
  async join(): Promise<void> {
    const { server, roomId, token } = this.#room;
    const registered = Promise.withResolvers<void>();
    const startedAt = performance.now();
    const fail = () => {
      this.#tally.failed();
      registered.resolve();
    };
    const timer = setTimeout(fail, JOIN_MS_MAX);
    this.#client = new SignalClient({
      server,
      roomId,
      token,
      peerId: this.peerId,
      role: "worker",
      incarnation: ++this.#incarnation,
      identity: this.#identity,
      metadata: () => ({ tags: ["load"], properties: { gpu_memory_mb: 24_000 } }),
      handlers: {
        said: (message) => {
          if (message.type === "registered_auth") {
            this.#isHere = true;
            this.#tally.joined(performance.now() - startedAt);
            registered.resolve();
          } else this.#hear(message);
        },
        lost: () => {
          this.#isHere = false;
          this.#tally.failed();
        },
        refused: fail,
      },
      log: this.#log,
    });
    await registered.promise;
    clearTimeout(timer);
  }

  /** Goes, and comes back in another life, or leaves its place to somebody new. */
  async rejoin(isNew: boolean): Promise<void> {
    if (!this.#isHere) return;
    await this.stop();
    if (isNew) this.#identity = temporaryIdentity();
    await this.join();
  }

  /** Says something to `listener` if both are here. */
  say(listener: LoadWorker): void {
    if (!this.#isHere || !listener.#isHere) return;
    const payload = { said_at: performance.now(), note: "x".repeat(100) };
    const wasSaid = this.#client?.send({
      type: "peer_message",
      to_peer_id: listener.peerId,
      payload,
    });
    if (wasSaid === true) this.#tally.said();
  }

  /** Leaves. */
  async stop(): Promise<void> {
    this.#isHere = false;
    await this.#client?.stop();
  }

  #hear(message: FromServer): void {
    if (message.type === "error" && message.code !== "PEER_NOT_FOUND") this.#tally.failed();
    if (message.type !== "peer_message") return;
    const word = decode(message.payload, wordSchema);
    if (word.ok) this.#tally.heard(performance.now() - word.value.said_at);
  }
}
