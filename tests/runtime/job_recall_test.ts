/** What a real desk says and gives to clients that come back to a job, and to strangers. */

import { deepEqual, equal, match } from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { until } from "./condition.ts";
import { AGAIN, deskTests, ONE, OTHER, WAITS, WRITES } from "./desk_scene.ts";

const test = deskTests("job recall");

test(
  "a client that comes back hears what it has missed, and what comes",
  `echo one; echo two; ${WAITS}; echo three; ${WRITES}`,
  async (lab) => {
    const first = await lab.client();
    await first.run(ONE);
    await until("three lines", () => lab.events(ONE).length === 4);
    first.end.link.close("The laptop sleeps");

    const again = await lab.client(AGAIN);
    again.follow(ONE, 2);
    equal((await again.next("job_following")).after_sequence, 2);
    equal((await again.next("job_log")).text, "two");
    equal((await again.next("job_log")).text, "up");
    await Deno.writeTextFile(join(lab.jobFolder(ONE), "go"), "");
    const { text, sequence } = await again.next("job_log");
    deepEqual([text, sequence], ["three", 5]);
    equal((await again.next("job_done")).stopped_early, false);
    await again.fetch(ONE, join(lab.folder, "home"));

    const late = await lab.client();
    late.follow(ONE, 0);
    equal((await late.next("job_done")).sequence, 6);
    deepEqual(late.end.types, [
      "job_following",
      "job_accepted",
      "job_log",
      "job_log",
      "job_log",
      "job_log",
    ]);
  },
);

test(
  "a long log is told again whole and in order, in the middle of new words",
  `
  i=0; while [ $i -lt 3000 ]; do echo "epoch $i of many, with a line of some length"; i=$((i+1)); done
  ${WAITS}; i=0; while [ $i -lt 200 ]; do echo "more"; i=$((i+1)); done; ${WRITES}`,
  async (lab) => {
    const first = await lab.client();
    await first.run(ONE);
    await until("most lines", () => lab.events(ONE).length > 1_000);
    const again = await lab.client(AGAIN);
    again.follow(ONE, 0);
    await Deno.writeTextFile(join(lab.jobFolder(ONE), "go"), "");
    await until("the end", () => again.end.types.includes("job_done"));
    const heard = again.end.heard.flatMap((word) =>
      "sequence" in word && "attempt" in word ? [word.sequence] : []
    );
    deepEqual(heard, heard.map((_, index) => index + 1));
    equal(heard.length, lab.events(ONE).length);
  },
);

test("a stranger can neither follow a job nor end it", `${WAITS}; ${WRITES}`, async (lab) => {
  const ada = await lab.client();
  await ada.run(ONE);
  const bob = await lab.client(OTHER);
  bob.follow(ONE, 0);
  equal((await bob.next("job_refused")).code, "unknown_job");
  bob.endJob("job_cancel", ONE);
  equal((await bob.next("job_refused")).code, "unknown_job");
  await Deno.writeTextFile(join(lab.jobFolder(ONE), "go"), "");
  await ada.next("job_done");
  bob.follow(ONE, 0);
  equal((await bob.next("job_refused")).code, "unknown_job");
  equal(bob.end.types.length, 0);
});

test("what cannot be followed is refused with the reason", WRITES, async (lab) => {
  const client = await lab.client();
  client.follow(ONE, 0);
  equal((await client.next("job_refused")).code, "unknown_job");
  await client.reserve(ONE);
  await client.next("job_lease");
  await until("its folder", () => existsSync(join(lab.jobFolder(ONE), "job.json")));
  client.follow(ONE, 0);
  match((await client.next("job_refused")).reason, /has not started/);
  client.endJob("job_cancel", ONE);
  match((await client.next("job_refused")).reason, /has not started/);
  await (await client.upload(ONE)).done;
  client.start(ONE);
  await client.next("job_done");
  // More than there is: a power cut has taken words from the disk that were heard.
  client.follow(ONE, 99);
  equal((await client.next("job_following")).after_sequence, 0);
  equal((await client.next("job_accepted")).sequence, 1);
  equal((await client.next("job_done")).sequence, 2);
  client.endJob("job_stop", ONE);
  equal((await client.next("job_refused")).code, "over");
});

test(
  "what a training has written that failed then can be fetched",
  `${WRITES}; echo "no labelled frames" >&2; exit 1`,
  async (lab) => {
    const client = await lab.client();
    await client.run(ONE);
    await client.next("job_failed");
    const home = join(lab.folder, "home");
    await client.fetch(ONE, home);
    equal(await Deno.readTextFile(join(home, "files", "model.json")), "weights\n");
  },
);

test(
  "of a job that runs or was cancelled it is said why there are no results",
  WAITS,
  async (lab) => {
    const client = await lab.client();
    await client.run(ONE);
    client.end.say({ type: "job_fetch", job_id: ONE });
    match((await client.next("transfer_failed")).reason, /^The job still runs: .*sleap-rtc follow/);
    client.end.heard.length = 0;
    client.endJob("job_cancel", ONE);
    await client.next("job_cancelled");
    client.end.say({ type: "job_fetch", job_id: ONE });
    match(
      (await client.next("transfer_failed")).reason,
      /^The job was cancelled already, and has no/,
    );
  },
);

test("where a training failed before it wrote a file, that is said", "exit 1", async (lab) => {
  const client = await lab.client();
  await client.run(ONE);
  await client.next("job_failed");
  client.end.say({ type: "job_fetch", job_id: ONE });
  const { reason } = await client.next("transfer_failed");
  equal(reason, "The job has failed already, and its trainer has written no file");
});
