/** A submission as it is shown: live, line by line, and as JSON. */

import { deepEqual, equal, match, ok } from "node:assert/strict";
import { isJobId, isSha256 } from "../../lib/base/id.ts";
import { Failure } from "../../lib/base/failure.ts";
import { liveLines } from "../../lib/cli/training_display.ts";
import { TrainingScreen, type TrainingScreenOptions } from "../../lib/cli/training_screen.ts";
import { widthOf } from "../../lib/cli/terminal_text.ts";
import { advance, BLANK_VIEW, type TrainingView } from "../../lib/cli/training_view.ts";
import type { SubmissionEvent } from "../../lib/client/event.ts";
import { decode } from "../../lib/protocol/decode.ts";
import { workerViewSchema } from "../../lib/protocol/worker.ts";
import { fakeIo, type FakeIoOptions } from "./fake_io.ts";

const JOB = "job-12345678";
if (!isJobId(JOB)) throw new Error("Expected a job id");
const SHA256 = "0".repeat(64);
if (!isSha256(SHA256)) throw new Error("Expected a digest");
const decoded = decode({
  peer_id: "gpu-a-aaaaaaaaaa",
  incarnation: 1,
  status: "available",
  current_job: null,
  metadata: { properties: { gpu_memory_mb: 24_000, gpu_model: "A5000\u0007" } },
  is_admin: true,
  alive: true,
  last_heard_ms: 3,
}, workerViewSchema);
if (!decoded.ok) throw new Error(decoded.reason);

/** A whole submission, one event each 100 ms. */
const STORY: readonly SubmissionEvent[] = [
  { type: "worker_chosen", worker: decoded.value, available: 3 },
  { type: "linked", backend: "native", tookMs: 45 },
  { type: "leased", jobId: JOB },
  { type: "uploaded", bytes: 0, bytesMax: 2_000_000 },
  { type: "uploaded", bytes: 100_000, bytesMax: 2_000_000 },
  { type: "uploaded", bytes: 1_200_000, bytesMax: 2_000_000 },
  { type: "uploaded", bytes: 2_000_000, bytesMax: 2_000_000 },
  { type: "started", jobId: JOB, epochsMax: 3 },
  { type: "epoch", epoch: { epoch: 0, train_loss: null, val_loss: 0.9 } },
  { type: "epoch", epoch: { epoch: 0, train_loss: 0.5, val_loss: 0.6 } },
  { type: "output", stream: "stdout", text: "Epoch 2\u001b[31m begins" },
  { type: "epoch", epoch: { epoch: 1, train_loss: 0.25, val_loss: 0.2 } },
  { type: "epoch", epoch: { epoch: 2, train_loss: 0.125, val_loss: 0.3 } },
  { type: "trained", durationMs: 2_500 },
  { type: "downloaded", bytes: 500, bytesMax: 500 },
  {
    type: "saved",
    folder: "results",
    files: [{ path: "best_model.json", bytes: 500, sha256: SHA256 }],
  },
];

function viewAfter(events: number): TrainingView {
  return STORY.slice(0, events).reduce(
    (view, event, index) => advance(view, event, index * 100),
    BLANK_VIEW,
  );
}

function show(options: FakeIoOptions & Partial<TrainingScreenOptions>) {
  const io = fakeIo(options);
  let now = 0;
  const screen = new TrainingScreen(io, {
    json: false,
    ...options,
    clock: { now: () => now },
  });
  for (const event of STORY) {
    screen.watch(event);
    now += 100;
  }
  screen.close();
  return io;
}

Deno.test("a view knows epochs, losses and the best of them", () => {
  const view = viewAfter(STORY.length);
  equal(view.training?.done, 3);
  deepEqual(view.trainLosses, [0.5, 0.25, 0.125]);
  deepEqual(view.valLosses, [0.9, 0.6, 0.2, 0.3]);
  deepEqual(view.best, { loss: 0.2, epoch: 2 });
  equal(viewAfter(9).training?.done, 0, "a first validation is no epoch");
});

Deno.test("line by line, a submission reads as a story", () => {
  const io = show({});
  deepEqual(io.outLines, [
    "Chose gpu-a-aaaaaaaaaa (24 GB, A5000�, 1 of 3 available)",
    "Linked: native, open after 45ms",
    "Reserved for job-12345678",
    "Uploaded 1.2 MB of 2.0 MB (60 %)",
    "Uploaded 2.0 MB of 2.0 MB (100 %)",
    "Training started, at most 3 epochs",
    "Before training: val_loss 0.9000",
    "Epoch 1/3: train_loss 0.5000  val_loss 0.6000",
    "Epoch 2/3: train_loss 0.2500  val_loss 0.2000",
    "Epoch 3/3: train_loss 0.1250  val_loss 0.3000",
    "Trained in 2.5s",
    "Downloaded 500 B of 500 B (100 %)",
    "Saved 1 file, 500 B, in results",
  ]);
  equal(io.drawn.length, 0);
});

