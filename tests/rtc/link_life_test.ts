/** The life of a link, without a link. */

import { deepEqual, equal } from "node:assert/strict";
import { LinkLife } from "../../lib/rtc/link_life.ts";

Deno.test("a frame comes in a buffer of its own, and is copied only where it does not", () => {
  const frames: Uint8Array[] = [];
  const life = new LinkLife({
    signal: () => {},
    opened: () => {},
    received: (frame) => frames.push(frame),
    closed: () => {},
  }, { frameBytesMax: 100, bufferedBytes: () => 0, free: () => {} });
  const packet = new Uint8Array([1, 2, 3, 4]);
  life.received(packet.subarray(1, 3));
  life.received(packet);
  deepEqual(frames.map((frame) => [...frame]), [[2, 3], [1, 2, 3, 4]]);
  equal(frames[0]?.buffer.byteLength, 2);
  equal(frames[1], packet);
});
