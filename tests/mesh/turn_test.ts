/** Whose turn it is at one worker: order, fitness, holds that end, and who may take at all. */

import assert from "node:assert/strict";
import { HOLD_MS, PASS_MS, Turn, type TurnFacts } from "../../lib/mesh/turn.ts";
import { requestsIn } from "../../lib/mesh/waiting_list.ts";
import type { WorkerEntry } from "../../lib/protocol/worker.ts";
import { metadataOf, peer } from "./peers.ts";
import { ANY, entry, jobOf, row, rowsOf, serving, type Written } from "./queued.ts";

interface Scene {
  readonly slot?: WorkerEntry;
  readonly others?: readonly WorkerEntry[];
  readonly mayTake?: boolean;
}

/** Requests of `a`, `b`, … by ticket; `rows` changes single ones. */
function facts(rows: Written, scene: Scene = {}): TurnFacts {
  const { slot = entry("w1"), others = [], mayTake = true } = scene;
  const entries = new Map([slot, ...others].map((one) => [one.peer_id, one]));
  const requests = requestsIn({ rows: rowsOf(rows), entries, isLiving: () => true });
  return { slot, others, requests, mayTake };
}

function heldFor({ held }: Turn): string | undefined {
  return held?.job_id;
}

const A = ["w1", "a", row({ ticket: 1, client_id: peer("anna") })] as const;
const B = ["w1", "b", row({ ticket: 2, client_id: peer("ben") })] as const;
const large = { ...ANY, min_gpu_memory_mb: 16_000 };

const cases: [string, Written, Scene, string | undefined][] = [
  ["nobody waits", [], {}, undefined],
  ["the first of two", [B, A], {}, "a"],
  [
    "the first whose client is there",
    [
      ["w1", "a", row({ standing: "away" })],
      B,
    ],
    {},
    "b",
  ],
  ["the first that fits", [["w1", "a", row({ needs: large })], B], {}, "b"],
  [
    "one that asks for another worker waits on",
    [
      ["w1", "a", row({ needs: { ...ANY, worker: peer("w9") } })],
      B,
    ],
    {},
    "b",
  ],
  ["not what another worker is held for", [A, B], {
    others: [entry("w2", serving("reserved", "a", "anna"))],
  }, "b"],
  ["a minority takes nobody", [A, B], { mayTake: false }, undefined],
  ["nobody while it works", [A, B], { slot: entry("w1", serving("busy", "z")) }, undefined],
  ["nobody while it drains", [A], { slot: entry("w1", { status: "draining" }) }, undefined],
];

for (const [what, rows, scene, expected] of cases) {
  Deno.test(`turn: ${what}`, () => {
    const turn = new Turn();
    turn.reconcile(facts(rows, scene), 0);
    assert.equal(heldFor(turn), expected === undefined ? undefined : jobOf(expected));
    assert.deepEqual(turn.reconcile(facts(rows, scene), 1), []);
  });
}

Deno.test("a hold ends, and who did not come is passed over for a while", () => {
  const turn = new Turn();
  turn.reconcile(facts([A, B]), 0);
  assert.equal(turn.nextAt, HOLD_MS);
  turn.reconcile(facts([A, B]), HOLD_MS - 1);
  assert.equal(heldFor(turn), jobOf("a"));
  const changes = turn.reconcile(facts([A, B]), HOLD_MS);
  assert.deepEqual(changes.map(({ type }) => type), ["passed_over", "held"]);
  assert.equal(heldFor(turn), jobOf("b"));
  // It keeps its place: once the other is gone and the time is over, it is its turn again.
  turn.reconcile(facts([A]), HOLD_MS + 1);
  assert.equal(heldFor(turn), undefined);
  turn.reconcile(facts([A]), HOLD_MS + PASS_MS);
  assert.equal(heldFor(turn), jobOf("a"));
});

Deno.test("who came and did not begin is passed over too", () => {
  const turn = new Turn();
  turn.reconcile(facts([A, B]), 0);
  const came = entry("w1", serving("reserved", "a", "anna"));
  turn.reconcile(facts([A, B], { slot: came }), 1_000);
  assert.equal(heldFor(turn), undefined);
  turn.reconcile(facts([A, B]), 2_000);
  assert.equal(heldFor(turn), jobOf("b"));
});

Deno.test("who waits no more is not passed over", () => {
  const came = entry("w1", serving("reserved", "a", "anna"));
  const over = ["w1", "a", row({ client_id: peer("anna"), standing: "over" })] as const;
  for (const left of [[B], [over, B]]) {
    const late = new Turn();
    late.reconcile(facts([A, B]), 0);
    const atTheEnd = late.reconcile(facts(left), HOLD_MS);
    assert.deepEqual(atTheEnd.map(({ type }) => type), ["held"], "its hold ended as it left");
    const visited = new Turn();
    visited.reconcile(facts([A, B], { slot: came }), 0);
    const atOnce = visited.reconcile(facts(left), 1);
    assert.deepEqual(atOnce.map(({ type }) => type), ["held"], "it came, and left");
  }
});

Deno.test("a hold ends at once when there is nothing to hold for", () => {
  const ends: [string, TurnFacts][] = [
    ["withdrawn", facts([B])],
    ["its client went away", facts([["w1", "a", row({ standing: "away" })], B])],
    ["it runs elsewhere", facts([A, B], { others: [entry("w2", serving("busy", "a", "anna"))] })],
    [
      "a better worker holds for it",
      facts([A, B], {
        others: [entry("w2", {
          ...serving("reserved", "a", "anna"),
          metadata: metadataOf(24_000),
        })],
      }),
    ],
  ];
  for (const [what, after] of ends) {
    const turn = new Turn();
    turn.reconcile(facts([A, B]), 0);
    turn.reconcile(after, 1);
    assert.equal(heldFor(turn), jobOf("b"), what);
  }
  const turn = new Turn();
  turn.reconcile(facts([A]), 0);
  turn.reconcile(facts([A], { mayTake: false }), 1);
  assert.equal(heldFor(turn), undefined, "cut off from the majority");
});

Deno.test("of two that hold for one request, the better one keeps it", () => {
  const worse = entry("w2", serving("reserved", "a", "anna"));
  const turn = new Turn();
  turn.reconcile(facts([A, B]), 0);
  turn.reconcile(facts([A, B], { others: [worse] }), 1);
  assert.equal(heldFor(turn), jobOf("a"));
});

Deno.test("nobody jumps the queue", () => {
  const asks = (turn: Turn, client: string, job: string) =>
    turn.objectionTo(peer(client), jobOf(job));
  const held = new Turn();
  held.reconcile(facts([A, B]), 0);
  assert.equal(asks(held, "anna", "a"), undefined);
  assert.match(asks(held, "ben", "b") ?? "", /held for job-0000000a/);
  assert.match(
    asks(held, "newcomer", "n") ?? "",
    /held for job-0000000a.*2 requests wait before you/,
  );
  assert.match(asks(held, "newcomer", "a") ?? "", /held/);
  const cutOff = new Turn();
  cutOff.reconcile(facts([A, B], { mayTake: false }), 0);
  assert.match(asks(cutOff, "anna", "a") ?? "", /cut off from the majority/);
  assert.match(asks(cutOff, "newcomer", "n") ?? "", /2 requests wait before you/);
  const unfit = new Turn();
  unfit.reconcile(facts([["w1", "a", row({ needs: large })]]), 0);
  assert.equal(asks(unfit, "newcomer", "n"), undefined);
  const empty = new Turn();
  empty.reconcile(facts([], { mayTake: false }), 0);
  assert.equal(asks(empty, "newcomer", "n"), undefined);
});
