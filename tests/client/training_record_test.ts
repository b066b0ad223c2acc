import { deepEqual, equal, throws } from "node:assert/strict";
import { isJobId } from "../../lib/base/id.ts";
import { TrainingRecord } from "../../lib/client/training_record.ts";
import type { JobEvent } from "../../lib/protocol/job_message.ts";

const JOB = "job-record111";
if (!isJobId(JOB)) throw new Error("Expected a job id");
const stamp = { job_id: JOB, attempt: 1 };

function metric(sequence: number, epoch: number, train_loss: number | null): JobEvent {
  return { type: "job_metric", ...stamp, sequence, epoch: { epoch, train_loss, val_loss: null } };
}

Deno.test("training record: the first and the last loss are those of epochs that have one", () => {
  const record = new TrainingRecord();
  record.take({ type: "job_accepted", ...stamp, sequence: 1, epochs_max: 2 });
  record.take(metric(2, 0, null));
  record.take(metric(3, 0, 0.5));
  record.take({ type: "job_log", ...stamp, sequence: 4, stream: "stdout", text: "on" });
  record.take(metric(5, 1, 0));
  equal(record.standing, "running");
  const done: Extract<JobEvent, { type: "job_done" }> = {
    type: "job_done",
    ...stamp,
    sequence: 6,
    duration_ms: 1,
    results: { files: [] },
    stopped_early: true,
  };
  record.take(done);
  equal(record.standing, "done");
  deepEqual(record.endedWith(done), {
    isStoppedEarly: true,
    results: { files: [] },
    epochs: 2,
    firstLoss: 0.5,
    lastLoss: 0,
  });
});

Deno.test("training record: an epoch whose losses are no numbers counts, and its loss is NaN", () => {
  const record = new TrainingRecord();
  record.take(metric(1, 0, 0.5));
  const epoch = { epoch: 1, train_loss: null, val_loss: null, is_diverged: true } as const;
  record.take({ type: "job_metric", ...stamp, sequence: 2, epoch });
  const numbers = { epochs: 2, first_loss: 0.5, last_loss: null };
  deepEqual(record.heard, { sequence: 2, ...numbers, is_diverged: true });
  const results = { files: [] };
  const done = {
    type: "job_done",
    ...stamp,
    sequence: 3,
    duration_ms: 1,
    results,
    stopped_early: false,
  } as const;
  const { epochs, firstLoss, lastLoss } = record.endedWith(done);
  deepEqual([epochs, firstLoss, lastLoss], [2, 0.5, NaN]);
});

Deno.test("training record: an epoch that is over without a training loss yet counts all the same", () => {
  const record = new TrainingRecord();
  const before = { epoch: 0, train_loss: null, val_loss: 0.9 };
  record.take({ type: "job_metric", ...stamp, sequence: 1, epoch: before });
  equal(record.heard.epochs, 0);
  const epoch = { ...before, is_over: true } as const;
  record.take({ type: "job_metric", ...stamp, sequence: 2, epoch });
  deepEqual(record.heard, { sequence: 2, epochs: 1, first_loss: null, last_loss: null });
  const { epochs, lastLoss } = record.endedWith({
    type: "job_done",
    ...stamp,
    sequence: 3,
    duration_ms: 1,
    results: { files: [] },
    stopped_early: false,
  });
  deepEqual([epochs, lastLoss], [1, undefined]);
});

Deno.test("training record: of several models the last one counts", () => {
  const record = new TrainingRecord();
  const losses = [[0, 0.5], [1, 0.4], [0, 0.9], [1, 0.8]] as const;
  for (const [index, [epoch, loss]] of losses.entries()) {
    record.take(metric(index + 1, epoch, loss));
  }
  deepEqual(record.heard, { sequence: 4, epochs: 2, first_loss: 0.9, last_loss: 0.8 });
});

for (const [what, sequences] of [["a gap", [1, 3]], ["a word twice", [1, 1]]] as const) {
  Deno.test(`training record: ${what} is not as agreed`, () => {
    const record = new TrainingRecord();
    throws(() => sequences.forEach((sequence) => record.take(metric(sequence, 0, 1))), {
      kind: "protocol",
    });
  });
}

Deno.test("training record: another command goes on from what one has heard", () => {
  const first = new TrainingRecord();
  first.take(metric(1, 0, 0.5));
  const second = new TrainingRecord(first.heard);
  second.take(metric(2, 1, 0.25));
  deepEqual(second.heard, { sequence: 2, epochs: 2, first_loss: 0.5, last_loss: 0.25 });
});

Deno.test("training record: who comes to end a job begins with its last words", () => {
  const record = new TrainingRecord();
  record.leaveOut(7);
  record.take({ type: "job_cancelled", ...stamp, sequence: 8, duration_ms: 1 });
  equal(record.standing, "cancelled");
});
