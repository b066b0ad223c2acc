/**
 * A client that asks for workers all the time, the admin through the server and any worker over a link of
 * its own. Knows what it asked and what came back.
 */

import { isRequestId, type RoomId } from "../../lib/base/id.ts";
import type { Instant } from "../../lib/base/time.ts";
import type { WorkerList } from "../../lib/protocol/query.ts";
import type { FromServer } from "../../lib/protocol/signal_message.ts";
import { pick, type Random } from "../../lib/base/random.ts";
import { Caller, CLIENT, type LinkQuestion } from "./caller.ts";
import type { LinkLayer } from "./link_layer.ts";
import type { SignalServer, Socket, SocketUser } from "./signal_server.ts";
import type { Timeline } from "./timeline.ts";
import type { WireCheck } from "./wire_check.ts";

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

/** What a client lives with. */
export interface ClientSurroundings {
  readonly timeline: Timeline;
  readonly server: SignalServer;
  readonly links: LinkLayer;
  readonly wire: WireCheck;
  readonly random: Random;
  readonly roomId: RoomId;
  readonly watcher: ClientWatcher;
}

/** Told of each question when its answer is due. */
export interface ClientWatcher {
  answerDue(question: Question): void;
  linkAnswerDue(question: LinkQuestion): void;
}

/** A client of the room. */
export class AskingClient implements SocketUser {
  readonly name = CLIENT;
  readonly #around: ClientSurroundings;
  readonly #caller: Caller;
  readonly #open = new Map<string, Question>();
  #socket: Socket | undefined;
  #registered = false;
  #count = 0;

  constructor(around: ClientSurroundings) {
    this.#around = around;
    this.#caller = new Caller({ ...around, tell: (message) => this.#socket?.send(message) });
  }

  /** Whether it has a link to a worker. */
  get linked(): boolean {
    return this.#caller.linked;
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
        const living = message.list.workers.filter((worker) => worker.alive);
        const called = pick(living, this.#around.random);
        if (called !== undefined) this.#caller.call(called.peer_id);
        return;
      }
      case "mesh_answer":
      case "ice_candidate":
        return this.#caller.hear(message);
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
    const { timeline, watcher } = this.#around;
    timeline.after(ASK_MS, () => this.#ask());
    const called = this.#caller.ask();
    if (called !== undefined) {
      timeline.after(ANSWER_MS, () => {
        watcher.linkAnswerDue(called);
        if (called.answer === undefined) this.#caller.giveUp(called);
      });
    }
    this.#connect();
    if (!this.#registered) return;
    const request_id = `question-${++this.#count}`;
    if (!isRequestId(request_id)) throw new Error(`Expected a request id, got ${request_id}`);
    const question: Question = { askedAt: timeline.now, answer: undefined, refusal: undefined };
    this.#open.set(request_id, question);
    this.#socket?.send({ type: "query_workers", request_id, filters: {} });
    timeline.after(ANSWER_MS, () => {
      this.#open.delete(request_id);
      watcher.answerDue(question);
    });
  }

  #connect(): void {
    const { roomId, server } = this.#around;
    this.#socket ??= server.connect(this, {
      type: "register",
      room_id: roomId,
      token: "not looked at",
      peer_id: this.#caller.peerId,
      role: this.#caller.role,
      incarnation: this.#caller.incarnation,
      protocol: 1,
      public_key: "not looked at",
      signature: "not looked at",
      metadata: this.#caller.metadata,
    });
  }
}
