/**
 * Links within one process and without WebRTC, so that what stands on links is tested in no time.
 * Two links of one id form a pair; frames arrive in microtasks, all before the next macrotask.
 */

import type { LinkId } from "../../lib/base/id.ts";
import type { Link, LinkBackend, LinkFacts, LinkOptions } from "../../lib/rtc/link.ts";
import { LinkLife } from "../../lib/rtc/link_life.ts";

class MemoryLink implements Link {
  readonly backend = "native";
  readonly frameBytesMax = 1_024;
  readonly bufferedBytes = 0;
  readonly id: LinkId;
  readonly life: LinkLife;
  other: MemoryLink | undefined;

  constructor({ id, handlers }: LinkOptions) {
    this.id = id;
    this.life = new LinkLife(handlers, {
      frameBytesMax: this.frameBytesMax,
      bufferedBytes: () => 0,
      free: () => queueMicrotask(() => this.other?.life.end("The other end closed the link")),
    });
  }

  accept(): void {}

  send(frame: Uint8Array): void {
    this.life.sending(frame);
    const copy = frame.slice();
    queueMicrotask(() => {
      if (this.other?.life.phase !== "closed") this.other?.life.received(copy);
    });
  }

  drainedTo(bytes: number): Promise<void> {
    return this.life.drainedTo(bytes);
  }

  facts(): LinkFacts {
    const { bytesSent, bytesReceived } = this.life;
    const isOpen = this.life.phase === "open";
    const [path, rttMs] = isOpen ? ["host", 0] as const : ["unknown", undefined] as const;
    return { path, rttMs, bytesSent, bytesReceived };
  }

  close(reason: string): void {
    this.life.end(reason);
  }
}

/** Makes links that meet the other link of their id as soon as that is made. */
export class MemoryBackend implements LinkBackend {
  readonly name = "native";
  readonly #waiting = new Map<LinkId, MemoryLink>();

  create(options: LinkOptions): Link {
    const link = new MemoryLink(options);
    const other = this.#waiting.get(options.id);
    if (other === undefined) {
      this.#waiting.set(options.id, link);
      return link;
    }
    this.#waiting.delete(options.id);
    [link.other, other.other] = [other, link];
    queueMicrotask(() => {
      link.life.opened();
      other.life.opened();
    });
    return link;
  }

  dispose(): Promise<void> {
    return Promise.resolve();
  }
}

/** Lets everything happen that does not wait for a timer. */
export function settled(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}
