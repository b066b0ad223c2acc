/** Peer links over links in memory: the hello, messages, data, goodbyes and deadlines. */

import { deepEqual, equal, match, ok, throws } from "node:assert/strict";
import { encodeBye, encodeMessage } from "../../lib/rtc/framing.ts";
import { type HelloSelf, writeHello } from "../../lib/rtc/hello.ts";
import { PeerLink, type PeerLinkOptions } from "../../lib/rtc/peer_link.ts";
import { linkOf, roomOf, selfOf } from "./hello_self.ts";
import { ManualTimers } from "./manual_timers.ts";
import { MemoryBackend, settled } from "./memory_backend.ts";

const ada = selfOf("ada", "a");
const bob = selfOf("bob", "b", "client");
const id = linkOf("ada.bob.1");

class Side {
  readonly events: string[] = [];
  readonly data: { stream: number; offset: number; bytes: Uint8Array }[] = [];
  readonly timers = new ManualTimers();
  readonly link: PeerLink;
  onMessage: (text: string) => void = () => {};

  constructor(backend: MemoryBackend, self: HelloSelf, options: Partial<PeerLinkOptions> = {}) {
    this.link = new PeerLink(backend, {
      id,
      role: "offerer",
      iceServers: [],
      self,
      expectedPeerId: undefined,
      timers: this.timers,
      handlers: {
        signal: () => this.events.push("signal"),
        opened: (hello) => this.events.push(`opened ${hello.peer_id}`),
        message: (text) => {
          this.events.push(`message ${text}`);
          this.onMessage(text);
        },
        data: (stream, offset, bytes) => this.data.push({ stream, offset, bytes }),
        closed: (reason) => this.events.push(`closed ${reason}`),
      },
      ...options,
    });
  }
}

async function pair(): Promise<[Side, Side]> {
  const backend = new MemoryBackend();
  const sides: [Side, Side] = [
    new Side(backend, ada, { expectedPeerId: bob.peerId }),
    new Side(backend, bob, { role: "answerer", expectedPeerId: ada.peerId }),
  ];
  await settled();
  return sides;
}

Deno.test("both sides open after the hello, and no deadline is left", async () => {
  const [a, b] = await pair();
  deepEqual(a.events, [`opened ${bob.peerId}`]);
  deepEqual(b.events, [`opened ${ada.peerId}`]);
  equal(a.link.hello?.role, "client");
  equal(a.timers.pending.size + b.timers.pending.size, 0);
});

Deno.test("messages of any length arrive in order", async () => {
  const [a, b] = await pair();
  a.link.sendMessage("short");
  a.link.sendMessage("é".repeat(3_000));
  a.link.sendMessage("last");
  await settled();
  deepEqual(b.events.slice(1), ["message short", `message ${"é".repeat(3_000)}`, "message last"]);
});

Deno.test("data of any length arrives whole, in parts that follow each other", async () => {
  const [a, b] = await pair();
  const bytes = Uint8Array.from({ length: 5_000 }, (_, index) => index & 0xff);
  a.link.sendData(7, 1_000_000, bytes);
  a.link.sendData(7, 0, new Uint8Array(0));
  await settled();
  ok(b.data.length > 1);
  let next = 1_000_000;
  const arrived: number[] = [];
  for (const part of b.data) {
    deepEqual([part.stream, part.offset], [7, next]);
    arrived.push(...part.bytes);
    next += part.bytes.length;
  }
  deepEqual(Uint8Array.from(arrived), bytes);
});

Deno.test("a goodbye tells the other side why, and nothing follows it", async () => {
  const [a, b] = await pair();
  a.link.sendMessage("one");
  a.link.close("Leaving the room");
  a.link.close("Again");
  await settled();
  deepEqual(a.events.slice(1), ["closed Leaving the room"]);
  deepEqual(b.events.slice(1), [
    "message one",
    'closed Peer closed the link: "Leaving the room"',
  ]);
  throws(() => a.link.sendMessage("two"), /Expected an open link to send on, got .* closed/);
  throws(() => b.link.sendData(1, 0, new Uint8Array(1)), /got one that is closed/);
  equal(a.link.hello, undefined);
});

