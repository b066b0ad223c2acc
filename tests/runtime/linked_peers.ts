/** Two peers that are linked in memory, for tests of what they say to each other. */

import type { LinkMessage } from "../../lib/protocol/link_message.ts";
import { linkMessageSchema } from "../../lib/protocol/link_message.ts";
import { decodeJson } from "../../lib/protocol/decode.ts";
import { PeerLink } from "../../lib/rtc/peer_link.ts";
import { systemTimers } from "../../lib/runtime/timers.ts";
import { type HelloSelf } from "../../lib/rtc/hello.ts";
import { linkOf, selfOf } from "../rtc/hello_self.ts";
import { MemoryBackend, settled } from "../rtc/memory_backend.ts";

/** The peer that asks. */
export const CLIENT = selfOf("laptop", "a", "client");
/** The peer that is asked. */
export const WORKER = selfOf("gpu", "b");

/** One end of a link, and what it hears. Replace the handlers to take part. */
export class LinkEnd {
  readonly link: PeerLink;
  readonly heard: LinkMessage[] = [];
  closedBecause: string | undefined;
  onMessage: (message: LinkMessage) => void = () => {};
  onData: (index: number, offset: number, bytes: Uint8Array) => void = () => {};
  onClosed: () => void = () => {};

  constructor(backend: MemoryBackend, self: HelloSelf, id: string) {
    this.link = new PeerLink(backend, {
      id: linkOf(id),
      role: "offerer",
      iceServers: [],
      self,
      expectedPeerId: undefined,
      timers: systemTimers,
      handlers: {
        signal: () => {},
        opened: () => {},
        message: (text) => {
          const decoded = decodeJson(text, linkMessageSchema);
          if (!decoded.ok) throw new Error(decoded.reason);
          this.heard.push(decoded.value);
          this.onMessage(decoded.value);
        },
        data: (index, offset, bytes) => this.onData(index, offset, bytes),
        closed: (reason) => {
          this.closedBecause = reason;
          this.onClosed();
        },
      },
    });
  }

  /** Says `message`. */
  say(message: LinkMessage): void {
    this.link.sendMessage(JSON.stringify(message));
  }

  /** The types of all that was heard. */
  get types(): string[] {
    return this.heard.map(({ type }) => type);
  }
}

let links = 0;

/** A client and a worker with an open link between them. */
export async function linkedPeers(
  client: HelloSelf = CLIENT,
): Promise<{ client: LinkEnd; worker: LinkEnd }> {
  const backend = new MemoryBackend();
  const id = `link${links++}`;
  const ends = {
    client: new LinkEnd(backend, client, id),
    worker: new LinkEnd(backend, WORKER, id),
  };
  await settled();
  return ends;
}
