/** When the server's word on the admin counts. */

import assert from "node:assert/strict";
import { ServerView } from "../../lib/mesh/server_view.ts";
import { peer } from "./peers.ts";

/** A server that was heard at 0 and holds w1 for the admin in epoch 4. */
function heardServer(): ServerView {
  const server = new ServerView({ freshMs: 3_000, askMs: 1_000 });
  server.heard(0);
  server.registered(peer("w1"), 4, [peer("w1")]);
  return server;
}

Deno.test("a word counts while it is fresh, and again once the server was heard", () => {
  const server = heardServer();
  const word = { adminPeerId: peer("w1") };
  assert.deepEqual(server.wordOnAdmin(4, 3_000), word);
  assert.equal(server.wordOnAdmin(4, 3_001), undefined);
  server.heard(5_000);
  assert.deepEqual(server.wordOnAdmin(4, 6_000), word);
  server.lost();
  assert.equal(server.wordOnAdmin(4, 6_000), undefined);
});

Deno.test("the server is asked once in a while, and not if it was just heard", () => {
  const server = heardServer();
  assert.deepEqual([999, 1_000].map((now) => server.isToBeAsked(now)), [false, true]);
  server.asked(1_000);
  assert.deepEqual([1_999, 2_000].map((now) => server.isToBeAsked(now)), [false, true]);
  server.heard(1_800);
  assert.deepEqual([2_000, 2_800].map((now) => server.isToBeAsked(now)), [false, true]);
  server.lost();
  assert.equal(server.isToBeAsked(9_000), false);
});

Deno.test("a server that has forgotten the room has no word on its admin", () => {
  const server = heardServer();
  server.adminChanged(null, 4);
  assert.deepEqual(server.wordOnAdmin(4, 0), { adminPeerId: undefined });
  assert.equal(server.wordOnAdmin(5, 0), undefined);
  server.told(5);
  assert.deepEqual(server.wordOnAdmin(5, 0), { adminPeerId: undefined }, "our own claim of 5");
});

Deno.test("a server that has forgotten the room has none on a newcomer's lead either", () => {
  const server = heardServer();
  assert.equal(server.wordOnAdmin(5, 0), undefined);
  server.adminChanged(peer("w2"), 5);
  assert.deepEqual(server.wordOnAdmin(5, 0), { adminPeerId: peer("w2") });
});
