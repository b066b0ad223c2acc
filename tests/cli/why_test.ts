/** What people are told of a job that waits. */

import assert from "node:assert/strict";
import { jobLines } from "../../lib/cli/jobs.ts";
import { waitingText } from "../../lib/cli/queue_text.ts";
import { whyAnswer, whyLines } from "../../lib/cli/why.ts";
import { listJobs } from "../../lib/client/job_list.ts";
import { queueOutlook } from "../../lib/client/queue_outlook.ts";
import { list, view, waiting } from "../client/waiting_room.ts";
import { peer, room } from "../mesh/peers.ts";
import { ANY, jobOf, serving } from "../mesh/queued.ts";

Deno.test("a turn, a cut and a client that is away are said", () => {
  const turn = list([view("w1", serving("reserved", "a", "client-of-a"))], [waiting("a")]);
  assert.equal(waitingText(queueOutlook(turn, jobOf("a"), ANY)), "it is our turn at w1");
  assert.match(
    whyLines(jobOf("a"), whyAnswer(turn, jobOf("a"), undefined))[0] ?? "",
    /turn of .* at w1/,
  );
  const cut = list([view("w1")], [waiting("a", false)], true);
  const outlook = queueOutlook(cut, jobOf("a"), ANY);
  assert.match(
    waitingText(outlook),
    /^position 1 of 1; .*cut off from its majority.*; w1 is free$/,
  );
  const lines = whyLines(jobOf("a"), whyAnswer(cut, jobOf("a"), undefined)).join("\n");
  assert.match(lines, /keeps its place for a week[^]*cut off from the majority[^]*w1 is free$/);
});

Deno.test("why finds a job that runs, is over, or is nobody's", () => {
  const room = list([view("w1", serving("busy", "a")), view("w2", serving("reserved", "b"))], []);
  const told = (job: string) => whyLines(jobOf(job), whyAnswer(room, jobOf(job), undefined))[0];
  assert.equal(told("a"), "job-0000000a runs on w1");
  assert.match(told("b") ?? "", /has the slot of w2/);
  assert.throws(() => told("c"), /Expected a job that waits or runs in the room, got job-0000000c/);
});

Deno.test("the list of jobs has those that wait, at their places", () => {
  const waits = list([view("w1", serving("reserved", "a"))], [
    waiting("a"),
    waiting("away", false),
    waiting("b"),
  ]);
  const self = peer("client-of-b");
  const jobs = listJobs({ list: waits, records: [], roomId: room(), self });
  assert.deepEqual(
    jobs.map(({ jobId, standing, position, isOurs }) => [jobId, standing, position, isOurs]),
    [
      [jobOf("a"), "reserved", undefined, false],
      [jobOf("away"), "away", undefined, false],
      [jobOf("b"), "waiting", 2, true],
    ],
  );
  const lines = jobLines(jobs, 0, { columns: 120, isColored: false });
  assert.deepEqual(lines.filter((line) => / waits: /.test(line)), [
    `${jobOf("b")} waits: position 2 of 2; w1 is reserved for ${jobOf("a")} of laptop`,
  ]);
});
