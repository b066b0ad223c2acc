/**
 * Performs what a `MeshNode` asks for: sends, dials, sets timers, writes notices. Decides nothing.
 * One input and all its effects finish before the next begins.
 */

import type { LinkId, PeerId } from "../base/id.ts";
import type { Log } from "../base/log.ts";
import type { Clock } from "../base/time.ts";
import type { Effect } from "../mesh/effect.ts";
import type { Asker, Input } from "../mesh/input.ts";
import type { MeshNode } from "../mesh/node.ts";
import type { DirectoryMessage } from "../protocol/mesh_message.ts";
import type { ToServer } from "../protocol/signal_message.ts";
import type { PeerLink } from "../rtc/peer_link.ts";

/** What a link to a client that watches may hold back. Higher: one that does not read costs more. */
const OBSERVER_BUFFERED_BYTES_MAX = 1024 * 1024;

/** What a runner acts on. */
export interface MeshSurroundings {
  readonly clock: Clock;
  readonly log: Log;
  /** Begins a link as its offerer, or answers one; `link_opened` or `link_closed` must follow. */
  begin(role: "offerer" | "answerer", linkId: LinkId, peerId: PeerId, limitMs: number): void;
  /** The link, while it is not over. */
  link(linkId: LinkId): PeerLink | undefined;
  /** Says something to the server; gives whether it could be said. */
  tellServer(message: ToServer): boolean;
  /** Another process is this worker by now; the node does nothing more. */
  superseded(message: string): void;
  /** The node has taken something in: what it knows may have changed. */
  stepped(): void;
}

/** What one node has said to other workers. */
export interface MeshTraffic {
  readonly messages: number;
  /** As JSON. */
  readonly bytes: number;
  /** How many of the messages are heartbeats, and of the bytes theirs. */
  readonly heartbeats: number;
  readonly heartbeatBytes: number;
}

/** Runs one node. */
export class MeshRunner {
  readonly #node: MeshNode;
  readonly #surroundings: MeshSurroundings;
  readonly #inputs: Input[] = [];
  readonly #timers = new Set<ReturnType<typeof setTimeout>>();
  readonly #traffic = { messages: 0, bytes: 0, heartbeats: 0, heartbeatBytes: 0 };
  #running = false;
  #stopped = false;

  constructor(node: MeshNode, surroundings: MeshSurroundings) {
    this.#node = node;
    this.#surroundings = surroundings;
  }

  /** What the node has said to other workers so far. */
  get traffic(): MeshTraffic {
    return { ...this.#traffic };
  }

  /** Hands the node something that happened. */
  push(input: Input): void {
    if (this.#stopped) return;
    this.#inputs.push(input);
    if (this.#running) return;
    this.#running = true;
    try {
      for (let next = this.#inputs.shift(); next !== undefined; next = this.#inputs.shift()) {
        const effects = this.#node.step(next, this.#surroundings.clock.now());
        const texts = new Map<object, string>();
        for (const effect of effects) this.#perform(effect, texts);
        this.#surroundings.stepped();
      }
    } finally {
      this.#running = false;
    }
  }

  /** Lets the node say goodbye, and frees it. */
  stop(): void {
    this.push({ type: "stopping" });
    this.#stopped = true;
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
    this.#node.dispose();
  }

  /** `texts` holds what was written in this step: one message often goes to every link. */
  #perform(effect: Effect, texts: Map<object, string>): void {
    const { log, tellServer, link, begin } = this.#surroundings;
    switch (effect.type) {
      case "send": {
        const text = textOf(effect.message, texts);
        this.#count(effect.message.type, text.length);
        return this.#say(effect.linkId, text);
      }
      case "tell_observer":
        return this.#tellObserver(effect.linkId, textOf(effect.message, texts));
      case "tell_server":
        if (!tellServer(effect.message)) {
          log.write("debug", `Not told to the server: ${effect.message.type}`);
        }
        return;
      case "dial":
        return begin("offerer", effect.linkId, effect.peerId, effect.limitMs);
      case "answer":
        return begin("answerer", effect.linkId, effect.peerId, effect.limitMs);
      case "deliver":
        return link(effect.linkId)?.accept(effect.signal);
      case "drop":
        return link(effect.linkId)?.close(effect.reason);
      case "reply":
        return this.#reply(effect.asker, effect);
      case "wake":
        return this.#wakeAt(effect.at);
      case "stand_down":
        return this.#surroundings.superseded(effect.message);
      case "log":
        return log.write(effect.level, effect.message, effect.fields);
    }
    effect satisfies never;
  }

  #count(type: string, bytes: number): void {
    const traffic = this.#traffic;
    traffic.messages++;
    traffic.bytes += bytes;
    if (type !== "heartbeat") return;
    traffic.heartbeats++;
    traffic.heartbeatBytes += bytes;
  }

  #reply(asker: Asker, { requestId, list }: Extract<Effect, { type: "reply" }>): void {
    const answer = { type: "worker_list", request_id: requestId, list } as const;
    if (asker.by === "server") {
      this.#surroundings.tellServer({ ...answer, to_peer_id: asker.peerId });
    } else {
      this.#say(asker.linkId, JSON.stringify(answer satisfies DirectoryMessage));
    }
  }

  /** A link that closed a moment ago takes no more words; `link_closed` is on its way to the node. */
  #say(linkId: LinkId, text: string): void {
    const link = this.#surroundings.link(linkId);
    if (link?.hello === undefined) return;
    try {
      link.sendMessage(text);
    } catch (error) {
      link.close(`A message could not be sent: ${error instanceof Error ? error.message : error}`);
    }
  }

  #tellObserver(linkId: LinkId, text: string): void {
    const link = this.#surroundings.link(linkId);
    if (link !== undefined && link.bufferedBytes > OBSERVER_BUFFERED_BYTES_MAX) {
      return link.close("The client that watches reads too slowly");
    }
    this.#say(linkId, text);
  }

  #wakeAt(dueAt: number): void {
    // Rounded up: a timer of 2.5 ms may fire after 2, and before its time the node has nothing to do.
    const delayMs = Math.ceil(Math.max(0, dueAt - this.#surroundings.clock.now()));
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      this.push({ type: "woke", dueAt });
    }, delayMs);
    this.#timers.add(timer);
  }
}

function textOf(message: object, texts: Map<object, string>): string {
  const text = texts.get(message) ?? JSON.stringify(message);
  texts.set(message, text);
  return text;
}
