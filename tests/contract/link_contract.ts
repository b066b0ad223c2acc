/**
 * What every pair of link backends must do, over real WebRTC on this machine. Knows the `Link`
 * interface only.
 */

import { deepEqual, equal, ok, throws } from "node:assert/strict";
import { createHash } from "node:crypto";
import { isLinkId, type LinkId } from "../../lib/base/id.ts";
import type { LinkSignal } from "../../lib/protocol/link_signal.ts";
import type { Link, LinkBackend, LinkOptions } from "../../lib/rtc/link.ts";

/** The longest that any step may take on a starved machine. */
const DEADLINE_MS = 20_000;

/** For which this process does something else: longer than a close takes on this machine. */
const BUSY_MS = 300;

/** The two backends of a pair, and what ends them. */
export interface BackendPair {
  readonly offerer: LinkBackend;
  readonly answerer: LinkBackend;
}

/** What not every backend of a test has: words that a dial needs, and frames that wait to be sent. */
export type Need = "signals" | "buffers";

/** One end of a link under test: the link, and everything that it told. */
class End {
  readonly link: Link;
  readonly frames: Uint8Array[] = [];
  readonly signals: LinkSignal[] = [];
  readonly events: string[] = [];
  onFrame: (frame: Uint8Array) => void = () => {};
  onSignal: (signal: LinkSignal) => void = () => {};
  #watchers = new Set<() => void>();

  constructor(backend: LinkBackend, role: LinkOptions["role"], id: LinkId) {
    this.link = backend.create({
      id,
      role,
      iceServers: [],
      handlers: {
        signal: (signal) => this.#note(() => (this.signals.push(signal), this.onSignal(signal))),
        opened: () => this.#note(() => this.events.push("opened")),
        received: (frame) => this.#note(() => (this.frames.push(frame), this.onFrame(frame))),
        closed: (reason) => this.#note(() => this.events.push(`closed: ${reason}`)),
      },
    });
  }

  get closed(): boolean {
    return this.events.some((event) => event.startsWith("closed"));
  }

  /** Waits until `holds`, looking again after every event. */
  async until(what: string, holds: () => boolean): Promise<void> {
    let watcher = () => {};
    const held = new Promise<void>((resolve) => {
      watcher = () => {
        if (holds()) resolve();
      };
    });
    this.#watchers.add(watcher);
    watcher();
    try {
      await within(held, `${what}; saw ${this.events.join(", ") || "nothing"}`);
    } finally {
      this.#watchers.delete(watcher);
    }
  }

  #note(record: () => void): void {
    record();
    for (const watcher of this.#watchers) watcher();
  }
}

async function within<T>(promise: Promise<T>, what: string): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new Error(`Expected ${what}, within ${DEADLINE_MS} ms`)),
      DEADLINE_MS,
    );
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

function linkId(text: string): LinkId {
  if (!isLinkId(text)) throw new Error(`Expected a link id, got ${text}`);
  return text;
}

function makeEnds(backends: BackendPair): [End, End] {
  const id = linkId("contract.1");
  return [new End(backends.offerer, "offerer", id), new End(backends.answerer, "answerer", id)];
}

function trickle(a: End, b: End): void {
  a.onSignal = (signal) => b.link.accept(signal);
  b.onSignal = (signal) => a.link.accept(signal);
}

async function openEnds(backends: BackendPair): Promise<[End, End]> {
  const [a, b] = makeEnds(backends);
  trickle(a, b);
  await Promise.all([
    a.until("the offerer to open", () => a.events.includes("opened")),
    b.until("the answerer to open", () => b.events.includes("opened")),
  ]);
  return [a, b];
}

async function closeEnds(...ends: End[]): Promise<void> {
  for (const end of ends) end.link.close("Test over");
  for (const end of ends) await end.until("an end to close", () => end.closed);
}

function numbered(index: number, length: number): Uint8Array {
  const frame = new Uint8Array(length).fill(index & 0xff);
  new DataView(frame.buffer).setUint32(0, index);
  return frame;
}

