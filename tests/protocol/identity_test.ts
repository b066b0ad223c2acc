/** Who owns a name and who signed: what is believed, and that nothing a stranger sends throws. */

import { equal } from "node:assert/strict";
import { generateKeyPairSync, sign } from "node:crypto";
import {
  isPublicKey,
  isSignedBy,
  ownsPeerId,
  peerIdOf,
  verifierOf,
} from "../../lib/protocol/identity.ts";

const BYTES = new TextEncoder().encode("a change");
const { privateKey, publicKey } = generateKeyPairSync("ed25519");
const KEY = publicKey.export({ format: "jwk" }).x ?? "";
const SIGNATURE = sign(null, BYTES, privateKey).toString("base64url");
/** The last character with a bit set that stands for nothing. */
const crooked = (text: string): string =>
  text.slice(0, -1) + String.fromCharCode(text.charCodeAt(text.length - 1) + 1);
/** 32 bytes that are no point of the curve. */
const NO_POINT = "A".repeat(42) + "E";

Deno.test("a signature is believed under its own key only, however the key is given", () => {
  const cases: [what: string, key: string, signature: string, believed: boolean][] = [
    ["the right one", KEY, SIGNATURE, true],
    ["none", KEY, "", false],
    ["one cut short", KEY, SIGNATURE.slice(1), false],
    ["one of other letters", KEY, "!".repeat(86), false],
    ["one with a bit too many", KEY, crooked(SIGNATURE), false],
    ["one under a key with a bit too many", crooked(KEY), SIGNATURE, false],
    ["one under bytes that are no key", NO_POINT, SIGNATURE, false],
    ["one under no key", "", SIGNATURE, false],
  ];
  for (const [what, key, signature, believed] of cases) {
    equal(isSignedBy(key, BYTES, signature), believed, what);
    equal(verifierOf(key)(BYTES, signature), believed, what);
  }
  equal(isSignedBy(KEY, BYTES.slice(1), SIGNATURE), false, "other bytes");
});

Deno.test("a peer id belongs to the key in it, written in the one right way", () => {
  const id = peerIdOf("ada", KEY);
  equal(ownsPeerId(KEY, id), true);
  equal(ownsPeerId(crooked(KEY), id), false);
  equal(ownsPeerId(NO_POINT, id), false);
  equal(ownsPeerId("", id), false);
  equal(isPublicKey(crooked(KEY)), false);
});
