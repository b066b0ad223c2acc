/**
 * What peers, labels and archives say, on its way to a screen: whichever command shows it, no
 * character of it moves the cursor, changes colours or turns text round.
 */

import { deepEqual, ok } from "node:assert/strict";
import { isJobId, isPeerId, type PeerId } from "../../lib/base/id.ts";
import { Failure } from "../../lib/base/failure.ts";
import { dryRunReport } from "../../lib/cli/dry_run.ts";
import { endingReport } from "../../lib/cli/job_end.ts";
import { jobLines } from "../../lib/cli/jobs.ts";
import { openLog, sentenceOf } from "../../lib/cli/log_option.ts";
import { Mistake } from "../../lib/cli/mistake.ts";
import { missingLines } from "../../lib/cli/missing_view.ts";
import { defineCommand } from "../../lib/cli/command.ts";
import { waitingFacts, waitingText } from "../../lib/cli/queue_text.ts";
import { fetchedReport } from "../../lib/cli/results.ts";
import { topLines } from "../../lib/cli/top_display.ts";
import { topFacts } from "../../lib/cli/top_view.ts";
import { whyAnswer, whyFacts, whyLines } from "../../lib/cli/why.ts";
import { jsonText } from "../../lib/cli/terminal_text.ts";
import { jsonEvent, liveLines, plainLines } from "../../lib/cli/training_display.ts";
import { trainingReport } from "../../lib/cli/training_report.ts";
import { advance, BLANK_VIEW } from "../../lib/cli/training_view.ts";
import { verdictOf } from "../../lib/cli/verdict.ts";
import { jsonNews, plainNews } from "../../lib/cli/watch_display.ts";
import { workerLines } from "../../lib/cli/worker_table.ts";
import type { SubmissionEvent } from "../../lib/client/event.ts";
import type { QueueOutlook } from "../../lib/client/queue_outlook.ts";
import type { WorkerView } from "../../lib/protocol/worker.ts";
import { object } from "@optique/core/constructs";
import { list, waiting } from "../client/waiting_room.ts";
import { fullRoom } from "./top_stage.ts";
import { fakeIo } from "./fake_io.ts";

function named<Name extends string>(text: string, form: (text: string) => text is Name): Name {
  if (!form(text)) throw new Error(`Expected a well-formed name, got ${text}`);
  return text;
}

const JOB = named("job-12345678", isJobId);
const WORKER = named("gpu-a-aaaaaaaaaa", isPeerId);

/** Each moves, clears, colours, renames, hides or turns something. */
const ATTACKS = [
  "\u001b[2J\u001b[H",
  "\u001b[31mred",
  "\u001b]0;title\u0007",
  "\u001b]8;;http://example.org\u0007link\u001b]8;;\u0007",
  "\u001b]52;c;cm0gLXJmIC8=\u0007",
  '\u001bP$q"p\u001b\\',
  "\u001b[6n",
  "\u001bc",
  "\u009b2J",
  "\u009d0;title\u009c",
  "\u0090payload\u009c",
  "back\b\b\b\bspace",
  "line\rover",
  "new\nline",
  "bell\u0007",
  "delete\u007f",
  "\u202egnp.exe",
  "\u2066hidden\u2069",
  "zero\u200bwidth",
  "\ufeffmark",
  "\u2028separator",
  "lone \ud800 half",
  "\u000e shifted \u000f",
  "\u001b[?1049h",
  "\u001b(0lqqk",
];

const HARMFUL =
  // deno-lint-ignore no-control-regex -- control characters are what is sought
  /[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]|[\ud800-\udfff]/u;
