/** Rates of links from two measurements. */

import { deepEqual } from "node:assert/strict";
import { type LinkMeasure, linkPaces } from "../../lib/client/link_pace.ts";
import type { LinkRow } from "../../lib/protocol/watch_message.ts";
import { peer } from "../mesh/peers.ts";

function row(name: string, bytes_sent: number, rest: Partial<LinkRow> = {}): LinkRow {
  return {
    peer_id: peer(name),
    role: "worker",
    rtc: "native",
    path: "host",
    rtt_ms: 1,
    bytes_sent,
    bytes_received: 0,
    ...rest,
  };
}

function measure(at: number, rest: Partial<LinkMeasure> = {}): LinkMeasure {
  return { at, self: peer("laptop"), worker: peer("w1"), own: [], reported: [], ...rest };
}

function rates(before: LinkMeasure | undefined, after: LinkMeasure): unknown {
  return linkPaces(before, after).map(({ from, to, sentPerS }) => [from, to, sentPerS]);
}

Deno.test("a rate needs two measurements of one link", () => {
  const before = measure(1_000, { reported: [row("w2", 100)] });
  const after = measure(3_000, { reported: [row("w2", 700)] });
  const table: [name: string, before: LinkMeasure | undefined, rate: number | undefined][] = [
    ["two", before, 300],
    ["one", undefined, undefined],
    ["at the same instant", { ...before, at: 3_000 }, undefined],
    ["of another worker's links", { ...before, worker: peer("w9") }, undefined],
    ["of an older link to that peer", measure(1_000, { reported: [row("w2", 900)] }), undefined],
    ["of other links", measure(1_000, { reported: [row("w3", 100)] }), undefined],
  ];
  for (const [name, earlier, rate] of table) {
    deepEqual(rates(earlier, after), [["w1", "w2", rate]], name);
  }
});

Deno.test("our own link comes first and once, then workers, then clients, by name", () => {
  const after = measure(0, {
    own: [row("w1", 0)],
    reported: [
      row("phone", 0, { role: "client" }),
      row("laptop", 0, { role: "client" }),
      row("w3", 0),
      row("w2", 0),
    ],
  });
  deepEqual(rates(undefined, after), [
    ["laptop", "w1", undefined],
    ["w1", "w2", undefined],
    ["w1", "w3", undefined],
    ["w1", "phone", undefined],
  ]);
});
