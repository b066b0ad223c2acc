/** Whom a worker asks about one that it does not hear. */

import assert from "node:assert/strict";
import { LinkTable } from "../../lib/mesh/link_table.ts";
import { Outbox } from "../../lib/mesh/outbox.ts";
import { Probing } from "../../lib/mesh/probing.ts";
import { link, peer } from "./peers.ts";

function asked(names: readonly string[], times: number): string[] {
  const [links, outbox] = [new LinkTable(), new Outbox()];
  for (const name of names) links.open({ linkId: link(name), peerId: peer(name), openedAt: 0 });
  const probing = new Probing(links, outbox);
  return Array.from({ length: times }, () => {
    probing.ask(peer("w1"));
    return outbox.take().flatMap((effect) =>
      effect.type === "send" ? [`${effect.linkId} ${effect.message.type}`] : []
    ).join(", ");
  });
}

Deno.test("a suspect is asked itself, and three others about it, others each time", () => {
  assert.deepEqual(asked(["w1", "w2", "w3", "w4", "w5", "w6"], 3), [
    "w1 probe, w2 probe_request, w3 probe_request, w4 probe_request",
    "w1 probe, w5 probe_request, w6 probe_request, w2 probe_request",
    "w1 probe, w3 probe_request, w4 probe_request, w5 probe_request",
  ]);
});

Deno.test("where there are fewer all are asked, and without a link to the suspect they alone", () => {
  assert.deepEqual(asked(["w2", "w3"], 2), [
    "w2 probe_request, w3 probe_request",
    "w3 probe_request, w2 probe_request",
  ]);
  assert.deepEqual(asked(["w1"], 1), ["w1 probe"]);
  assert.deepEqual(asked([], 1), [""]);
});
