/**
 * The link contract on both backends and between them, and peer links on top, over real WebRTC.
 *
 * This is the one test file that may load the native addon: Deno runs each file in an isolate of
 * its own, the addon keeps handles of the first isolate in globals of the process, and Deno
 * panics when a second one touches them. Tests elsewhere use werift, or processes.
 */

import { deepEqual, equal, match, ok } from "node:assert/strict";
import { hostAddresses } from "../../lib/rtc/host_address.ts";
import type { Link, LinkBackend } from "../../lib/rtc/link.ts";
import { loadNative } from "../../lib/rtc/native.ts";
import { PeerLink, type PeerLinkHandlers } from "../../lib/rtc/peer_link.ts";
import { loadWerift } from "../../lib/rtc/werift.ts";
import { systemTimers } from "../../lib/runtime/timers.ts";
import { linkContract } from "../contract/link_contract.ts";
import { DatagramRelay } from "./datagram_relay.ts";
import { linkOf, selfOf } from "./hello_self.ts";

const LOADERS = { native: loadNative, werift: loadWerift };

/**
 * werift sleeps 0.5 to 1 s after each flight of its DTLS handshake, 20 ms between ICE checks, and
 * looks addresses up before it sends. None of these can be cancelled: they outlive a closed link by
 * that long. Deno counts timers as resources and address look-ups as ops, so both are off.
 */
const WITH_WERIFT = { sanitizeOps: false, sanitizeResources: false };

const ada = selfOf("ada", "a");
const bob = selfOf("bob", "b");

/** Ends that close at about the same time, and how often that is tried. */
const ENDS = { atOnce: 10, rounds: 20 };

/** More than one packet, so that the end is on its way while they still are. */
const LAST_WORDS = ["a", "b", "c", "d"].map((letter) => letter.repeat(1_500));

/** Opens a link, sends a message each way, closes it, and returns what both sides saw. */
async function talk(
  offering: LinkBackend,
  answering: LinkBackend,
  lastWords: readonly string[] = [],
): Promise<string[]> {
  const seen: string[] = [];
  const over = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const sides: PeerLink[] = [];
  const handlers = (mine: number): PeerLinkHandlers => ({
    signal: (signal) => sides[1 - mine]?.accept(signal),
    opened: () => {
      if (mine === 0) sides[0]?.sendMessage("ping");
    },
    message: (text) => {
      seen.push(`${mine} got ${text}`);
      if (text === "ping") sides[mine]?.sendMessage("pong");
      if (text !== "pong") return;
      for (const words of lastWords) sides[mine]?.sendMessage(words);
      sides[mine]?.close("All said");
    },
    data: () => {},
    closed: (reason) => {
      seen.push(`${mine} closed: ${reason}`);
      over[mine]?.resolve();
    },
  });
  const common = { id: linkOf("goodbye.1"), iceServers: [], timers: systemTimers } as const;
  sides.push(
    new PeerLink(offering, {
      ...common,
      role: "offerer",
      self: ada,
      expectedPeerId: bob.peerId,
      handlers: handlers(0),
    }),
    new PeerLink(answering, {
      ...common,
      role: "answerer",
      self: bob,
      expectedPeerId: undefined,
      handlers: handlers(1),
    }),
  );
  // The peer links' own deadlines end this where something is wrong.
  await Promise.all(over.map((end) => end.promise));
  return seen;
}

// Before werift leaves timers behind.
Deno.test("native: of two hundred ends that close, each tells the other why", async () => {
  const backend = await loadNative();
  const goodbyes: (string | undefined)[] = [];
  for (let round = 0; round < ENDS.rounds; round++) {
    const talks = Array.from({ length: ENDS.atOnce }, () => talk(backend, backend, LAST_WORDS));
    for (const seen of await Promise.all(talks)) {
      // A dial may fail (decision 002), and is for its owner to repeat.
      if (seen.includes("0 got pong")) goodbyes.push(seen.at(-1));
    }
  }
  await backend.dispose();
  deepEqual([...new Set(goodbyes)], ['1 closed: Peer closed the link: "All said"']);
  ok(goodbyes.length > 0.95 * ENDS.rounds * ENDS.atOnce, `${goodbyes.length} links opened`);
});

