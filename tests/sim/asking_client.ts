/** A client that asks the admin for workers all the time. Knows what it asked and what came back. */

import { isPeerId, isRequestId, type PeerId, type RoomId } from "../../lib/base/id.ts";
import type { Instant } from "../../lib/base/time.ts";
import type { WorkerList } from "../../lib/protocol/query.ts";
import type { FromServer } from "../../lib/protocol/signal_message.ts";
import type { SignalServer, Socket, SocketUser } from "./signal_server.ts";
import type { Timeline } from "./timeline.ts";

/** The name of the client's machine. */
export const CLIENT = "laptop";
/** Between two questions. */
const ASK_MS = 1_500;
/** For an answer. */
export const ANSWER_MS = 3_000;

/** One question, and what became of it. */
export interface Question {
  readonly askedAt: Instant;
  answer: WorkerList | undefined;
  /** The server's refusal, where that was the answer. */
  refusal: string | undefined;
}

/** A client of the room. */
export class AskingClient implements SocketUser {
  readonly name = CLIENT;
  readonly #timeline: Timeline;
  readonly #server: SignalServer;
  readonly #roomId: RoomId;
  readonly #due: (question: Question) => void;
  readonly #open = new Map<string, Question>();
  #socket: Socket | undefined;
  #registered = false;
  #count = 0;

  /** `due` is told of each question when its answer is due. */
  constructor(
    timeline: Timeline,
    server: SignalServer,
    roomId: RoomId,
    due: (question: Question) => void,
  ) {
    this.#timeline = timeline;
    this.#server = server;
    this.#roomId = roomId;
    this.#due = due;
  }

  /** Begins to ask. */
  start(): void {
    this.#ask();
  }

  hear(message: FromServer): void {
    switch (message.type) {
      case "registered_auth":
        this.#registered = true;
        return;
      case "ping":
        return this.#socket?.send({ type: "pong" });
      case "worker_list": {
        const question = this.#open.get(message.request_id);
        if (question !== undefined) question.answer = message.list;
        return;
      }
      case "error": {
        const question = this.#open.get(message.request_id ?? "");
        if (question !== undefined) question.refusal = message.code;
        return;
      }
    }
  }

  lose(): void {
    this.#socket = undefined;
    this.#registered = false;
  }

  #ask(): void {
    this.#timeline.after(ASK_MS, () => this.#ask());
    this.#socket ??= this.#server.connect(this, {
      type: "register",
      room_id: this.#roomId,
      token: "not looked at",
      peer_id: clientId(),
      role: "client",
      incarnation: 1,
      protocol: 1,
      public_key: "not looked at",
      signature: "not looked at",
      metadata: { tags: [], properties: {} },
    });
    if (!this.#registered) return;
    const request_id = `question-${++this.#count}`;
    if (!isRequestId(request_id)) throw new Error(`Expected a request id, got ${request_id}`);
    const question: Question = {
      askedAt: this.#timeline.now,
      answer: undefined,
      refusal: undefined,
    };
    this.#open.set(request_id, question);
    this.#socket?.send({ type: "query_workers", request_id, filters: {} });
    this.#timeline.after(ANSWER_MS, () => {
      this.#open.delete(request_id);
      this.#due(question);
    });
  }
}

function clientId(): PeerId {
  if (!isPeerId(CLIENT)) throw new Error(`Expected a peer id, got ${CLIENT}`);
  return CLIENT;
}
