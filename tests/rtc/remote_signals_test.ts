/** The order in which signals of the other end can be used. */

import { deepEqual, equal, throws } from "node:assert/strict";
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

Deno.test("a candidate that a check met before it was named is what it is named as by then", () => {
  const signals = new RemoteSignals("answerer");
  const early = { type: "prflx", address: "10.0.0.7" };
  equal(signals.typeOf(early), "prflx");
  signals.take(offer);
  signals.take(candidate("candidate:1 1 UDP 2122317823 10.0.0.7 51234 typ host"));
  signals.take(candidate("candidate:2 1 UDP 1686109951 203.0.113.9 40000 typ srflx raddr 0.0.0.0"));
  equal(signals.typeOf(early), "host");
  equal(signals.typeOf({ type: "prflx", address: "10.0.0.8" }), "prflx");
  equal(signals.typeOf({ type: "prflx", address: "203.0.113.9" }), "prflx");
  equal(signals.typeOf({ type: "relay", address: "10.0.0.7" }), "relay");
});

Deno.test("candidates within the description count, too", () => {
  const signals = new RemoteSignals("answerer");
  const line = "a=candidate:1 1 UDP 2122317823 fd00::7 51234 typ host\r\n";
  signals.take({ kind: "offer", sdp: sdp + line });
  equal(signals.typeOf({ type: "prflx", address: "fd00::7" }), "host");
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
