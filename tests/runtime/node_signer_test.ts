import { equal, match, notEqual } from "node:assert/strict";
import { temporaryIdentity } from "../../lib/runtime/credentials.ts";
import { nodeSigner } from "../../lib/runtime/node_signer.ts";

const BYTES = new TextEncoder().encode("a change");
const ada = temporaryIdentity();
const bob = temporaryIdentity();
const [adaId, bobId] = [ada.peerIdOf("ada"), bob.peerIdOf("bob")];
const signature = nodeSigner(ada).sign(BYTES);

const cases: [string, Parameters<ReturnType<typeof nodeSigner>["verify"]>, boolean][] = [
  ["its own", [adaId, ada.publicKey, BYTES, signature], true],
  ["under another name of the same key", [
    ada.peerIdOf("ada2"),
    ada.publicKey,
    BYTES,
    signature,
  ], true],
  ["for another peer", [bobId, ada.publicKey, BYTES, signature], false],
  ["with another key", [bobId, bob.publicKey, BYTES, signature], false],
  ["of other bytes", [adaId, ada.publicKey, BYTES.slice(1), signature], false],
  ["that is none", [adaId, ada.publicKey, BYTES, ""], false],
];
for (const [what, given, expected] of cases) {
  Deno.test(`node signer: a signature ${what} is ${expected ? "" : "not "}believed`, () => {
    equal(nodeSigner(bob).verify(...given), expected);
  });
}

Deno.test("node signer: who was believed once is not believed with another key or signature", () => {
  const signer = nodeSigner(bob);
  equal(signer.verify(adaId, ada.publicKey, BYTES, signature), true);
  equal(signer.verify(adaId, ada.publicKey, BYTES, signature), true);
  equal(signer.verify(adaId, bob.publicKey, BYTES, nodeSigner(bob).sign(BYTES)), false);
  equal(signer.verify(adaId, ada.publicKey, BYTES, nodeSigner(bob).sign(BYTES)), false);
  equal(signer.verify(bobId, ada.publicKey, BYTES, signature), false);
  equal(signer.verify(adaId, ada.publicKey, BYTES, signature), true);
});

Deno.test("node signer: however many were believed, the next one is", () => {
  const signer = nodeSigner(bob);
  for (let count = 0; count < 100; count++) {
    const peerId = ada.peerIdOf(`ada${count}`);
    equal(signer.verify(peerId, ada.publicKey, BYTES, signature), true);
  }
});

Deno.test("node signer: an actor is of one peer and one life, the same at every peer", () => {
  const actor = nodeSigner(ada).actorOf(adaId, 1);
  match(actor, /^[0-9a-f]{32}$/);
  equal(nodeSigner(bob).actorOf(adaId, 1), actor);
  notEqual(nodeSigner(ada).actorOf(adaId, 2), actor);
  notEqual(nodeSigner(ada).actorOf(bobId, 1), actor);
});
