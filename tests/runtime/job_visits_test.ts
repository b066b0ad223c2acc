/** Clients at a real desk that come, go and come again, and the files that they send. */

import { deepEqual, equal, match, rejects } from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { until } from "./condition.ts";
import { deskTests, ONE, OTHER, TWO, WAITS, WRITES } from "./desk_scene.ts";

const test = deskTests("job visits");

test(
  "a client that leaves while it trains loses nothing of the job",
  `${WAITS}; ${WRITES}`,
  async (lab) => {
    const ada = await lab.client();
    await ada.run(ONE);
    await ada.next("job_log");
    ada.end.link.close("The laptop sleeps");
    const bob = await lab.client(OTHER);
    await bob.reserve(TWO);
    equal((await bob.next("job_refused")).code, "busy");
    await Deno.writeTextFile(join(lab.jobFolder(ONE), "go"), "");
    await until("the end of the job", () => lab.statuses.at(-1) === "available");
    equal(lab.events(ONE).at(-1), "job_done");
    const back = await lab.client();
    await back.fetch(ONE, join(lab.folder, "home"));
  },
);

test("a newer link of a client takes the place of the older", WRITES, async (lab) => {
  const first = await lab.client();
  await first.reserve(ONE);
  await first.next("job_lease");
  // It never hears that the worker wants the files: they must not be sent before the link is cut.
  first.end.onMessage = () => {};
  const cut = await first.upload(ONE);
  const second = await lab.client();
  await rejects(cut.done, /The link closed/);
  match(first.end.closedBecause ?? "", /A newer link of the same client is open/);
  await (await second.upload(ONE)).done;
  second.start(ONE);
  await second.next("job_done");
});

test("an offer that begins anew takes the place of the older", WRITES, async (lab) => {
  const client = await lab.client();
  await client.reserve(ONE);
  await client.next("job_lease");
  // The older one never hears that the worker wants the files, or it might be done first.
  const { onMessage } = client.end;
  client.end.onMessage = () => {};
  const older = await client.upload(ONE);
  await client.next("transfer_want");
  client.end.onMessage = onMessage;
  await (await client.upload(ONE)).done;
  older.end(new Error("The test is over"));
  await rejects(older.done, /The test is over/);
  client.start(ONE);
  await client.next("job_done");
});

test("other files than were reserved for are refused", WRITES, async (lab) => {
  const client = await lab.client();
  await client.reserve(ONE);
  await client.next("job_lease");
  const manifest = { files: [] };
  client.end.say({ type: "transfer_offer", job_id: ONE, purpose: "inputs", manifest });
  match((await client.next("transfer_failed")).reason, /the inputs of a job that it has leased/);
  client.end.say({ type: "transfer_offer", job_id: TWO, purpose: "results", manifest });
  match((await client.next("transfer_failed")).reason, /the inputs of a job that it has leased/);
});

test(
  "what arrived whole for a job that never ran is not sent again for the next",
  WRITES,
  async (lab) => {
    const client = await lab.client();
    await client.reserve(ONE);
    await client.next("job_lease");
    await (await client.upload(ONE)).done;
    client.end.say({ type: "job_release", job_id: ONE });
    await until("the folder's end", () => !existsSync(lab.jobFolder(ONE)));
    await client.reserve(TWO);
    await client.next("job_lease", TWO);
    client.end.heard.length = 0;
    await (await client.upload(TWO)).done;
    deepEqual((await client.next("transfer_want", TWO)).runs, []);
    client.start(TWO);
    await client.next("job_done", TWO);
  },
  { cacheBytesMax: 0 },
);
