/** The queue as every replica computes it: who waits, in which order, and whose client is there. */

import assert from "node:assert/strict";
import fc from "fast-check";
import {
  nextTicket,
  type QueueFacts,
  requestsIn,
  ROWS_MAX,
  waitingIn,
} from "../../lib/mesh/waiting_list.ts";
import { type QueueRow, TICKET_MAX } from "../../lib/protocol/queue_message.ts";
import type { WorkerEntry } from "../../lib/protocol/worker.ts";
import { peer, peers } from "./peers.ts";
import { entry, jobOf, row, rowsOf, serving, type Written } from "./queued.ts";

function factsOf(
  written: Written,
  living: string,
  entries: readonly WorkerEntry[] = [],
): QueueFacts {
  return {
    rows: rowsOf(written),
    entries: new Map(entries.map((one) => [one.peer_id, one])),
    isLiving: (author) => peers(living).has(author),
  };
}

/** The waiting ones as short text: `a` for one whose client is there, `(a)` for one whose is not. */
function told(facts: QueueFacts): string {
  return waitingIn(facts).map(({ job_id, is_present }) => {
    const name = job_id.replace(/^job-0*/, "");
    return is_present ? name : `(${name})`;
  }).join(" ");
}

const LAB = "lap-aaaaaaaaaa";
const SAME_KEY = "desk-aaaaaaaaaa";
const STRANGER = "foe-bbbbbbbbbb";
const cases: [string, Written, string, readonly WorkerEntry[]][] = [
  ["", [], "w1", []],
  ["a b", [["w1", "b", row({ ticket: 2 })], ["w2", "a", row()]], "w1 w2", []],
  ["a b", [["w1", "b", row()], ["w2", "a", row()]], "w1 w2", []],
  ["(a) b", [["w1", "a", row()], ["w2", "b", row({ ticket: 2 })]], "w2", []],
  ["(a)", [["w1", "a", row({ standing: "away" })]], "w1", []],
  // The client went on to another worker: its place is the earliest that it had.
  [
    "a b",
    [["w1", "a", row()], ["w2", "b", row({ ticket: 2 })], ["w2", "a", row({ ticket: 3 })]],
    "w2",
    [],
  ],
  ["", [["w1", "a", row()], ["w2", "a", row({ standing: "over" })]], "w1 w2", []],
  // The end of a request is believed of the dead too.
  ["", [["w1", "a", row()], ["w2", "a", row({ standing: "over" })]], "w1", []],
  ["", [["w1", "a", row()]], "w1", [entry("w2", serving("busy", "a"))]],
  ["", [["w1", "a", row()]], "w1", [entry("w2", serving("draining", "a"))]],
  ["a", [["w1", "a", row()]], "w1", [entry("w2", serving("reserved", "a"))]],
  // Nobody ends or takes the place of another's request by the name of its job.
  ["a", [["w1", "a", row()]], "w1", [entry("w2", serving("busy", "a", STRANGER))]],
  [
    "b a a",
    [
      ["w1", "a", row({ client_id: peer(LAB), ticket: 5 })],
      ["w2", "a", row({ client_id: peer(STRANGER), ticket: 4 })],
      ["w1", "b", row({ ticket: 1 })],
    ],
    "w1 w2",
    [],
  ],
  [
    "a",
    [
      ["w1", "a", row({ client_id: peer(LAB) })],
      ["w2", "a", row({ client_id: peer(SAME_KEY), ticket: 2 })],
    ],
    "w1 w2",
    [],
  ],
];

for (const [index, [expected, written, living, entries]] of cases.entries()) {
  Deno.test(`waiting list ${index + 1}: [${expected}]`, () => {
    assert.equal(told(factsOf(written, living, entries)), expected);
  });
}

Deno.test("the list does not depend on the order in which rows came", () => {
  const rowArbitrary = fc.record({
    author: fc.constantFrom("w1", "w2", "w3"),
    job: fc.constantFrom("a", "b", "c", "d"),
    client: fc.constantFrom(LAB, SAME_KEY, STRANGER),
    ticket: fc.integer({ min: 1, max: 4 }),
    standing: fc.constantFrom<QueueRow["standing"]>("waits", "away", "over"),
  });
  const unique = fc.uniqueArray(rowArbitrary, {
    selector: ({ author, job }) => `${author}/${job}`,
  });
  fc.assert(
    fc.property(unique, fc.infiniteStream(fc.nat()), (drawn, keys) => {
      const written: Written = drawn.map(({ author, job, client, ticket, standing }) =>
        [author, job, row({ client_id: peer(client), ticket, standing })] as const
      );
      const shuffled = written.map((one) => [keys.next().value ?? 0, one] as const)
        .toSorted(([one], [other]) => one - other).map(([, one]) => one);
      const list = requestsIn(factsOf(written, "w1 w2"));
      assert.deepEqual(requestsIn(factsOf(shuffled, "w1 w2")), list);
      const tickets = list.map(({ ticket }) => ticket);
      assert.deepEqual(tickets, tickets.toSorted((one, other) => one - other));
    }),
    { numRuns: 200 },
  );
});

Deno.test("a ticket is behind all others, and never beyond the last", () => {
  const written: Written = [["w1", "a", row({ ticket: 7 })], ["w2", "b", row({ ticket: 3 })]];
  assert.equal(nextTicket(requestsIn(factsOf(written, "w1"))), 8);
  assert.equal(nextTicket([]), 1);
  const last: Written = [["w1", "a", row({ ticket: TICKET_MAX })]];
  assert.equal(nextTicket(requestsIn(factsOf(last, "w1"))), TICKET_MAX);
});

Deno.test("a member that fills its area fills nobody's queue: its first rows count", () => {
  const written: Written = Array.from(
    { length: ROWS_MAX + 10 },
    (_, index) => ["w1", `${1_000 - index}`, row({ ticket: 1_000 - index })] as const,
  );
  const list = waitingIn(factsOf(written, "w1"));
  assert.equal(list.length, ROWS_MAX);
  assert.equal(list[0]?.job_id, jobOf(`${1_000 - ROWS_MAX - 9}`));
});
