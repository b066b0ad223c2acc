/** Says things on a link that may be over or in trouble. Knows nothing of what they mean. */

import type { LinkMessage } from "../protocol/link_message.ts";
import type { PeerLink } from "../rtc/peer_link.ts";

/** What a link may hold back. Higher: a peer that does not read costs more; lower: bursts fail. */
const BUFFERED_BYTES_MAX = 32 * 1024 * 1024;

/**
 * Says `message` to the other end; gives whether the link took it. Never throws: a link that cannot
 * take it is closed, and its owner hears of that as of any other end.
 */
export function tellPeer(link: PeerLink, message: LinkMessage): boolean {
  if (link.hello === undefined) return false;
  if (link.bufferedBytes > BUFFERED_BYTES_MAX) {
    link.close("The other end reads too slowly");
    return false;
  }
  try {
    link.sendMessage(JSON.stringify(message));
    return true;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    link.close(`A message could not be sent: ${reason}`);
    return false;
  }
}