for (const offering of ["native", "werift"] as const) {
  for (const answering of ["native", "werift"] as const) {
    const sanitizers = offering === "native" && answering === "native" ? {} : WITH_WERIFT;

    linkContract(`${offering} to ${answering}`, async () => {
      const offerer = await LOADERS[offering]();
      return { offerer, answerer: offering === answering ? offerer : await LOADERS[answering]() };
    }, sanitizers);

    Deno.test(`a goodbye between ${offering} and ${answering} has its reason`, {
      ...sanitizers,
    }, async () => {
      const backends = [await LOADERS[offering](), await LOADERS[answering]()] as const;
      deepEqual(await talk(...backends), [
        "1 got ping",
        "0 got pong",
        "0 closed: All said",
        '1 closed: Peer closed the link: "All said"',
      ]);
      for (const backend of backends) await backend.dispose();
    });
  }
}

/** Sends a frame each way through `relay`; gives how the link ended. A werift end may not know it yet. */
async function sendFrames(
  offering: LinkBackend,
  answering: LinkBackend,
  relay: DatagramRelay,
  isNear: boolean,
): Promise<string> {
  const over = Promise.withResolvers<string>();
  const links: Link[] = [];
  for (const [mine, backend] of [offering, answering].entries()) {
    const end = mine === 0 ? 0 : 1;
    links.push(backend.create({
      id: linkOf("packets.1"),
      role: end === 0 ? "offerer" : "answerer",
      isNear: end === 0 && isNear,
      iceServers: [],
      handlers: {
        signal: (signal) => {
          const heard = relay.signalOf(end, signal);
          if (heard !== undefined) queueMicrotask(() => links[1 - end]?.accept(heard));
        },
        opened: () => {
          if (end === 0) links[0]?.send(new Uint8Array(FRAME_BYTES));
        },
        received: (frame) => {
          if (end === 1) links[1]?.send(frame);
          else links[0]?.close("All came back");
        },
        closed: (reason) => {
          if (end === 0) over.resolve(reason);
        },
      },
    }));
  }
  try {
    return await over.promise;
  } finally {
    for (const link of links) link.close("Over");
  }
}

/** What a packet that passes everywhere has at most, and less than one that stays here has. */
const FAR_BYTES_MAX = 1_400;
const FRAME_BYTES = 16_000;
const OUR_ADDRESS = hostAddresses().find((address) => address.includes(".")) ?? "127.0.0.1";

/** Packets that are larger than on a network, of the offerer and of the answerer. */
const PACKETS = [
  { offering: "native", answering: "native", isNear: true, large: [true, true] },
  { offering: "native", answering: "native", isNear: false, large: [false, false] },
  { offering: "native", answering: "werift", isNear: true, large: [true, false] },
  { offering: "werift", answering: "native", isNear: true, large: [false, false] },
] as const;

// On a machine without a network all packets are large.
const isOnNetwork = OUR_ADDRESS !== "127.0.0.1";

for (const { offering, answering, isNear, large } of PACKETS) {
  const pair = `${isNear ? "near" : "far"} ${offering} to ${answering}`;
  Deno.test(`packets: ${pair}`, { ...WITH_WERIFT, ignore: !isOnNetwork }, async () => {
    await using relay = await DatagramRelay.begin(OUR_ADDRESS);
    const backends = [await LOADERS[offering](), await LOADERS[answering]()] as const;
    equal(await sendFrames(...backends, relay, isNear), "All came back");
    deepEqual(relay.largest.map((bytes) => bytes > FAR_BYTES_MAX), large);
    for (const backend of backends) await backend.dispose();
  });
}

Deno.test("packets: an end that proves to be elsewhere is left before a word", {
  ...WITH_WERIFT,
  // An address that works and that no interface has.
  ignore: Deno.build.os !== "linux",
}, async () => {
  const backend = await loadNative();
  const attempt = async (isNear: boolean) => {
    await using relay = await DatagramRelay.begin("127.0.0.2");
    return await sendFrames(backend, backend, relay, isNear);
  };
  const [misled, next] = [await attempt(true), await attempt(false)];
  await backend.dispose();
  // Either end may be the first to see it.
  match(misled, /got it at 127\.0\.0\.2|other end closed/);
  equal(next, "All came back");
});
