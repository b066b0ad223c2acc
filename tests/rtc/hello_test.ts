/** Which hellos are believed, and why the others are refused. */

import { deepEqual, equal, throws } from "node:assert/strict";
import fc from "fast-check";
import { METADATA_BYTES_MAX } from "../../lib/base/limits.ts";
import { HelloError, readHello, writeHello } from "../../lib/rtc/hello.ts";
import { linkOf, roomOf, selfOf } from "./hello_self.ts";

const ada = selfOf("ada", "a");
const bob = selfOf("bob", "b", "client");
const link = linkOf("ada.bob.1");
const nonce = "0123456789abcdefghijkl";
const expected = { self: bob, linkId: link, peerId: ada.peerId };

Deno.test("a hello is believed by the peer that it is for", () => {
  const hello = readHello(writeHello(ada, link, nonce), expected);
  deepEqual(
    [hello.peer_id, hello.role, hello.incarnation, hello.public_key, hello.nonce, hello.metadata],
    [ada.peerId, "worker", 3, ada.publicKey, nonce, ada.metadata],
  );
  equal(readHello(writeHello(ada, link, nonce), { ...expected, peerId: undefined }).protocol, 1);
});

/** Each within its own limit, and too much together. */
const MANY = Object.fromEntries(
  Array.from(
    { length: METADATA_BYTES_MAX / 500 + 1 },
    (_, index) => [`p${index}`, "y".repeat(500)],
  ),
);
const WIDE = Object.fromEntries(
  Array.from({ length: 6 }, (_, index) => [`p${index}`, "語".repeat(500)]),
);
const changes: readonly [name: string, change: Record<string, unknown>, reason: RegExp][] = [
  ["another protocol", { protocol: 2 }, /Expected protocol 1, got 2; update the older peer/],
  ["another protocol with other fields", { protocol: 9, link_id: 7 }, /Expected protocol 1, got 9/],
  ["another room", { room_id: "room99999" }, /Expected room room12345, got room99999/],
  ["another link", { link_id: "ada.bob.2" }, /Expected link ada.bob.1, got ada.bob.2/],
  ["another peer", { peer_id: bob.peerId }, /Expected peer ada-.*, got bob-/],
  ["another key", { public_key: bob.publicKey }, /Expected the key that ada-.* is bound to/],
  ["no key", { public_key: "short" }, /wrong public_key/],
  ["an unknown role", { role: "admin" }, /wrong role/],
  ["a broken incarnation", { incarnation: 1.5 }, /wrong incarnation/],
  ["a short nonce", { nonce: "abc" }, /wrong nonce/],
  ["much metadata", { metadata: { tags: [], properties: MANY } }, /wrong metadata/],
  ["few letters of many bytes", { metadata: { tags: [], properties: WIDE } }, /wrong metadata/],
  ["another type", { type: "heartbeat" }, /wrong type/],
];
for (const [name, change, reason] of changes) {
  Deno.test(`refuses a hello with ${name}`, () => {
    const text = JSON.stringify({ ...JSON.parse(writeHello(ada, link, nonce)), ...change });
    throws(() => readHello(text, expected), (error: Error) => {
      equal(error.name, "HelloError");
      return reason.test(error.message);
    });
  });
}

Deno.test("refuses our own hello, sent back", () => {
  const text = writeHello(bob, link, nonce);
  throws(() => readHello(text, { ...expected, peerId: undefined }), /got our own peer id/);
});

Deno.test("refuses any other text with a HelloError", () => {
  fc.assert(fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
    throws(() => readHello(text, expected), HelloError);
  }));
});

Deno.test("does not say what breaks the protocol itself", () => {
  throws(() => writeHello({ ...ada, incarnation: -1 }, link, nonce));
  throws(() => writeHello({ ...ada, roomId: roomOf("room12345") }, link, "short"));
});