/** The colours that the views paint with by themselves. */
// deno-lint-ignore no-control-regex -- control characters are what is sought
const PAINT = /\u001b\[\d{1,2}m/g;

function workerNamed(text: string): WorkerView {
  return {
    peer_id: WORKER,
    incarnation: 1,
    status: "available",
    current_job: null,
    metadata: {
      tags: [text.slice(0, 64)],
      properties: {
        gpu_model: text,
        worker_name: text,
        gpu_fault: text,
        hostname: text,
        runners: [text],
      },
    },
    is_admin: true,
    alive: true,
    last_heard_ms: 1,
  };
}

const SHA256 = "a".repeat(64);

/** Everything that shows what a peer wrote, as lines. */
const VIEWS: Readonly<
  Record<string, (text: string) => Promise<readonly string[]> | readonly string[]>
> = {
  "the list of workers": (text) => {
    const list = {
      workers: [workerNamed(text)],
      total_count: 1,
      admin_peer_id: WORKER,
      epoch: 1,
      stale: false,
      stale_ms: 0,
    };
    const screen = { columns: 200, isColored: false };
    return [
      ...workerLines(list, { via: "server", tookMs: 1 }, { ...fakeIo(), ...screen }),
      jsonText(list),
    ];
  },
  "a watched room": (text) => {
    const at = { wallMs: 0, stale: true, staleMs: 1 };
    const worker = workerNamed(text);
    const before = workerNamed("");
    return [
      plainNews({ type: "worker_came", worker }, at),
      plainNews({ type: "worker_changed", before, worker }, at),
      jsonText(jsonNews({ type: "worker_changed", before, worker }, at)),
    ];
  },
  "a submission": (text) => {
    const events: SubmissionEvent[] = [
      { type: "worker_chosen", worker: workerNamed(text), available: 1 },
      { type: "output", stream: "stderr", text },
      { type: "worker_lost", worker: WORKER, reason: text, leftMs: 1 },
      { type: "saved", folder: "results", files: [] },
    ];
    let view = BLANK_VIEW;
    return events.flatMap((event) => {
      const before = view;
      view = advance(view, event, 1);
      const screen = { columns: 120, rows: 40, isColored: false };
      return [
        ...liveLines(view, { ...fakeIo(), ...screen }),
        ...plainLines(before, event, view, { isVerbose: true, epochStep: 1 }),
        jsonText(jsonEvent(event)),
      ];
    });
  },
  "a list of jobs": (text) =>
    jobLines(
      [{
        jobId: JOB,
        standing: "running",
        worker: WORKER,
        position: undefined,
        isOurs: true,
        runName: text,
        startedAtMs: 0,
        epochs: 1,
        outlook: undefined,
      }],
      1,
      { columns: 120, isColored: false },
    ),
  "videos that are missing": (text) =>
    missingLines(
      [{ worker: WORKER, missing: [{ path: text, candidates: [text, text] }] }],
      fakeIo(),
    ),
  "a rehearsal": (text) => {
    const missing = [{ path: text, candidates: [text] }];
    const rehearsal = {
      chosen: undefined,
      answers: [{ worker: WORKER, objection: text, missing }],
    };
    return [false, true].flatMap((isJson) => {
      const { lines, notes } = dryRunReport(rehearsal, isJson, fakeIo());
      return [...lines, ...notes];
    });
  },
  "the end of a training": (text) =>
    [false, true].map((isJson) =>
      trainingReport({
        jobId: JOB,
        worker: WORKER,
        folder: "results",
        files: isJson ? [{ path: text, bytes: 1, sha256: named(SHA256, isSha) }] : [],
        epochs: 1,
        firstLoss: 1,
        lastLoss: 1,
        isStoppedEarly: false,
      }, isJson)
    ),
  "an error": async (text) => {
    const errors = [
      new Failure("job_failed", text),
      new Failure("job_refused", "refused", { cause: new Error(text) }),
      new Mistake(text),
      new Error(text),
      text,
    ];
    return await Promise.all(errors.map(async (error) => (await verdictOf(error)).message));
  },
  "a fault, with its stack": async (text) => {
    const io = fakeIo();
    const command = defineCommand({
      name: "fails",
      purpose: "Fail",
      examples: [],
      exits: [],
      parser: object({}),
      run: () => Promise.reject(new Error(text)),
    });
    await command.execute([], io);
    return [...io.errLines, ...io.outLines];
  },
  "the whole room": (text) => {
    const view = fullRoom({
      trouble: text,
      progress: new Map([[JOB, { runName: text, epochs: 1, lastLoss: 1 }]]),
    });
    const workers = [
      workerNamed(text),
      { ...workerNamed(text), current_job: { job_id: JOB, client_id: WORKER } },
    ];
    const room = { ...view, list: { ...view.list, workers } };
    const size = { columns: 400, rows: 60, isColored: false };
    return [...topLines(room, size), jsonText(topFacts(room))];
  },
  "why a job waits": (text) => {
    const room = list([workerNamed(text)], [waiting("a")]);
    const [request] = room.waiting ?? [];
    const id = request?.job_id ?? JOB;
    const answers = [
      whyAnswer(room, id, undefined),
      { type: "running", worker: text },
      { type: "reserved", worker: text },
      { type: "remembered", worker: text, standing: "done" },
    ] as const;
    return answers.flatMap((
      answer,
    ) => [...whyLines(id, answer), jsonText(whyFacts(id, answer))]);
  },
  "the queue": (text) => {
    const obstacle = { worker: named(text, isAnything), kind: "busy", reason: text } as const;
    const outlook: QueueOutlook = {
      position: 1,
      waiting: 1,
      turnAt: undefined,
      isCutOff: false,
      obstacles: [obstacle],
    };
    const turn = { ...outlook, turnAt: named(text, isAnything) };
    return [outlook, turn].flatMap((one) => [waitingText(one), jsonText(waitingFacts(one))]);
  },
  "the end of a job that was asked to": (text) =>
    [false, true].map((isJson) =>
      endingReport({ jobId: JOB, worker: text, ending: { type: "cancelled" } }, isJson)
    ),
  "results that were fetched": (text) =>
    [false, true].map((isJson) =>
      fetchedReport({
        jobId: JOB,
        worker: named(text, isAnything),
        folder: "results",
        files: isJson ? [{ path: text, bytes: 1, sha256: named(SHA256, isSha) }] : [],
      }, isJson)
    ),
  "a log for programs": async (text) => {
    const io = fakeIo({ isTerminal: false });
    const { log, stop } = await openLog({ verbose: false, logLevel: "info" }, io, "info");
    log.write("info", text, { said: text });
    stop();
    return io.errLines;
  },
  "a log": (text) => [
    sentenceOf(
      { timeMs: 0, level: "info", message: text, fields: { said: text, list: text } },
      false,
    ),
  ],
};

/** As if a peer's id could be anything: what shows it must not rely on its form. */
function isAnything(text: string): text is PeerId {
  return text.length > 0;
}

function isSha(
  text: string,
): text is Parameters<typeof trainingReport>[0]["files"][number]["sha256"] {
  return text === SHA256;
}

for (const [what, show] of Object.entries(VIEWS)) {
  Deno.test(`${ATTACKS.length} attacks on the screen are harmless: ${what}`, async () => {
    for (const attack of ATTACKS) {
      const lines = await show(`before ${attack} after`);
      ok(lines.length > 0);
      const harmful = lines.filter((line) => HARMFUL.test(line.replace(PAINT, "")));
      deepEqual(harmful, [], JSON.stringify(attack));
    }
  });
}

Deno.test("what is not harmful is shown", async () => {
  for (const [what, show] of Object.entries(VIEWS)) {
    if (what === "the end of a training") continue;
    ok((await show("Jürgen 東京")).some((line) => line.includes("Jürgen")), what);
  }
});