Deno.test("line by line, the trainer's own lines are for those who ask, and epochs can be thinned", () => {
  const isOfTraining = (line: string) => /^(Before|Epoch| )/.test(line);
  deepEqual(show({ isVerbose: true }).outLines.filter(isOfTraining), [
    "Before training: val_loss 0.9000",
    "Epoch 1/3: train_loss 0.5000  val_loss 0.6000",
    "  Epoch 2 begins",
    "Epoch 2/3: train_loss 0.2500  val_loss 0.2000",
    "Epoch 3/3: train_loss 0.1250  val_loss 0.3000",
  ]);
  deepEqual(show({ epochStep: 5 }).outLines.filter(isOfTraining), [
    "Before training: val_loss 0.9000",
    "Epoch 1/3: train_loss 0.5000  val_loss 0.6000",
    "Epoch 3/3: train_loss 0.1250  val_loss 0.3000",
  ]);
});

Deno.test("live, the upload has a bar with rate and remaining time", () => {
  deepEqual(liveLines(viewAfter(6), { columns: 100, rows: 24, isColored: false }), [
    "job      job-12345678",
    "worker   gpu-a-aaaaaaaaaa (24 GB, A5000�, 1 of 3 available)",
    "link     native, open after 45ms",
    "upload   ██████████████░░░░░░░░░░ 60 %  1.2 MB of 2.0 MB  6.0 MB/s  133ms left",
  ]);
});

Deno.test("who waits learns the job's name, to ask why or to cancel it from elsewhere", () => {
  const outlook = {
    position: 2,
    waiting: 3,
    turnAt: undefined,
    isCutOff: false,
    obstacles: [],
  };
  const waits: readonly SubmissionEvent[] = [
    { type: "waiting", jobId: JOB, outlook },
    { type: "waiting", jobId: JOB, outlook: { ...outlook, position: 1 } },
  ];
  const io = fakeIo();
  const screen = new TrainingScreen(io, { json: false, clock: { now: () => 0 } });
  for (const event of waits) screen.watch(event);
  deepEqual(io.outLines, [
    "job-12345678 waits for its turn; Ctrl-C leaves the queue",
    "Waiting: position 2 of 3",
    "Waiting: position 1 of 3",
  ]);
  const view = waits.reduce((before, event) => advance(before, event, 0), BLANK_VIEW);
  deepEqual(liveLines(view, { columns: 100, rows: 24, isColored: false }), [
    "job      job-12345678",
    "waiting  position 1 of 3",
  ]);
});

Deno.test("live, what was there before counts neither for the rate nor for the remaining time", () => {
  const resumed: readonly SubmissionEvent[] = [
    { type: "uploaded", bytes: 1_000_000, bytesMax: 2_000_000 },
    { type: "uploaded", bytes: 1_200_000, bytesMax: 2_000_000 },
  ];
  const view = resumed.reduce(
    (before, event, index) => advance(before, event, index * 1_000),
    BLANK_VIEW,
  );
  deepEqual(liveLines(view, { columns: 100, rows: 24, isColored: false }), [
    "upload   ██████████████░░░░░░░░░░ 60 %  1.2 MB of 2.0 MB  200 kB/s  4.0s left",
  ]);
});

Deno.test("live, the training has a bar, losses, a plot and the last line of output", () => {
  const lines = liveLines(viewAfter(12), { columns: 100, rows: 24, isColored: false });
  match(
    lines[4] ?? "",
    /^training █{16}░{8} 66 % {2}2 of 3 epochs {2}200ms an epoch {2}200ms left$/,
  );
  equal(lines[5], "loss     train 0.2500  validation 0.2000  best 0.2000 after epoch 2");
  match(lines[6] ?? "", /^ +0\.5000 ┼/);
  equal(lines.at(-1), "output   Epoch 2 begins");
});

Deno.test("live lines never exceed the screen", () => {
  for (const [columns, rows] of [[100, 24], [40, 24], [20, 10], [100, 8]] as const) {
    for (let events = 0; events <= STORY.length; events++) {
      const lines = liveLines(viewAfter(events), { columns, rows, isColored: false });
      ok(lines.every((line) => widthOf(line) < columns), `${columns}: ${lines.join("\n")}`);
    }
    const io = show({ isTerminal: true, columns, rows });
    for (const text of io.drawn) ok(text.split("\n").length <= rows, text);
  }
});

