/** How an offer says that both ends are on one machine. */

import { equal } from "node:assert/strict";
import { saysNear, withNear } from "../../lib/rtc/near.ts";

const SDP = "v=0\r\nt=0 0\r\nm=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:0\r\n";

Deno.test("near: an offer says so in one line before its sections, and else does not", () => {
  const near = withNear(SDP);
  equal(saysNear(near), true);
  equal(saysNear(near.replaceAll("\r\n", "\n")), true);
  equal(near.replace("a=x-sleap-rtc-near\r\nm=", "m="), SDP);
  for (const sdp of [SDP, `${SDP}a=x-sleap-rtc-nearly\r\n`, `${SDP}s=a=x-sleap-rtc-near\r\n`]) {
    equal(saysNear(sdp), false);
  }
});
