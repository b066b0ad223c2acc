/** How two ends of a link find that they are on one machine. */

import { equal } from "node:assert/strict";
import { MachineMark } from "../../lib/rtc/machine_mark.ts";
import { linkOf } from "./hello_self.ts";

const SDP = "v=0\r\nt=0 0\r\nm=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:0\r\n";

Deno.test("a description that was marked is known on its machine, on its link, and nowhere else", () => {
  const marked = new MachineMark(linkOf("a.1"), "here").on(SDP);
  equal(new MachineMark(linkOf("a.1"), "here").isOn(marked), true);
  equal(new MachineMark(linkOf("a.1"), "there").isOn(marked), false);
  equal(new MachineMark(linkOf("a.2"), "here").isOn(marked), false);
  equal(new MachineMark(linkOf("a.1"), "here").isOn(SDP), false);
});

Deno.test("a mark stands before the sections, and says nothing of the machine", () => {
  const marked = new MachineMark(linkOf("a.1"), "here").on(SDP);
  const line = /a=x-sleap-rtc-machine:[0-9a-f]{32}\r\n/;
  equal(line.test(marked), true);
  equal(marked.indexOf("a=x-") < marked.indexOf("m="), true);
  equal(marked.replace(line, ""), SDP);
});
