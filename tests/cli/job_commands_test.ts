/** Commands about a job: what is refused before anything is asked, what is told, and how it looks. */

import { deepEqual, equal, match, ok } from "node:assert/strict";
import { join } from "node:path";
import { isJobId, isPeerId } from "../../lib/base/id.ts";
import { Failure } from "../../lib/base/failure.ts";
import { Detachment } from "../../lib/cli/detachment.ts";
import { enter } from "../../lib/cli/entrance.ts";
import { jobLines } from "../../lib/cli/jobs.ts";
import { widthOf } from "../../lib/cli/terminal_text.ts";
import { trainingReport } from "../../lib/cli/training_report.ts";
import type { SubmissionEvent } from "../../lib/client/event.ts";
import type { ListedJob } from "../../lib/client/job_list.ts";
import { encodeInvite, roomSecretSchema, roomTokenSchema } from "../../lib/protocol/invite.ts";
import { roomOf } from "../rtc/hello_self.ts";
import { fakeIo } from "./fake_io.ts";

function named<Name extends string>(text: string, form: (text: string) => text is Name): Name {
  if (!form(text)) throw new Error(`Expected a well-formed name, got ${text}`);
  return text;
}

const JOB = named("job-12345678", isJobId);
const WORKER = named("gpu-a-aaaaaaaaaa", isPeerId);
const STARTED: SubmissionEvent = { type: "started", jobId: JOB, epochsMax: 3 };
const TRAINED: SubmissionEvent = { type: "trained", durationMs: 5 };

for (const command of ["follow", "cancel", "stop", "results"]) {
  Deno.test(`${command}: what is no job is refused, and the next step named`, async () => {
    const io = fakeIo();
    equal(await enter([command, "jab-1"], io), 2);
    match(io.errLines.join("\n"), /Expected a job such as .*got `jab-1`; `sleap-rtc jobs`/);
  });
}

Deno.test("follow and results: a folder with something in it is refused before the room is entered", async () => {
  const home = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(join(home, "mine"), "");
    const invite = encodeInvite({
      server: "http://127.0.0.1:9",
      room_id: roomOf("room12345"),
      token: roomTokenSchema.parse("a".repeat(26)),
      secret: roomSecretSchema.parse("b".repeat(26)),
    });
    for (const command of ["follow", "results"]) {
      for (const output of [home, join(home, "mine")]) {
        const io = fakeIo({
          env: { SLEAP_RTC_HOME: join(home, "sleap"), SLEAP_RTC_INVITE: invite },
        });
        equal(await enter([command, JOB, "--output", output], io), 2, io.errLines.join());
        match(io.errLines.join("\n"), /Expected a new or empty folder .*give another --output/);
      }
    }
  } finally {
    await Deno.remove(home, { recursive: true });
  }
});

const ends: [string, SubmissionEvent[], unknown, RegExp | undefined][] = [
  ["Ctrl-C before the start", [], "SIGINT", undefined],
  ["Ctrl-C in the training", [STARTED], "SIGINT", /follow job-12345678\n.*cancel job-12345678/],
  ["a lost worker", [STARTED], new Failure("worker_lost", "x"), /follow job-12345678/],
  ["Ctrl-C in the download", [STARTED, TRAINED], "SIGINT", /results job-12345678/],
  ["a training that failed", [STARTED], new Failure("job_failed", "x"), /results job-12345678/],
  ["a training that was cancelled", [STARTED], new Failure("job_cancelled", "x"), undefined],
];
for (const [what, events, error, hint] of ends) {
  Deno.test(`what can be done with the job is told after ${what}${hint ? "" : ": nothing"}`, () => {
    const [plain, json] = [fakeIo(), fakeIo()];
    const detachment = new Detachment();
    for (const event of events) detachment.watch(event);
    detachment.tell(error, false, plain);
    detachment.tell(error, true, json);
    deepEqual(plain.outLines, []);
    if (hint === undefined) return deepEqual([plain.errLines, json.outLines], [[], []]);
    match(plain.errLines.join("\n"), hint);
    equal(JSON.parse(json.outLines[0] ?? "").job_id, JOB);
  });
}

