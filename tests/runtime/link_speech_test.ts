import { equal, match } from "node:assert/strict";
import { LINK_MESSAGE_BYTES_MAX } from "../../lib/base/limits.ts";
import { tellPeer } from "../../lib/runtime/link_speech.ts";
import { settled } from "../rtc/memory_backend.ts";
import { jobOf } from "./desk_lab.ts";
import { linkedPeers } from "./linked_peers.ts";

Deno.test("link speech: what a link takes arrives", async () => {
  const { client, worker } = await linkedPeers();
  equal(tellPeer(client.link, { type: "job_alive" }), true);
  await settled();
  equal(worker.types.join(), "job_alive");
  client.link.close("The test is over");
});

Deno.test("link speech: a link that is over takes nothing, and nobody is hurt", async () => {
  const { client, worker } = await linkedPeers();
  worker.link.close("Gone");
  // The goodbye is on its way: one end is closed already, the other does not know yet.
  equal(tellPeer(worker.link, { type: "job_alive" }), false);
  equal(tellPeer(client.link, { type: "job_alive" }), true);
  await settled();
  equal(tellPeer(client.link, { type: "job_alive" }), false);
});

Deno.test("link speech: a message that is too large closes its link, with the reason", async () => {
  const { client } = await linkedPeers();
  const reason = "x".repeat(LINK_MESSAGE_BYTES_MAX);
  const job_id = jobOf("job-aaaaaaaa");
  equal(
    tellPeer(client.link, { type: "transfer_failed", job_id, purpose: "inputs", reason }),
    false,
  );
  await settled();
  match(client.closedBecause ?? "", /A message could not be sent: Expected a message of at most/);
});
