/** The folders of jobs at a real desk, from lease to verdict: made, written into, and removed. */

import { deepEqual, equal, match, ok, rejects } from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { JobFolder } from "../../lib/runtime/job_folder.ts";
import { until } from "./condition.ts";
import { SPEC } from "./desk_lab.ts";
import { AGAIN, deskTests, ONE, OTHER, TWO, WAITS, WRITES } from "./desk_scene.ts";

const test = deskTests("held jobs");

test("a job whose worker died in its upload can be sent to it again", WRITES, async (lab) => {
  const client = await lab.client();
  // What an earlier life has left: a folder, an owner, no word of a run.
  const taken = new JobFolder(join(lab.folder, "worker", "jobs"), ONE);
  await taken.create(SPEC, client.self.peerId, { files: [] });
  await client.run(ONE);
  await client.next("job_done");
});

test("a job id that is taken gives nobody another's files", WRITES, async (lab) => {
  const ada = await lab.client();
  await ada.run(ONE);
  await ada.next("job_done");

  const bob = await lab.client(OTHER);
  bob.end.say({ type: "job_fetch", job_id: ONE });
  match((await bob.next("transfer_failed")).reason, /no results of such a job of this client/);
  await bob.reserve(ONE);
  await bob.next("job_lease");
  await rejects((await bob.upload(ONE)).done, /got one that is taken/);
  bob.start(ONE);
  equal((await bob.next("job_refused")).code, "unsuitable");
  bob.end.say({ type: "job_release", job_id: ONE });
  await until("the end of the lease", () => lab.statuses.at(-1) === "available");
  await ada.fetch(ONE, join(lab.folder, "home"));
  equal(await Deno.readTextFile(join(lab.folder, "home", "files", "model.json")), "weights\n");
});

test("a release in the middle of an upload ends it, and leaves no folder", WRITES, async (lab) => {
  const client = await lab.client();
  await client.reserve(ONE);
  await client.next("job_lease");
  const upload = await client.upload(ONE);
  client.end.say({ type: "job_release", job_id: ONE });
  await rejects(upload.done, /The lease of the job ended/);
  await until("the folder's end", () => !existsSync(lab.jobFolder(ONE)));
  await client.reserve(TWO);
  await client.next("job_lease", TWO);
});

test("a folder that cannot be made fails the upload and not the worker", WRITES, async (lab) => {
  await Deno.writeTextFile(join(lab.folder, "worker", "jobs"), "in the way");
  const client = await lab.client();
  await client.reserve(ONE);
  await client.next("job_lease");
  await rejects((await client.upload(ONE)).done, /The receiver gave up/);
  client.end.say({ type: "job_release", job_id: ONE });
  await until("the end of the lease", () => lab.statuses.at(-1) === "available");
});

test("with its verdict a job's inputs go, and its results stay", WRITES, async (lab) => {
  const client = await lab.client();
  await client.run(ONE);
  await client.next("job_done");
  await until("the inputs' end", () => !existsSync(join(lab.jobFolder(ONE), "inputs")));
  await client.fetch(ONE, join(lab.folder, "home"));
  // The cache has its copy, which was made first.
  await client.reserve(TWO);
  await client.next("job_lease", TWO);
  client.end.heard.length = 0;
  await (await client.upload(TWO)).done;
  deepEqual((await client.next("transfer_want", TWO)).runs, []);
});

test(
  "a trainer that spoils what the worker writes down cannot spoil its job",
  `rm -f events.jsonl; mkdir events.jsonl; echo on; ${WRITES}`,
  async (lab) => {
    const client = await lab.client();
    await client.run(ONE);
    await client.next("job_done");
    ok(lab.warnings.some((warning) => /cannot be written down/.test(warning)));
  },
);

test(
  "a word that the disk does not take is told to who comes late, and written down later",
  `${WAITS}; echo on; ${WAITS.replaceAll("go", "on")}; ${WRITES}`,
  async (lab) => {
    const client = await lab.client();
    await client.run(ONE);
    await client.next("job_log");
    const log = join(lab.jobFolder(ONE), "events.jsonl");
    // A disk that takes nothing for a while.
    await Deno.rename(log, `${log}.kept`);
    await Deno.mkdir(log);
    await Deno.writeTextFile(join(lab.jobFolder(ONE), "go"), "");
    await client.next("job_log");
    await client.next("job_log");
    await Deno.remove(log);
    await Deno.rename(`${log}.kept`, log);
    const late = await lab.client(AGAIN);
    late.follow(ONE, 0);
    await until(
      "all words",
      () => late.end.heard.filter((word) => "sequence" in word).length === 4,
    );
    await Deno.writeTextFile(join(lab.jobFolder(ONE), "on"), "");
    equal((await late.next("job_done")).sequence, 5);
    deepEqual(lab.events(ONE), ["job_accepted", "job_log", "job_log", "job_log", "job_done"]);
  },
);
