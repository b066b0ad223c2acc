/** Asks whether a suspect lives, itself and through others, and asks for others. After SWIM. */

import { isRequestId, type PeerId, type RequestId } from "../base/id.ts";
import type { LinkTable, OpenLink } from "./link_table.ts";
import type { Outbox } from "./outbox.ts";

/** Others that are asked about one suspect. */
const HELPERS_MAX = 3;
/** Questions of others that are remembered at once. */
const ERRANDS_MAX = 64;

/** Questions about life, on their way. */
export class Probing {
  readonly #links: LinkTable;
  readonly #outbox: Outbox;
  /** Probes sent for somebody else: whom to tell when the answer comes. */
  readonly #errands = new Map<RequestId, { readonly asker: PeerId; readonly target: PeerId }>();
  #count = 0;
  /** Suspects that were asked about. */
  #asked = 0;

  constructor(links: LinkTable, outbox: Outbox) {
    this.#links = links;
    this.#outbox = outbox;
  }

  /** Asks `suspect` itself, and up to three others about it. */
  ask(suspect: PeerId): void {
    const link = this.#links.to(suspect);
    if (link !== undefined) {
      this.#outbox.send(link.linkId, { type: "probe", request_id: this.#nextId() });
    }
    const others = [...this.#links.links].filter(({ peerId }) => peerId !== suspect);
    // The next ones each time: the first three may be as cut off from the suspect as we are.
    const first = others.length === 0 ? 0 : this.#asked++ * HELPERS_MAX % others.length;
    const helpers = [...others.slice(first), ...others.slice(0, first)].slice(0, HELPERS_MAX);
    for (const { linkId } of helpers) {
      const request_id = this.#nextId();
      this.#outbox.send(linkId, { type: "probe_request", request_id, target_peer_id: suspect });
    }
  }

  /** Somebody asks us whether we live. */
  answer(link: OpenLink, request_id: RequestId): void {
    this.#outbox.send(link.linkId, { type: "probe_ack", request_id });
  }

  /** Somebody asks us whether `target` lives: ask it. Silence is the answer where we can't. */
  runErrand(asker: PeerId, target: PeerId): void {
    const link = this.#links.to(target);
    if (link === undefined) return;
    if (this.#errands.size >= ERRANDS_MAX) {
      const [oldest] = this.#errands.keys();
      if (oldest !== undefined) this.#errands.delete(oldest);
    }
    const request_id = this.#nextId();
    this.#errands.set(request_id, { asker, target });
    this.#outbox.send(link.linkId, { type: "probe", request_id });
  }

  /** `from` answered a probe: tell the one who asked for it, if somebody did. */
  answered(from: PeerId, request_id: RequestId, incarnation: number): void {
    const errand = this.#errands.get(request_id);
    if (errand?.target !== from) return;
    this.#errands.delete(request_id);
    const link = this.#links.to(errand.asker);
    if (link === undefined) return;
    const target_peer_id = errand.target;
    this.#outbox.send(link.linkId, {
      type: "probe_result",
      request_id,
      target_peer_id,
      incarnation,
    });
  }

  #nextId(): RequestId {
    const id = `probe-${++this.#count}`;
    if (!isRequestId(id)) throw new Error(`Expected a request id, got ${id}`);
    return id;
  }
}
