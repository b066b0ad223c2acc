/**
 * The client's other way: a link of its own to one worker, over which it asks. Knows whom it calls, not
 * whether that is the admin.
 */

import {
  isLinkId,
  isPeerId,
  isRequestId,
  type LinkId,
  type PeerId,
  type RequestId,
} from "../../lib/base/id.ts";
import type { Instant } from "../../lib/base/time.ts";
import { signalled } from "../../lib/mesh/courier.ts";
import type { Input } from "../../lib/mesh/input.ts";
import { signalOf } from "../../lib/protocol/link_signal.ts";
import type { WorkerList } from "../../lib/protocol/query.ts";
import type { FromServer, ToServer } from "../../lib/protocol/signal_message.ts";
import type { LinkLayer, LinkUser, LinkWord } from "./link_layer.ts";
import type { Timeline } from "./timeline.ts";
import type { WireCheck } from "./wire_check.ts";

/** The name of the client's machine. */
export const CLIENT = "laptop";
/** For one attempt to link, in milliseconds. */
const DIAL_MS = 6_000;

/** One question over the link, and what became of it. */
export interface LinkQuestion {
  readonly askedAt: Instant;
  readonly linkId: LinkId;
  readonly worker: PeerId;
  /** When the link that it was asked on opened. */
  readonly openedAt: Instant;
  answer: WorkerList | undefined;
  /** Whether the link closed before the answer came. */
  abandoned: boolean;
}

interface Call {
  readonly linkId: LinkId;
  readonly worker: PeerId;
  openedAt: Instant | undefined;
  readonly questions: Map<RequestId, LinkQuestion>;
}

/** What a caller lives with. */
export interface CallerSurroundings {
  readonly timeline: Timeline;
  readonly links: LinkLayer;
  readonly wire: WireCheck;
  /** Says something to the server, if it is in reach. */
  readonly tell: (message: ToServer) => void;
}

/** A client on a link. */
export class Caller implements LinkUser {
  readonly name = CLIENT;
  readonly peerId = clientId();
  readonly incarnation = 1;
  readonly state = "running";
  readonly metadata = { tags: [], properties: {} };
  readonly role = "client";
  readonly #around: CallerSurroundings;
  #call: Call | undefined;
  #count = 0;

  constructor(around: CallerSurroundings) {
    this.#around = around;
  }

  /** Whether a link to a worker is open. */
  get linked(): boolean {
    return this.#call?.openedAt !== undefined;
  }

  /** Calls a worker, unless it has a link or is about to. */
  call(worker: PeerId): void {
    if (this.#call !== undefined) return;
    const linkId = `call${++this.#count}`;
    if (!isLinkId(linkId)) throw new Error(`Expected a link id, got ${linkId}`);
    this.#call = { linkId, worker, openedAt: undefined, questions: new Map() };
    this.#around.links.begin(this, linkId, worker, true, DIAL_MS);
  }

  /** Asks for all workers; `undefined` where no link is open. */
  ask(): LinkQuestion | undefined {
    const { links, timeline, wire } = this.#around;
    const call = this.#call;
    if (call?.openedAt === undefined) return undefined;
    const request_id = `call-${++this.#count}`;
    if (!isRequestId(request_id)) throw new Error(`Expected a request id, got ${request_id}`);
    const { worker, openedAt, questions, linkId } = call;
    const question: LinkQuestion = {
      askedAt: timeline.now,
      linkId,
      worker,
      openedAt,
      answer: undefined,
      abandoned: false,
    };
    questions.set(request_id, question);
    links.send(this, linkId, wire.client({ type: "query_workers", request_id, filters: {} }));
    return question;
  }

  /** There was no answer in time: this worker is called no longer. */
  giveUp(question: LinkQuestion): void {
    this.#around.links.drop(this, question.linkId, "The worker does not answer");
  }

  /** The server said something to the client. */
  hear(message: FromServer): void {
    if (message.type !== "mesh_answer" && message.type !== "ice_candidate") return;
    this.#around.links.deliver(this, message.link_id, signalOf(message));
  }

  take(input: Input): void {
    const call = this.#call;
    if (input.type === "link_signal" && call !== undefined) {
      this.#around.tell(signalled(call.worker, input.linkId, input.signal));
    } else if (input.type === "link_opened" && input.linkId === call?.linkId) {
      call.openedAt = this.#around.timeline.now;
    } else if (input.type === "link_closed" && input.linkId === call?.linkId) {
      for (const question of call.questions.values()) question.abandoned = true;
      this.#call = undefined;
    }
  }

  hearOn(linkId: LinkId, _from: PeerId, message: LinkWord): void {
    if (message.type !== "worker_list" || linkId !== this.#call?.linkId) return;
    const question = this.#call.questions.get(message.request_id);
    if (question !== undefined) question.answer = message.list;
    this.#call.questions.delete(message.request_id);
  }
}

function clientId(): PeerId {
  if (!isPeerId(CLIENT)) throw new Error(`Expected a peer id, got ${CLIENT}`);
  return CLIENT;
}
