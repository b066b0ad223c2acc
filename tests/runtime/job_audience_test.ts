/** Who hears what of a job: late ones, slow ones, and those whose log is spoilt. */

import { deepEqual, equal, rejects } from "node:assert/strict";
import { join } from "node:path";
import type { JobEvent } from "../../lib/protocol/job_message.ts";
import { JobAudience } from "../../lib/runtime/job_audience.ts";
import { until, withFolder } from "./condition.ts";
import { jobOf } from "./desk_lab.ts";
import { linkedPeers } from "./linked_peers.ts";

const JOB = jobOf("job-aaaaaaaa");

function line(sequence: number): JobEvent {
  const text = `line ${sequence} `.repeat(20);
  return { type: "job_log", job_id: JOB, attempt: 1, sequence, stream: "stdout", text };
}

async function logOf(folder: string, text: string): Promise<Deno.FsFile> {
  const path = join(folder, "events.jsonl");
  await Deno.writeTextFile(path, text);
  return await Deno.open(path);
}

const FROM_START = { afterSequence: 0, unwritten: () => [] };
const linesUpTo = (last: number) =>
  Array.from({ length: last }, (_, index) => `${JSON.stringify(line(index + 1))}\n`).join("");

Deno.test("job audience: who comes late is told the log first, and then what is new", () =>
  withFolder(async (folder) => {
    const { client, worker } = await linkedPeers();
    const audience = new JobAudience();
    await audience.replay(worker.link, JOB, {
      log: await logOf(folder, linesUpTo(1_999)),
      afterSequence: 1_990,
      unwritten: () => [line(2_000)],
    });
    audience.admit(worker.link, JOB);
    audience.say(line(2_001));
    audience.say({ ...line(1), job_id: jobOf("job-bbbbbbbb") });
    await until("all words", () => client.heard.length === 11);
    const numbers = client.heard.flatMap((word) => word.type === "job_log" ? [word.sequence] : []);
    deepEqual(numbers, Array.from({ length: 11 }, (_, index) => 1_991 + index));
    audience.dismiss(worker.link);
    audience.say(line(2_002));
    equal(audience.hears(worker.link), false);
    equal(client.heard.length, 11);
    worker.link.close("The test is over");
  }));

Deno.test("job audience: a client that does not listen holds nothing up once it is dismissed", () =>
  withFolder(async (folder) => {
    const { worker } = await linkedPeers();
    const stalled = Promise.withResolvers<void>();
    worker.link.drainedTo = () => stalled.promise;
    const audience = new JobAudience();
    const log = await logOf(folder, linesUpTo(2_000));
    const replay = audience.replay(worker.link, JOB, { log, ...FROM_START });
    audience.say(line(2_001));
    audience.dismissLate();
    await replay;
    equal(audience.hears(worker.link), false);
    worker.link.close("The test is over");
  }));

Deno.test("job audience: a log that is none is told of, and its link hears no more", () =>
  withFolder(async (folder) => {
    const { client, worker } = await linkedPeers();
    const audience = new JobAudience();
    const log = await logOf(folder, `${linesUpTo(1)}weights\n`);
    const missed = { log, ...FROM_START };
    await rejects(audience.replay(worker.link, JOB, missed), /Expected an event a line/);
    audience.say(line(2));
    equal(audience.hears(worker.link), false);
    equal(client.heard.length, 0);
    worker.link.close("The test is over");
  }));
