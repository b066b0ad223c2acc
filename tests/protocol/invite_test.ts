/** Invites: what is written is read, and nothing else is. */

import { deepEqual, equal, match, ok, throws } from "node:assert/strict";
import fc from "fast-check";
import { decodeInvite, encodeInvite, type Invite } from "../../lib/protocol/invite.ts";
import { isRoomId } from "../../lib/base/id.ts";

function room(id: string) {
  if (!isRoomId(id)) throw new Error(`Expected a room id, got ${id}`);
  return id;
}

const EXAMPLE: Invite = {
  server: "http://127.0.0.1:8080",
  room_id: room("abcdefgh2345"),
  token: "mfrggzdfmztwq2lkmfrggzdfmz",
  secret: "nbswy3dpo5xxe3denbswy3dpo5",
};
const LETTERS = "abcdefghijklmnopqrstuvwxyz234567".split("");
const base32 = (length: number) =>
  fc.string({ unit: fc.constantFrom(...LETTERS), minLength: length, maxLength: length });
const invites = fc.record({
  server: fc.tuple(fc.constantFrom("http", "https"), fc.domain(), fc.nat(65535))
    .map(([scheme, domain, port]) => `${scheme}://${domain}:${port}`),
  room_id: base32(12).map(room),
  token: base32(26),
  secret: base32(26),
});

function reasonOf(text: string): string {
  const decoded = decodeInvite(text);
  ok(!decoded.ok, "Expected a refusal");
  return decoded.reason;
}

Deno.test("an invite survives the round trip", () => {
  fc.assert(
    fc.property(invites, (invite) => {
      deepEqual(decodeInvite(encodeInvite(invite)), { ok: true, value: invite });
      deepEqual(decodeInvite(`  ${encodeInvite(invite)}\n`), { ok: true, value: invite });
    }),
    { numRuns: 200 },
  );
});

Deno.test("one changed character is found, wherever it stands", () => {
  const invite = encodeInvite(EXAMPLE);
  for (let index = 0; index < invite.length; index++) {
    const other = invite[index] === "A" ? "B" : "A";
    ok(!decodeInvite(invite.slice(0, index) + other + invite.slice(index + 1)).ok, `at ${index}`);
  }
});

Deno.test("a refusal says what is wrong with it", () => {
  const invite = encodeInvite(EXAMPLE);
  const swapped = `${invite.slice(0, 60)}${invite[60] === "x" ? "y" : "x"}${invite.slice(61)}`;
  const cases: [string, RegExp][] = [
    ["", /begins with `sleap1\.`, got something else/],
    ["http://127.0.0.1", /begins with `sleap1\.`/],
    [invite.replace("sleap1", "sleap2"), /version 1, got version 2; update sleap-rtc/],
    ["sleap1.", /whose end is missing/],
    [swapped, /mistyped/],
    [`${invite}AAAA`, /nothing behind/],
    [`${invite.slice(0, 20)} ${invite.slice(20)}`, /another character at position 21/],
    [`sleap1.${"A".repeat(4_000)}`, /at most 2048 characters, got 4007/],
  ];
  for (const [text, reason] of cases) match(reasonOf(text), reason);
  for (let length = 8; length < invite.length; length++) {
    match(reasonOf(invite.slice(0, length)), /end is missing/, `cut at ${length}`);
  }
});

Deno.test("no refusal repeats what it was given", () => {
  const marked = encodeInvite(EXAMPLE).slice(0, -1);
  ok(!reasonOf(marked).includes(marked.slice(10, 20)));
  ok(!reasonOf("token-hunter2").includes("hunter2"));
});

Deno.test("garbage is refused and never throws", () => {
  fc.assert(fc.property(fc.string(), (text) => {
    equal(decodeInvite(text).ok, false);
    equal(decodeInvite(`sleap1.${text}`).ok, false);
  }));
  fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
    const text = btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_");
    equal(decodeInvite(`sleap1.${text.replaceAll("=", "")}`).ok, false);
  }));
});

Deno.test("what an invite may not carry is not written", () => {
  throws(() => encodeInvite({ ...EXAMPLE, server: "ftp://127.0.0.1" }));
  throws(() => encodeInvite({ ...EXAMPLE, server: "http://user:password@127.0.0.1" }));
  throws(() => encodeInvite({ ...EXAMPLE, secret: "short" }));
});
