/** What a worker tells a client of its links, and how often. Knows nothing of what travels on them. */

import type { Clock, Instant } from "../base/time.ts";
import {
  LINK_QUERY_MS,
  type LinkRow,
  LINKS_REPORTED_MAX,
  type WatchMessage,
} from "../protocol/watch_message.ts";
import type { PeerLink } from "../rtc/peer_link.ts";

/** The links of one worker, as clients may ask for them. */
export class LinkCensus {
  readonly #links: () => Iterable<PeerLink>;
  readonly #clock: Pick<Clock, "now">;
  /** When the client on that link was last answered; gone with the link. */
  readonly #answeredAt = new WeakMap<PeerLink, Instant>();

  /** @param links All links of this process, open or not. */
  constructor(links: () => Iterable<PeerLink>, clock: Pick<Clock, "now">) {
    this.#links = links;
    this.#clock = clock;
  }

  /** The answer to whoever asks on `asker`; `undefined` where it asks sooner than `LINK_QUERY_MS` allows. */
  answer(asker: PeerLink): Extract<WatchMessage, { type: "link_report" }> | undefined {
    const now = this.#clock.now();
    if (now - (this.#answeredAt.get(asker) ?? -Infinity) < LINK_QUERY_MS) return undefined;
    this.#answeredAt.set(asker, now);
    const links = [...this.#links()].flatMap(rowOf).slice(0, LINKS_REPORTED_MAX);
    return { type: "link_report", links };
  }
}

/** How `link` does; nothing while it is not open. */
export function rowOf(link: PeerLink): readonly LinkRow[] {
  const { hello } = link;
  if (hello === undefined) return [];
  const { path, rttMs, bytesSent, bytesReceived } = link.facts();
  return [{
    peer_id: hello.peer_id,
    role: hello.role,
    rtc: link.backend,
    path,
    rtt_ms: rttMs ?? null,
    bytes_sent: bytesSent,
    bytes_received: bytesReceived,
  }];
}
