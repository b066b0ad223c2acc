/** The order in which signals of the other end can be used. */

import { deepEqual, throws } from "node:assert/strict";
import type { LinkSignal } from "../../lib/protocol/link_signal.ts";
import { CANDIDATES_MAX, RemoteSignals } from "../../lib/rtc/remote_signals.ts";

const sdp = "v=0\r\nm=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n";
const offer: LinkSignal = { kind: "offer", sdp };
const answer: LinkSignal = { kind: "answer", sdp };
const candidate = (text: string): LinkSignal => ({
  kind: "candidate",
  candidate: text,
  sdpMid: "0",
  sdpMLineIndex: 0,
});

Deno.test("candidates wait for the description and keep their order", () => {
  const signals = new RemoteSignals("answerer");
  deepEqual(signals.take(candidate("a")), []);
  deepEqual(signals.take(candidate("b")), []);
  deepEqual(signals.take(offer), [offer, candidate("a"), candidate("b")]);
  deepEqual(signals.take(candidate("c")), [candidate("c")]);
});

Deno.test("a repeated description and the end of candidates are nothing new", () => {
  const signals = new RemoteSignals("offerer");
  deepEqual(signals.take(answer), [answer]);
  deepEqual(signals.take(answer), []);
  deepEqual(signals.take(candidate("")), []);
});

Deno.test("refuses the wrong description, one without a channel, and a flood", () => {
  throws(() => new RemoteSignals("offerer").take(offer), /Expected an answer .* got an offer/);
  throws(() => new RemoteSignals("answerer").take(answer), /Expected an offer .* got an answer/);
  throws(() => new RemoteSignals("answerer").take({ kind: "offer", sdp: "hi" }), /data channel/);
  const signals = new RemoteSignals("answerer");
  for (let count = 0; count < CANDIDATES_MAX; count++) signals.take(candidate("a"));
  throws(() => signals.take(candidate("a")), /at most 128 candidates/);
});

Deno.test("an end that asks to be answered again waits for an answer, and hears offers no more", () => {
  const signals = new RemoteSignals("answerer");
  signals.turn();
  deepEqual(signals.take(candidate("a")), []);
  deepEqual(signals.take(offer), []);
  deepEqual(signals.take(answer), [answer, candidate("a")]);
});
