/** Frames: round trips for any split, and nothing but a `FrameError` for garbage. */

import { deepEqual, equal, ok, throws } from "node:assert/strict";
import fc from "fast-check";
import { LINK_MESSAGE_BYTES_MAX } from "../../lib/base/limits.ts";
import {
  BYE_REASON_BYTES_MAX,
  DATA_BYTES_MAX,
  encodeBye,
  encodeData,
  encodeMessage,
  FrameError,
  FrameReader,
} from "../../lib/rtc/framing.ts";

/** Text that UTF-8 can carry, with characters of 1 to 4 bytes and byte order marks. */
const text = fc.string({ unit: fc.constantFrom("a", "é", "€", "😀", "\ufeff", "\0", '"') });

Deno.test("a message survives any split", () => {
  fc.assert(fc.property(text, fc.integer({ min: 3, max: 40 }), (message, frameBytesMax) => {
    const frames = encodeMessage(message, frameBytesMax);
    ok(frames.every((frame) => frame.length <= frameBytesMax));
    const reader = new FrameReader();
    const read = frames.map((frame) => reader.read(frame));
    deepEqual(read.pop(), { kind: "message", text: message });
    ok(read.every((frame) => frame === undefined));
  }));
});

Deno.test("data survives any split", () => {
  fc.assert(fc.property(
    fc.integer({ min: 0, max: 0xffff_ffff }),
    fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER - 1_000 }),
    fc.uint8Array({ minLength: 1, maxLength: 200 }),
    fc.integer({ min: 14, max: 60 }),
    (stream, offset, bytes, frameBytesMax) => {
      const reader = new FrameReader();
      let next = offset;
      for (const frame of encodeData(stream, offset, bytes, new Uint8Array(frameBytesMax))) {
        ok(frame.length <= frameBytesMax);
        const read = reader.read(frame);
        if (read?.kind !== "data") throw new Error(`Expected data, got ${read?.kind}`);
        equal(read.stream, stream);
        equal(read.offset, next);
        deepEqual(read.bytes, bytes.slice(next - offset, next - offset + read.bytes.length));
        next += read.bytes.length;
      }
      equal(next, offset + bytes.length);
    },
  ));
});

Deno.test("data between the fragments of a message disturbs neither", () => {
  const reader = new FrameReader();
  const [first, second, ...rest] = encodeMessage("hello", 5);
  const room = new Uint8Array(100);
  const [data] = encodeData(1, 0, new Uint8Array([9]), room);
  if (first === undefined || second === undefined || data === undefined) {
    throw new Error("No frame");
  }
  equal(rest.length, 0);
  equal(reader.read(first), undefined);
  equal(reader.read(data)?.kind, "data");
  deepEqual(reader.read(second), { kind: "message", text: "hello" });
});

Deno.test("garbage is a value or a FrameError, and the reader never holds too much", () => {
  const frame = fc.oneof(
    fc.uint8Array({ maxLength: 40 }),
    fc.tuple(fc.integer({ min: 0, max: 5 }), fc.uint8Array({ maxLength: 40 }))
      .map(([kind, rest]) => new Uint8Array([kind, ...rest])),
  );
  fc.assert(fc.property(fc.array(frame, { maxLength: 20 }), (frames) => {
    const reader = new FrameReader(64);
    let fragments: number[] = [];
    for (const bytes of frames) {
      try {
        const read = reader.read(bytes);
        if (bytes[0] === 1) fragments.push(...bytes.slice(2));
        if (read?.kind !== "message") continue;
        deepEqual([...new TextEncoder().encode(read.text)], fragments);
        ok(fragments.length <= 64);
        fragments = [];
      } catch (error) {
        ok(error instanceof FrameError, String(error));
        return;
      }
    }
  }));
});

const malformed: readonly [name: string, bytes: number[]][] = [
  ["nothing", []],
  ["kind 0", [0, 1]],
  ["the reserved kind 3", [3, 1, 1]],
  ["a message without a mark", [1]],
  ["a message with an unknown mark", [1, 2, 65]],
  ["an empty fragment that is not the last", [1, 0]],
  ["text that is not UTF-8", [1, 1, 0xff]],
  ["data with half a header", [2, 0, 0, 0, 1, 0, 0]],
  ["data without data", [2, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]],
  ["an offset beyond 2^53", [2, 0, 0, 0, 1, 0xff, 0, 0, 0, 0, 0, 0, 0, 7]],
  ["a bye that is too long", [4, ...new Array<number>(BYE_REASON_BYTES_MAX + 1).fill(65)]],
];
for (const [name, bytes] of malformed) {
  Deno.test(`refuses ${name}`, () => {
    throws(() => new FrameReader().read(new Uint8Array(bytes)), FrameError);
  });
}

Deno.test("a message at the limit passes, one beyond is refused at both ends", () => {
  const reader = new FrameReader(LINK_MESSAGE_BYTES_MAX);
  const longest = "x".repeat(LINK_MESSAGE_BYTES_MAX);
  const read = encodeMessage(longest, 16_384).map((frame) => reader.read(frame));
  deepEqual(read.at(-1), { kind: "message", text: longest });
  throws(() => encodeMessage(`${longest}x`, 16_384), RangeError);
  const small = new FrameReader(4);
  equal(small.read(new Uint8Array([1, 0, 65, 65, 65])), undefined);
  throws(() => small.read(new Uint8Array([1, 0, 65, 65])), /at most 4 bytes/);
});

Deno.test("refuses to encode what is out of range", () => {
  const one = new Uint8Array(1);
  const room = new Uint8Array(100);
  for (const stream of [-1, 0.5, 2 ** 32, NaN]) {
    throws(() => encodeData(stream, 0, one, room), RangeError);
  }
  for (const offset of [-1, 0.5, 2 ** 53, Number.MAX_SAFE_INTEGER]) {
    throws(() => encodeData(1, offset, one, room), RangeError);
  }
  throws(() => encodeData(1, 0, new Uint8Array(DATA_BYTES_MAX + 1), room), RangeError);
  throws(() => encodeData(1, 0, one, new Uint8Array(13)), RangeError);
  throws(() => encodeMessage("x", 2), RangeError);
});

Deno.test("a bye is cut at a whole character and cannot forge a log line", () => {
  fc.assert(fc.property(fc.string({ unit: "grapheme", maxLength: 300 }), (reason) => {
    const frame = encodeBye(reason);
    ok(frame.length <= 1 + BYE_REASON_BYTES_MAX);
    const read = new FrameReader().read(frame);
    if (read?.kind !== "bye") throw new Error(`Expected a bye, got ${read?.kind}`);
    ok(reason.replace(/\p{C}+/gu, " ").startsWith(read.reason.trimEnd()));
  }));
  const read = new FrameReader().read(encodeBye("a\nERROR b"));
  deepEqual(read, { kind: "bye", reason: "a ERROR b" });
});