/** Registers the contract as tests named `name: …`. */
export function linkContract(
  name: string,
  makeBackends: () => Promise<BackendPair>,
  options: Pick<Deno.TestDefinition, "sanitizeOps" | "sanitizeResources"> = {},
  without: ReadonlySet<Need> = new Set(),
): void {
  const promise = (
    what: string,
    run: (backends: BackendPair) => Promise<void>,
    need?: Need,
  ): void => {
    if (need !== undefined && without.has(need)) return;
    Deno.test(`${name}: ${what}`, options, async () => {
      const backends = await makeBackends();
      try {
        await run(backends);
      } finally {
        const all = new Set([backends.offerer, backends.answerer]);
        for (const backend of all) await within(backend.dispose(), "the backend to end");
      }
    });
  };

  promise("opens, and carries frames both ways in order", async (backends) => {
    const [a, b] = await openEnds(backends);
    const count = 500;
    for (let index = 0; index < count; index++) {
      a.link.send(numbered(index, 4 + index));
      b.link.send(numbered(index, 4 + index));
    }
    await a.until("all frames", () => a.frames.length === count);
    await b.until("all frames", () => b.frames.length === count);
    for (const end of [a, b]) {
      end.frames.forEach((frame, index) => deepEqual([...frame], [...numbered(index, 4 + index)]));
    }
    equal(a.link.facts().bytesSent, b.link.facts().bytesReceived);
    await closeEnds(a, b);
  });

  promise(
    "tells its path, and a round-trip time that can be one, of an open link only",
    async (backends) => {
      const [a, b] = await openEnds(backends);
      for (const { link } of [a, b]) {
        const { path, rttMs } = link.facts();
        // Within one machine, though a check may come from an address that is told only later.
        equal(path, "host");
        ok(rttMs === undefined || rttMs >= 0 && rttMs < 10_000, String(rttMs));
      }
      await closeEnds(a, b);
      equal(a.link.facts().path, "unknown");
    },
  );

  promise("carries the largest frame of each end, and one byte", async (backends) => {
    const [a, b] = await openEnds(backends);
    a.link.send(numbered(7, a.link.frameBytesMax));
    a.link.send(new Uint8Array([1]));
    b.link.send(numbered(9, b.link.frameBytesMax));
    await b.until("two frames", () => b.frames.length === 2);
    await a.until("one frame", () => a.frames.length === 1);
    deepEqual(b.frames.map((frame) => frame.length), [a.link.frameBytesMax, 1]);
    deepEqual(a.frames[0], new Uint8Array(numbered(9, b.link.frameBytesMax)));
    await closeEnds(a, b);
  });

  promise(
    "leaves a sent frame to its sender, and an arrived one to its receiver",
    async (backends) => {
      const [a, b] = await openEnds(backends);
      const room = numbered(1, a.link.frameBytesMax);
      for (const index of [1, 2, 3]) {
        room.set(numbered(index, index === 3 ? 4 : room.length));
        a.link.send(index === 3 ? room.subarray(0, 4) : room);
      }
      await b.until("three frames", () => b.frames.length === 3);
      const [first, second, third] = b.frames;
      deepEqual([...first ?? []], [...numbered(1, room.length)]);
      deepEqual([...second ?? []], [...numbered(2, room.length)]);
      deepEqual([...third ?? []], [...numbered(3, 4)]);
      for (const frame of b.frames) equal(frame.buffer.byteLength, frame.length);
      await closeEnds(a, b);
    },
  );

  promise("refuses empty and oversized frames and goes on", async (backends) => {
    const [a, b] = await openEnds(backends);
    throws(() => a.link.send(new Uint8Array(0)), /Expected a frame of 1 to \d+ bytes, got 0/);
    throws(() => a.link.send(new Uint8Array(a.link.frameBytesMax + 1)), RangeError);
    a.link.send(new Uint8Array([42]));
    await b.until("the good frame", () => b.frames.length === 1);
    deepEqual([...b.frames[0] ?? []], [42]);
    await closeEnds(a, b);
  });

  promise("takes candidates that come before the description", async (backends) => {
    const [a, b] = makeEnds(backends);
    const isCandidate = (signal: LinkSignal) => signal.kind === "candidate";
    b.onSignal = (signal) => a.link.accept(signal);
    await a.until("an offer and a candidate", () => {
      return a.signals.some(isCandidate) && !a.signals.every(isCandidate);
    });
    const early = a.signals.filter(isCandidate);
    for (const signal of early) b.link.accept(signal);
    for (const signal of a.signals.filter((signal) => !isCandidate(signal))) {
      b.link.accept(signal);
    }
    a.onSignal = (signal) => b.link.accept(signal);
    await b.until("the answerer to open", () => b.events.includes("opened"));
    await a.until("the offerer to open", () => a.events.includes("opened"));
    await closeEnds(a, b);
  }, "signals");

  for (const closer of ["offerer", "answerer"] as const) {
    promise(`the ${closer} closes both ends, once each, and the reason stays`, async (backends) => {
      const [a, b] = await openEnds(backends);
      const [active, passive] = closer === "offerer" ? [a, b] : [b, a];
      active.link.send(new Uint8Array([1, 2, 3]));
      active.link.close("Enough");
      active.link.close("Twice");
      await active.until("the active end to close", () => active.closed);
      await passive.until("the passive end to close", () => passive.closed);
      deepEqual(active.events, ["opened", "closed: Enough"]);
      deepEqual(passive.events, ["opened", "closed: The other end closed the link"]);
      // What was sent before the end arrived before the end.
      deepEqual(passive.frames.map((frame) => [...frame]), [[1, 2, 3]]);
      throws(() => active.link.send(new Uint8Array([1])), /Expected an open link/);
      throws(() => passive.link.send(new Uint8Array([1])), /Expected an open link/);
      passive.link.close("Late");
      equal(passive.events.length, 2);
    });
  }

  promise("hears the last words of an end that closes while this one is busy", async (backends) => {
    const [a, b] = await openEnds(backends);
    a.link.send(new Uint8Array([1, 2, 3]));
    a.link.close("Enough");
    // A backend with threads of its own carries all that meanwhile, and tells of it only afterwards.
    const busyUntil = performance.now() + BUSY_MS;
    while (performance.now() < busyUntil);
    b.link.send(new Uint8Array([4]));
    await b.until("the end", () => b.closed);
    deepEqual(b.frames.map((frame) => [...frame]), [[1, 2, 3]]);
    deepEqual(b.events, ["opened", "closed: The other end closed the link"]);
    await a.until("the end", () => a.closed);
  });

  promise("closes before it opens, and ignores late signals", async (backends) => {
    const [a, b] = makeEnds(backends);
    await a.until("an offer", () => a.signals.some((signal) => signal.kind === "offer"));
    a.link.close("Changed our mind");
    await a.until("the end", () => a.closed);
    const signals = a.signals.length;
    for (const signal of a.signals) b.link.accept(signal);
    await b.until("an answer", () => b.signals.some((signal) => signal.kind === "answer"));
    for (const signal of b.signals) a.link.accept(signal);
    b.link.close("Nobody there");
    await b.until("the end", () => b.closed);
    deepEqual(a.events, ["closed: Changed our mind"]);
    deepEqual(b.events, ["closed: Nobody there"]);
    equal(a.signals.length, signals);
  }, "signals");

  promise("closes at once after it was made", async (backends) => {
    const [a, b] = makeEnds(backends);
    a.link.close("No");
    b.link.close("No");
    equal(a.events.length, 0);
    await a.until("the end", () => a.closed);
    await b.until("the end", () => b.closed);
    deepEqual([...a.events, ...b.events], ["closed: No", "closed: No"]);
  });

  promise("ends where a signal makes no sense", async (backends) => {
    const [a, b] = makeEnds(backends);
    a.link.accept({ kind: "offer", sdp: "v=0" });
    b.link.accept({ kind: "offer", sdp: "this is no description" });
    await a.until("the end", () => a.closed);
    await b.until("the end", () => b.closed);
    ok(/Expected an answer from the other end, got an offer/.test(a.events.join()));
    ok(/Signal from the other end cannot be used/.test(b.events.join()), b.events.join());
  }, "signals");

  promise("ends its own link where a handler throws", async (backends) => {
    const [a, b] = await openEnds(backends);
    b.onFrame = () => {
      throw new Error("Bug in the owner");
    };
    a.link.send(new Uint8Array([1]));
    await b.until("the end", () => b.closed);
    await a.until("the end", () => a.closed);
    deepEqual(b.events, ["opened", "closed: Link handler failed: Bug in the owner"]);
  });

  promise("carries 8 MiB intact under back-pressure", async (backends) => {
    const [a, b] = await openEnds(backends);
    const frame = new Uint8Array(Math.min(a.link.frameBytesMax, 16 * 1024));
    const total = 8 * 1024 * 1024;
    const highBytes = 1024 * 1024;
    const [sent, received] = [createHash("sha256"), createHash("sha256")];
    let arrived = 0;
    b.onFrame = (bytes) => {
      received.update(bytes);
      arrived += bytes.length;
      b.frames.length = 0;
    };
    let highest = 0;
    for (let start = 0; start < total; start += frame.length) {
      for (let index = 0; index < frame.length; index += 997) {
        frame[index] = (start / frame.length + index) & 0xff;
      }
      sent.update(frame);
      a.link.send(frame);
      highest = Math.max(highest, a.link.bufferedBytes);
      if (a.link.bufferedBytes > highBytes) {
        await within(a.link.drainedTo(highBytes / 4), "the link to drain");
        ok(a.link.bufferedBytes <= highBytes / 4);
      }
    }
    await b.until("all bytes", () => arrived === total);
    equal(received.digest("hex"), sent.digest("hex"));
    ok(highest <= highBytes + frame.length, `buffered ${highest} bytes`);
    await within(a.link.drainedTo(0), "the link to drain");
    equal(a.link.bufferedBytes, 0);
    await closeEnds(a, b);
  });

  promise("lets whoever waits for it to drain go on when it closes", async (backends) => {
    const [a, b] = await openEnds(backends);
    for (let sent = 0; sent < 4 * 1024 * 1024; sent += a.link.frameBytesMax) {
      a.link.send(new Uint8Array(a.link.frameBytesMax));
    }
    ok(a.link.bufferedBytes > 0);
    const drained = a.link.drainedTo(0);
    a.link.close("Stop");
    await within(drained, "the waiter to go on");
    equal(a.link.bufferedBytes, 0);
    await within(a.link.drainedTo(0), "a late waiter to go on");
    await closeEnds(a, b);
  }, "buffers");
}