Deno.test("a terminal is redrawn in place, and ends with everything", () => {
  const io = show({ isTerminal: true });
  equal(io.outLines.length, 0);
  ok(io.drawn.length > 5);
  // deno-lint-ignore no-control-regex -- the cursor's movements are what is checked
  match(io.drawn[1] ?? "", /^\u001b\[1A\r/);
  match(io.drawn.at(-1) ?? "", /saved +1 file, 500 B, in results/);
});

Deno.test("a terminal shows the trainer's own lines above, to those who ask", () => {
  equal(show({ isTerminal: true }).drawn.some((text) => text.includes("\n  Epoch 2")), false);
  const { drawn } = show({ isTerminal: true, isVerbose: true });
  const told = drawn.filter((text) => text.includes("\r  Epoch 2 begins\u001b[K\n"));
  equal(told.length, 1);
  // What stood there before is drawn again below it.
  // deno-lint-ignore no-control-regex -- the cursor's movement is what is checked
  match(told[0] ?? "", /^\u001b\[\d+A\r {2}Epoch 2 begins\u001b\[K\n.*worker .*training/s);
});

Deno.test("losses that are no numbers any more are shown as NaN", () => {
  const astray: readonly SubmissionEvent[] = [
    { type: "started", jobId: JOB, epochsMax: 3 },
    { type: "epoch", epoch: { epoch: 0, train_loss: 0.5, val_loss: 0.6 } },
    { type: "epoch", epoch: { epoch: 1, train_loss: null, val_loss: null, is_diverged: true } },
  ];
  const io = fakeIo();
  const screen = new TrainingScreen(io, { json: false, clock: { now: () => 0 } });
  for (const event of astray) screen.watch(event);
  equal(io.outLines.at(-1), "Epoch 2/3: train_loss NaN  val_loss NaN");
  const view = astray.reduce((before, event) => advance(before, event, 0), BLANK_VIEW);
  const lines = liveLines(view, { columns: 100, rows: 8, isColored: false });
  match(lines[1] ?? "", /2 of 3 epochs/);
  equal(lines[2], "loss     train NaN  validation NaN  best 0.6000 after epoch 1");
  deepEqual([view.trainLosses, view.valLosses], [[0.5], [0.6]], "a plot has no place for them");
});

Deno.test("predictions show how far they are, where the tracker says so", () => {
  const tracking: readonly SubmissionEvent[] = [
    { type: "started", jobId: JOB, epochsMax: undefined },
    { type: "output", stream: "stdout", text: '{"n_processed": 100, "n_total": 1000}' },
    { type: "output", stream: "stdout", text: '{"n_processed": 600, "n_total": 1000}' },
    { type: "output", stream: "stdout", text: '{"n_processed": 700, "n_total": 1000}' },
    { type: "output", stream: "stdout", text: "Saving" },
  ];
  const view = tracking.reduce(
    (before, event, at) => advance(before, event, at * 1_000),
    BLANK_VIEW,
  );
  deepEqual(liveLines(view, { columns: 100, rows: 24, isColored: false }), [
    "job      job-12345678",
    "frames   █████████████████░░░░░░░ 70 %  700 of 1000 frames  300 frames/s  1.0s left",
    "output   Saving",
  ]);
  const io = fakeIo();
  const screen = new TrainingScreen(io, { json: false, clock: { now: () => 0 } });
  for (const event of tracking) screen.watch(event);
  deepEqual(io.outLines, ["Started", "Predicted on 600 of 1000 frames (60 %)"]);
});

Deno.test("of several models it is said which one trains, and each has losses of its own", () => {
  const epoch = (index: number, loss: number): SubmissionEvent => ({
    type: "epoch",
    epoch: { epoch: index, train_loss: loss, val_loss: loss },
  });
  const says = (text: string): SubmissionEvent => ({ type: "output", stream: "stdout", text });
  const events: readonly SubmissionEvent[] = [
    { type: "started", jobId: JOB, epochsMax: 2 },
    says("Training model 1/2: centroid"),
    says("anything else"),
    epoch(0, 0.02),
    epoch(1, 0.01),
    says("Training model 2/2: centered_instance"),
    epoch(0, 0.5),
    says("Predicting on the labels"),
  ];
  const io = fakeIo();
  const screen = new TrainingScreen(io, { json: false, clock: { now: () => 0 } });
  for (const event of events) screen.watch(event);
  deepEqual(io.outLines, [
    "Training started, at most 2 epochs",
    "Training model 1/2: centroid",
    "Epoch 1/2: train_loss 0.02000  val_loss 0.02000",
    "Epoch 2/2: train_loss 0.01000  val_loss 0.01000",
    "Training model 2/2: centered_instance",
    "Epoch 1/2: train_loss 0.5000  val_loss 0.5000",
    "Predicting on the labels",
  ]);
  const view = events.reduce((before, event, at) => advance(before, event, at), BLANK_VIEW);
  deepEqual([view.trainLosses, view.valLosses, view.best], [[0.5], [0.5], { loss: 0.5, epoch: 1 }]);
  equal(view.training?.done, 1);
});

Deno.test("what the worker says of itself is told to everybody", () => {
  const text = "[The worker is to stop: this job comes to its end first]";
  const event = { type: "output", stream: "stderr", text, isOfWorker: true } as const;
  for (const isTerminal of [false, true]) {
    const io = fakeIo({ isTerminal });
    const screen = new TrainingScreen(io, { json: false, clock: { now: () => 0 } });
    screen.watch(event);
    screen.watch({ type: "output", stream: "stdout", text: "Epoch 1" });
    screen.close();
    const told = [...io.outLines, ...io.drawn].join("\n").split(text).length - 1;
    ok(told >= 1, `terminal: ${isTerminal}`);
    if (isTerminal) ok(io.drawn.some((drawn) => drawn.includes(`${text}\u001b[K\n`)));
  }
  const io = fakeIo();
  new TrainingScreen(io, { json: true, clock: { now: () => 0 } }).watch(event);
  deepEqual(JSON.parse(io.outLines[0] ?? ""), {
    event: "output",
    stream: "stderr",
    text,
    by_worker: true,
  });
});

Deno.test("what the trainer said last is told when it has failed", () => {
  const fail = (options: FakeIoOptions & Partial<TrainingScreenOptions>) => {
    const io = fakeIo(options);
    const screen = new TrainingScreen(io, { json: false, ...options, clock: { now: () => 0 } });
    for (let line = 1; line <= 30; line++) {
      screen.watch({ type: "output", stream: "stderr", text: `line \u001b[2J${line}` });
    }
    screen.watch({ type: "output", stream: "stderr", text: " " });
    screen.close();
    screen.tellLastLines(new Failure("job_failed", "no"));
    return io.errLines;
  };
  const lines = Array.from({ length: 20 }, (_, index) => `  line ${index + 11}`);
  const told = ["The last lines of the trainer:", ...lines];
  deepEqual(fail({}), told);
  deepEqual(fail({ isTerminal: true }), told);
  deepEqual(fail({ isVerbose: true }), []);
  deepEqual(fail({ json: true }), []);
  const io = fakeIo();
  const screen = new TrainingScreen(io, { json: false, clock: { now: () => 0 } });
  screen.tellLastLines(new Failure("job_failed", "no"));
  screen.watch({ type: "output", stream: "stderr", text: "up" });
  screen.tellLastLines(new Failure("worker_lost", "gone"));
  deepEqual(io.errLines, []);
});

Deno.test("for programs, each event is one JSON object", () => {
  const io = show({ json: true, isTerminal: true });
  const events: unknown[] = io.outLines.map((line) => JSON.parse(line));
  equal(events.length, STORY.length);
  deepEqual(events[1], { event: "linked", rtc: "native", took_ms: 45 });
  deepEqual(events[3], { event: "uploaded", bytes: 0, bytes_max: 2_000_000 });
  deepEqual(events[11], { event: "epoch", epoch: 1, train_loss: 0.25, val_loss: 0.2 });
  equal(io.drawn.length, 0);
});

Deno.test("an epoch that is over without a training loss yet is told, and counts", () => {
  const recent: readonly SubmissionEvent[] = [
    { type: "started", jobId: JOB, epochsMax: 2 },
    { type: "epoch", epoch: { epoch: 0, train_loss: null, val_loss: 0.9, is_over: true } },
    { type: "epoch", epoch: { epoch: 1, train_loss: 0.5, val_loss: 0.6 } },
  ];
  const io = fakeIo();
  const screen = new TrainingScreen(io, { json: false, clock: { now: () => 0 } });
  for (const event of recent) screen.watch(event);
  deepEqual(io.outLines.slice(-2), [
    "Epoch 1/2: val_loss 0.9000",
    "Epoch 2/2: train_loss 0.5000  val_loss 0.6000",
  ]);
  const view = recent.slice(0, 2).reduce((before, event) => advance(before, event, 0), BLANK_VIEW);
  equal(view.training?.done, 1);
  deepEqual(view.best, { loss: 0.9, epoch: 1 });
});