Deno.test("a message handler that closes the link is called no more", async () => {
  const [a, b] = await pair();
  b.onMessage = () => b.link.close("Heard enough");
  a.link.sendMessage("one");
  a.link.sendMessage("two");
  await settled();
  deepEqual(b.events.slice(1), ["message one", "closed Heard enough"]);
  deepEqual(a.events.slice(1), ['closed Peer closed the link: "Heard enough"']);
});

const strangers: readonly [name: string, self: HelloSelf, reason: RegExp][] = [
  ["of another room", { ...ada, roomId: roomOf("room99999") }, /Expected room room12345/],
  ["that is not expected", selfOf("eve", "e"), /Expected peer ada-/],
  ["with a key that is not its own", { ...ada, publicKey: bob.publicKey }, /Expected the key/],
];
for (const [name, self, reason] of strangers) {
  Deno.test(`a peer ${name} is refused, and both sides know why`, async () => {
    const backend = new MemoryBackend();
    const stranger = new Side(backend, self);
    const b = new Side(backend, bob, { role: "answerer", expectedPeerId: ada.peerId });
    await settled();
    equal(b.events.length, 1);
    match(b.events[0] ?? "", reason);
    ok(/^closed /.test(stranger.events.at(-1) ?? ""));
    ok(stranger.events.some((event) => reason.test(event) || /Expected room/.test(event)));
    ok(!b.events.some((event) => event.startsWith("opened")));
  });
}

Deno.test("nothing but a hello is parsed before the hello", async () => {
  for (const frame of [...encodeMessage('{"type":"job_start"}', 100), encodeBye("x")]) {
    const backend = new MemoryBackend();
    const raw = backend.create({
      id,
      role: "offerer",
      iceServers: [],
      handlers: {
        signal: () => {},
        opened: () => raw.send(frame),
        received: () => {},
        closed: () => {},
      },
    });
    const b = new Side(backend, bob);
    await settled();
    equal(b.events.length, 1);
    match(b.events[0] ?? "", /^closed Expected a hello, got/);
  }
});

Deno.test("garbage after the hello closes the link", async () => {
  const backend = new MemoryBackend();
  const [hello] = encodeMessage(writeHello(ada, id, "0123456789abcdefghijkl"), 1_024);
  if (hello === undefined) throw new Error("Expected a hello");
  const raw = backend.create({
    id,
    role: "offerer",
    iceServers: [],
    handlers: {
      signal: () => {},
      opened: () => {
        raw.send(hello);
        raw.send(new Uint8Array([9]));
      },
      received: () => {},
      closed: () => {},
    },
  });
  const b = new Side(backend, bob);
  await settled();
  deepEqual(b.events, [
    `opened ${ada.peerId}`,
    "closed Expected a frame of kind 1, 2 or 4, got kind 9",
  ]);
});

Deno.test("a side that never opens, or never says hello, is given up in time", async () => {
  const alone = new Side(new MemoryBackend(), ada, { openTimeoutMs: 3_000 });
  alone.timers.elapse(2_999);
  await settled();
  deepEqual(alone.events, []);
  alone.timers.elapse(3_000);
  await settled();
  deepEqual(alone.events, ["closed Expected the other end to open within 3000 ms, got nothing"]);

  const backend = new MemoryBackend();
  const mute = { signal: () => {}, opened: () => {}, received: () => {}, closed: () => {} };
  backend.create({ id, role: "offerer", iceServers: [], handlers: mute });
  const b = new Side(backend, bob);
  await settled();
  b.timers.elapse(5_000);
  await settled();
  deepEqual(b.events, ["closed Expected the other end to say hello within 5000 ms, got nothing"]);
  equal(b.timers.pending.size, 0);
});

Deno.test("closing before it opens leaves nothing behind", async () => {
  const alone = new Side(new MemoryBackend(), ada);
  alone.link.close("Changed our mind");
  await settled();
  deepEqual(alone.events, ["closed Changed our mind"]);
  equal(alone.timers.pending.size, 0);
});
