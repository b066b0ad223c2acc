/**
 * The link contract on both backends and between them, and peer links on top, over real WebRTC.
 *
 * This is the one test file that may load the native addon: Deno runs each file in an isolate of
 * its own, the addon keeps handles of the first isolate in globals of the process, and Deno
 * panics when a second one touches them. Tests elsewhere use werift, or processes.
 */

import { deepEqual } from "node:assert/strict";
import { hostAddresses, isOffline } from "../../lib/rtc/host_address.ts";
import type { Link, LinkBackend } from "../../lib/rtc/link.ts";
import { loadNative } from "../../lib/rtc/native.ts";
import { PeerLink, type PeerLinkHandlers } from "../../lib/rtc/peer_link.ts";
import { loadWerift } from "../../lib/rtc/werift.ts";
import { systemTimers } from "../../lib/runtime/timers.ts";
import { linkContract } from "../contract/link_contract.ts";
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

/** Opens a link, sends a message each way, closes it, and returns what both sides saw. */
async function talk(offering: LinkBackend, answering: LinkBackend): Promise<string[]> {
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
      else sides[mine]?.close("All said");
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

// Before werift was used: what that leaves behind would count as this one's.
Deno.test({
  name: "two native ends on one machine change places, in three descriptions",
  // Without a network there is but one machine, and nothing to find out.
  ignore: isOffline(hostAddresses()),
  async fn() {
    const backend = await loadNative();
    const said: string[] = [];
    const [opened, closed] = [new Set<string>(), new Set<string>()];
    const over = Promise.withResolvers<void>();
    const ends: Link[] = [];
    for (const [mine, role] of (["offerer", "answerer"] as const).entries()) {
      ends.push(backend.create({
        id: linkOf("turn.1"),
        role,
        iceServers: [],
        handlers: {
          signal: (signal) => {
            if (signal.kind !== "candidate") {
              const isMarked = signal.sdp.includes("a=x-sleap-rtc-machine:");
              said.push(`${role} ${signal.kind}${isMarked ? " marked" : ""}`);
            }
            ends[1 - mine]?.accept(signal);
          },
          opened: () => {
            opened.add(role);
            if (opened.size === 2) { for (const end of ends) end.close("All seen"); }
          },
          received: () => {},
          closed: () => {
            closed.add(role);
            if (closed.size === 2) over.resolve();
          },
        },
      }));
    }
    await over.promise;
    deepEqual(said, ["offerer offer marked", "answerer answer marked", "offerer answer"]);
    deepEqual(opened.size, 2);
    await backend.dispose();
  },
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