Deno.test("whoever ends an upload in its middle is told that it goes on from there", () => {
  const hints = (bytes: number, error: unknown, later: readonly SubmissionEvent[] = []) => {
    const io = fakeIo();
    const detachment = new Detachment();
    const sent: SubmissionEvent = { type: "uploaded", bytes, bytesMax: 10 };
    for (const event of [{ type: "leased", jobId: JOB } as const, sent, ...later]) {
      detachment.watch(event);
    }
    detachment.tell(error, false, io);
    return io.errLines.join("\n");
  };
  match(hints(5, "SIGINT"), /^What has arrived is kept by the worker for a day: run the same/);
  match(hints(5, new Failure("worker_lost", "x")), /^What has arrived is kept/);
  equal(hints(0, "SIGINT"), "");
  equal(hints(5, new Failure("job_refused", "x")), "");
  match(hints(5, "SIGINT", [STARTED]), /^The job goes on without us/);
});

Deno.test("who comes back to a job and does not get there is not told that it goes on", () => {
  const hints = (events: readonly SubmissionEvent[]) => {
    const io = fakeIo();
    const detachment = new Detachment(JOB);
    for (const event of events) detachment.watch(event);
    detachment.tell(new Failure("worker_lost", "x"), false, io);
    return io.errLines;
  };
  deepEqual(hints([]), []);
  match(hints([{ type: "linked", backend: "native", tookMs: 5 }]).join(), /follow job-12345678/);
});

Deno.test("what predicted has no epochs and losses to tell", () => {
  const result = {
    jobId: JOB,
    worker: WORKER,
    folder: "/results",
    files: [],
    epochs: 0,
    firstLoss: undefined,
    lastLoss: undefined,
    isStoppedEarly: false,
  };
  equal(trainingReport(result, false), `Done: ${JOB} on ${WORKER}, results in /results`);
});

Deno.test("a job that was stopped early is called so", () => {
  const result = {
    jobId: JOB,
    worker: WORKER,
    folder: "/results",
    files: [],
    epochs: 1,
    firstLoss: 0.5,
    lastLoss: undefined,
    isStoppedEarly: true,
  };
  match(
    trainingReport(result, false),
    /^Stopped early: job-12345678 on .*1 epoch, loss 0.5000 → -/,
  );
  deepEqual(JSON.parse(trainingReport(result, true)).job, {
    id: JOB,
    worker: WORKER,
    folder: "/results",
    epochs: 1,
    first_loss: 0.5,
    last_loss: null,
    stopped_early: true,
    files: [],
  });
});

const LONG_JOB = "job-abcdefghijkl";
if (!isJobId(LONG_JOB)) throw new Error("Expected a job id");
const LISTED: ListedJob = {
  jobId: JOB,
  standing: "running",
  worker: WORKER,
  position: undefined,
  isOurs: true,
  runName: "fly\u001b[2J",
  startedAtMs: 60_000,
  epochs: 7,
  outlook: undefined,
};

Deno.test("the table of jobs says what is known, and fits", () => {
  const stranger: ListedJob = {
    ...LISTED,
    isOurs: false,
    runName: undefined,
    startedAtMs: undefined,
    epochs: undefined,
  };
  const lines = jobLines([LISTED, stranger], 90_000, { columns: 100, isColored: false });
  match(lines[0] ?? "", /^JOB +STATE +WORKER +RUN +SINCE +EPOCHS +OURS$/);
  match(lines[1] ?? "", /^job-12345678 +running +gpu-a-aaaaaaaaaa +fly\S* +30\S* ago +7 +yes$/);
  match(lines[2] ?? "", /^job-12345678 +running +gpu-a-aaaaaaaaaa +- +- +- +no$/);
  equal(lines.at(-1), "2 jobs");
  ok(!lines.join("").includes("\u001b"));
  for (const columns of [24, 40, 60]) {
    const narrow = jobLines([LISTED], 0, { columns, isColored: false });
    ok(narrow.every((line) => widthOf(line) <= columns), narrow.join("\n"));
  }
  // By its run a person knows a job: one long name does not cost the others theirs.
  const long = { ...LISTED, jobId: LONG_JOB, runName: "a".repeat(64) };
  const usual = jobLines([long, LISTED], 90_000, { columns: 80, isColored: false });
  match(usual[0] ?? "", /^JOB +STATE +WORKER +RUN +SINCE/);
  match(usual[1] ?? "", / a{19}… /);
  deepEqual(jobLines([], 0, { columns: 80, isColored: false }), ["No jobs"]);
});
