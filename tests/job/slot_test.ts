/** The slot of a worker: who gets it, what is said, and what is refused. */

import { deepEqual, equal, throws } from "node:assert/strict";
import { isJobId, isPeerId, isRequestId } from "../../lib/base/id.ts";
import type { JobSpec } from "../../lib/protocol/job_spec.ts";
import type { Manifest } from "../../lib/protocol/manifest.ts";
import { sha256Of } from "../../lib/runtime/file_digest.ts";
import { SAMPLE_CONFIG } from "./sample_config.ts";
import { JobSlot, LEASE_MS } from "../../lib/job/slot.ts";
import type { SlotEffect } from "../../lib/job/slot_effect.ts";
import type { SlotInput, Verdict } from "../../lib/job/slot_input.ts";

const ADA = named("ada-aaaaaaaaaa", isPeerId);
/** Another process of Ada's installation. */
const ADA_AGAIN = named("ada2-aaaaaaaaaa", isPeerId);
const BOB = named("bob-bbbbbbbbbb", isPeerId);
const ONE = named("job-one11111", isJobId);
const TWO = named("job-two22222", isJobId);
const ASK = named("r1", isRequestId);
const SPEC: JobSpec = {
  kind: "train",
  runner: "demo",
  package: "fly.pkg.slp",
  run_name: "fly",
  max_epochs: 3,
};
const INPUTS: Manifest = {
  files: [{ path: "fly.pkg.slp", bytes: 7, sha256: sha256Of("a".repeat(64)) }],
};
const RESERVE: SlotInput = {
  type: "reserve",
  client: ADA,
  requestId: ASK,
  jobId: ONE,
  spec: SPEC,
  inputs: INPUTS,
};
const START: SlotInput = { type: "start", client: ADA, requestId: ASK, jobId: ONE };
const COMPLETE: SlotInput = { type: "inputs_complete", jobId: ONE };
const DONE: SlotInput = {
  type: "ended",
  verdict: { type: "done", results: INPUTS, isStoppedEarly: false },
};
const CANCEL: SlotInput = {
  type: "end",
  how: "cancel",
  client: ADA,
  requestId: ASK,
  jobId: ONE,
};
const STOP: SlotInput = { ...CANCEL, how: "stop" };

function named<Name extends string>(text: string, form: (text: string) => text is Name): Name {
  if (!form(text)) throw new Error(`Expected a well-formed name, got ${text}`);
  return text;
}

function slot(): JobSlot {
  return new JobSlot(() => undefined);
}

/** An effect in one line. */
function line(effect: SlotEffect): string {
  switch (effect.type) {
    case "tell": {
      const { message } = effect;
      const code = message.type === "job_refused" ? ` ${message.code}` : "";
      return `tell ${effect.client.slice(0, 3)} ${message.type}${code}`;
    }
    case "admit":
      return `admit ${effect.client.split("-")[0]}`;
    case "report":
      return `report ${effect.event.sequence} ${effect.event.type}`;
    case "end":
      return `end ${effect.how}`;
    case "prepare":
    case "run":
    case "discard":
      return `${effect.type} ${effect.jobId}`;
    case "status":
      return `status ${effect.status} ${effect.currentJob?.client_id.slice(0, 3) ?? "-"}`;
    case "wake":
      return `wake ${effect.at}`;
    default:
      return effect satisfies never;
  }
}

/** What follows from the last of `inputs`, the earlier ones having happened at 0. */
function after(inputs: readonly SlotInput[], last: SlotInput, now = 0): string[] {
  const one = slot();
  for (const input of inputs) one.step(input, 0);
  return one.step(last, now).map(line);
}

Deno.test("slot: a job from its reservation to its end", () => {
  const one = slot();
  const script: [number, SlotInput, string[]][] = [
    [0, RESERVE, [
      `prepare ${ONE}`,
      "tell ada job_lease",
      "status reserved ada",
      `wake ${LEASE_MS}`,
    ]],
    [5, { type: "alive", client: ADA }, []],
    [9, COMPLETE, []],
    [10, START, ["status busy ada", "admit ada", "report 1 job_accepted", `run ${ONE}`]],
    [20, { type: "printed", stream: "stdout", text: "Epoch 1" }, ["report 2 job_log"]],
    [21, { type: "epoch_ended", epoch: { epoch: 0, train_loss: 1, val_loss: null } }, [
      "report 3 job_metric",
    ]],
    [LEASE_MS, { type: "woke" }, []],
    [LEASE_MS * 9, { type: "printed", stream: "stderr", text: "slow" }, ["report 4 job_log"]],
    [LEASE_MS * 9, DONE, ["report 5 job_done", "status available -"]],
    [LEASE_MS * 9, DONE, []],
    [LEASE_MS * 9, { type: "printed", stream: "stdout", text: "late" }, []],
    [LEASE_MS * 9, { ...RESERVE, client: BOB, jobId: TWO }, [
      `prepare ${TWO}`,
      "tell bob job_lease",
      "status reserved bob",
      `wake ${LEASE_MS * 10}`,
    ]],
  ];
  for (const [now, input, expected] of script) {
    deepEqual(one.step(input, now).map(line), expected, `${input.type} at ${now}`);
  }
});

const refusals: [string, SlotInput[], SlotInput, string[]][] = [
  ["a start without a lease", [], START, ["tell ada job_refused unknown_job"]],
  ["a start before the inputs are here", [RESERVE], START, ["tell ada job_refused unsuitable"]],
  ["a start of another's lease", [RESERVE, COMPLETE], { ...START, client: BOB }, [
    "tell bob job_refused unknown_job",
  ]],
  ["a start of another job", [RESERVE, COMPLETE], { ...START, jobId: TWO }, [
    "tell ada job_refused unknown_job",
  ]],
  ["a second start", [RESERVE, COMPLETE, START], START, ["tell ada job_refused busy"]],
  ["a second client", [RESERVE], { ...RESERVE, client: BOB, jobId: TWO }, [
    "tell bob job_refused busy",
  ]],
  ["another's client with the same job id", [RESERVE], { ...RESERVE, client: BOB }, [
    "tell bob job_refused busy",
  ]],
  ["a reservation while a job runs", [RESERVE, COMPLETE, START], RESERVE, [
    "tell ada job_refused busy",
  ]],
  [
    "the same reservation with another specification",
    [RESERVE],
    { ...RESERVE, spec: { ...SPEC, max_epochs: 4 } },
    ["tell ada job_refused unsuitable"],
  ],
  ["the same reservation with other files", [RESERVE], { ...RESERVE, inputs: { files: [] } }, [
    "tell ada job_refused unsuitable",
  ]],
  ["a reservation once closed", [{ type: "closed" }], RESERVE, ["tell ada job_refused closed"]],
  ["another's release", [RESERVE], { type: "release", client: BOB, jobId: ONE }, []],
  ["a release while the job runs", [RESERVE, COMPLETE, START], {
    type: "release",
    client: ADA,
    jobId: ONE,
  }, []],
  ["another's cancel", [RESERVE, COMPLETE, START], { ...CANCEL, client: BOB }, [
    "tell bob job_refused unknown_job",
  ]],
  ["a cancel of another job", [RESERVE, COMPLETE, START], { ...CANCEL, jobId: TWO }, [
    "tell ada job_refused unknown_job",
  ]],
  ["a cancel before the start", [RESERVE], CANCEL, ["tell ada job_refused unknown_job"]],
  ["a second cancel", [RESERVE, COMPLETE, START, CANCEL], CANCEL, [
    "tell ada job_following",
    "admit ada",
  ]],
  ["a stop after a cancel", [RESERVE, COMPLETE, START, CANCEL], STOP, [
    "tell ada job_following",
    "admit ada",
  ]],
  ["inputs of another job", [RESERVE], { type: "inputs_complete", jobId: TWO }, []],
];
for (const [what, before, input, expected] of refusals) {
  Deno.test(`slot: ${what} changes nothing`, () => {
    const one = slot();
    for (const step of before) one.step(step, 0);
    const held = one.jobId;
    deepEqual(one.step(input, 1).map(line), expected);
    equal(one.jobId, held);
  });
}

const changes: [string, SlotInput[], SlotInput, number, string[]][] = [
  ["the same reservation again is granted again", [RESERVE], RESERVE, 0, ["tell ada job_lease"]],
  ["a release frees the slot", [RESERVE], { type: "release", client: ADA, jobId: ONE }, 0, [
    `discard ${ONE}`,
    "status available -",
  ]],
  ["a lease ends by itself", [RESERVE], { type: "woke" }, LEASE_MS, [
    `discard ${ONE}`,
    "status available -",
  ]],
  ["a wake-up before the end comes again", [RESERVE], { type: "woke" }, LEASE_MS - 1, [
    `wake ${LEASE_MS}`,
  ]],
  ["a lease that ended starts nothing", [RESERVE, COMPLETE], START, LEASE_MS, [
    `discard ${ONE}`,
    "status available -",
    "tell ada job_refused unknown_job",
  ]],
  ["closing a free slot", [], { type: "closed" }, 0, ["status draining -"]],
  ["closing a leased slot", [RESERVE], { type: "closed" }, 0, [
    `discard ${ONE}`,
    "status draining -",
  ]],
  ["closing a running slot", [RESERVE, COMPLETE, START], { type: "closed" }, 0, [
    "status draining ada",
  ]],
  [
    "a cancel by another process of the key",
    [RESERVE, COMPLETE, START],
    {
      ...CANCEL,
      client: ADA_AGAIN,
    },
    0,
    ["tell ada job_following", "admit ada2", "end cancel"],
  ],
  ["a stop ends it softly", [RESERVE, COMPLETE, START], STOP, 0, [
    "tell ada job_following",
    "admit ada",
    "end stop",
  ]],
  ["a cancel of what is being stopped", [RESERVE, COMPLETE, START, STOP], CANCEL, 0, [
    "tell ada job_following",
    "admit ada",
    "end cancel",
  ]],
  [
    "closing a running slot tells those who follow its job",
    [RESERVE, COMPLETE, START],
    { type: "closed", notice: "The worker is to stop" },
    0,
    ["status draining ada", "report 2 job_log"],
  ],
  ["closing twice", [{ type: "closed" }], { type: "closed" }, 0, []],
  ["the end of a closed slot's job", [RESERVE, COMPLETE, START, { type: "closed" }], DONE, 0, [
    "report 2 job_done",
    "status draining -",
  ]],
];
for (const [what, before, input, now, expected] of changes) {
  Deno.test(`slot: ${what}`, () => deepEqual(after(before, input, now), expected));
}

Deno.test("slot: signs of life keep the lease with one wake-up on its way, however many there are", () => {
  const one = slot();
  const wakes: string[] = [];
  const step = (input: SlotInput, now: number) =>
    wakes.push(...one.step(input, now).map(line).filter((text) => text.startsWith("wake")));
  step(RESERVE, 0);
  for (let now = 1; now < LEASE_MS; now++) step({ type: "alive", client: ADA }, now);
  deepEqual(wakes, [`wake ${LEASE_MS}`]);
  step({ type: "woke" }, LEASE_MS);
  deepEqual(wakes, [`wake ${LEASE_MS}`, `wake ${2 * LEASE_MS - 1}`]);
  equal(one.jobId, ONE);
});

Deno.test("slot: another's signs of life do not keep the lease", () => {
  const one = slot();
  one.step(RESERVE, 0);
  one.step({ type: "alive", client: BOB }, LEASE_MS - 1);
  one.step({ type: "woke" }, LEASE_MS);
  equal(one.jobId, undefined);
});

Deno.test("slot: what does not suit the worker is refused with its reason", () => {
  const reason = "The worker has no runner demo";
  const one = new JobSlot(() => ({ code: "no_runner", reason }));
  deepEqual(one.step(RESERVE, 0), [{
    type: "tell",
    client: ADA,
    message: { type: "job_refused", request_id: ASK, job_id: ONE, code: "no_runner", reason },
  }]);
});

const ADOPTED: SlotInput = {
  type: "adopted",
  client: ADA,
  jobId: ONE,
  spec: SPEC,
  sequence: 7,
  startedAt: -60_000,
};

Deno.test("slot: a job of an earlier life goes on with its number, its owner and its age", () => {
  const one = slot();
  deepEqual(one.step(ADOPTED, 0).map(line), ["status busy ada"]);
  equal(one.sequenceOf(ONE), 7);
  deepEqual(one.step({ ...STOP, client: ADA_AGAIN }, 0).map(line), [
    "tell ada job_following",
    "admit ada2",
    "end stop",
  ]);
  const [report, status] = one.step({ type: "ended", verdict: { type: "lost", reason: "x" } }, 1);
  deepEqual(report, {
    type: "report",
    event: {
      type: "job_lost",
      job_id: ONE,
      attempt: 1,
      sequence: 8,
      duration_ms: 60_001,
      reason: "x",
    },
  });
  deepEqual(status, { type: "status", status: "available", currentJob: null });
});

Deno.test("slot: a job is adopted by a free slot alone", () => {
  const one = slot();
  one.step(RESERVE, 0);
  throws(() => one.step({ ...ADOPTED, jobId: TWO }, 1), /Expected a free slot for job-two22222/);
});

const OBSTRUCTED: SlotInput = {
  type: "obstructed",
  by: ONE,
  reason: "Process 7 still holds the GPU",
};
const CLEARED: SlotInput = { type: "cleared", by: ONE };
const TWICE: SlotInput = { type: "obstructed", by: TWO, reason: "Process 8 still trains" };
const STARTED: SlotInput[] = [RESERVE, COMPLETE, START];
const MAINTAINED: SlotInput = { type: "obstructed", by: "maintenance", reason: "A new driver" };
const RECOVERED: SlotInput = { type: "cleared", by: "maintenance" };
const obstacles: [string, SlotInput[], SlotInput, string[]][] = [
  ["a free slot is in maintenance", [], OBSTRUCTED, ["status maintenance -"]],
  ["it refuses with the reason", [OBSTRUCTED], RESERVE, ["tell ada job_refused closed"]],
  ["it is available again", [OBSTRUCTED], CLEARED, ["status available -"]],
  ["the end of one of two obstacles does not free it", [OBSTRUCTED, TWICE], CLEARED, []],
  ["the end of the last of two does", [OBSTRUCTED, TWICE, CLEARED], { ...CLEARED, by: TWO }, [
    "status available -",
  ]],
  ["a running job ends into maintenance", [RESERVE, COMPLETE, START, OBSTRUCTED], DONE, [
    "report 2 job_done",
    "status maintenance -",
  ]],
  ["a running job is not disturbed", [RESERVE, COMPLETE, START], OBSTRUCTED, []],
  ["maintenance lets a running job come to its end, and says so", STARTED, MAINTAINED, [
    "status draining ada",
    "report 2 job_log",
  ]],
  ["after it the slot is in maintenance", [...STARTED, MAINTAINED], DONE, [
    "report 3 job_done",
    "status maintenance -",
  ]],
  ["a lease goes on, and its job is the last", [RESERVE, COMPLETE, MAINTAINED], START, [
    "status draining ada",
    "admit ada",
    "report 1 job_accepted",
    "run job-one11111",
  ]],
  ["maintenance that is over while the job runs", [...STARTED, MAINTAINED], RECOVERED, [
    "status busy ada",
  ]],
  ["a closed slot stays draining", [{ type: "closed" }], OBSTRUCTED, []],
  ["what was not in the way cannot be cleared", [], CLEARED, []],
];
for (const [what, before, input, expected] of obstacles) {
  Deno.test(`slot: with something in its way: ${what}`, () => {
    deepEqual(after(before, input), expected);
  });
}

const OTHERS: SlotInput = { ...RESERVE, client: BOB, jobId: TWO };
const epoch = (epoch: number): SlotInput => ({
  type: "epoch_ended",
  epoch: { epoch, train_loss: 1, val_loss: null },
});
const hints: [string, readonly [number, SlotInput][], number, string, number | undefined][] = [
  ["a lease", [[0, RESERVE]], 5_000, "The worker is reserved for another job", LEASE_MS - 5_000],
  [
    "a job before its first epoch",
    [[0, RESERVE], [0, COMPLETE], [0, START]],
    20_000,
    "The worker runs another job for 20s, before its first epoch",
    undefined,
  ],
  [
    "a job whose pace is not known",
    [[0, RESERVE], [0, COMPLETE], [0, START], [9_000, epoch(0)]],
    20_000,
    "The worker runs another job for 20s, epoch 1 of 3",
    undefined,
  ],
  [
    "a job whose pace is known",
    [[0, RESERVE], [0, COMPLETE], [0, START], [10_000, epoch(0)], [20_000, epoch(1)]],
    20_000,
    "The worker runs another job for 20s, epoch 2 of 3",
    10_000,
  ],
  [
    "a job whose last epoch was heard of a while ago",
    [[0, RESERVE], [0, COMPLETE], [0, START], [10_000, epoch(0)], [20_000, epoch(1)]],
    24_000,
    "The worker runs another job for 24s, epoch 2 of 3",
    6_000,
  ],
];
for (const [what, script, now, reason, retryAfterMs] of hints) {
  Deno.test(`slot: ${what} is refused to others with when to ask again`, () => {
    const one = slot();
    for (const [at, input] of script) one.step(input, at);
    const [refusal] = one.step(OTHERS, now);
    const message = refusal?.type === "tell" && refusal.message.type === "job_refused"
      ? refusal.message
      : undefined;
    deepEqual([message?.reason, message?.retry_after_ms], [reason, retryAfterMs]);
  });
}

Deno.test("slot: how long a job takes is told by its configuration, and expected by its pace", () => {
  const one = slot();
  const spec: JobSpec = {
    kind: "train",
    runner: "sleap-nn",
    package: "fly.pkg.slp",
    run_name: "fly",
    config_content: SAMPLE_CONFIG.replace("r_config: {}", "r_config: {max_epochs: 200}"),
  };
  one.step({ ...RESERVE, spec }, 0);
  one.step(COMPLETE, 0);
  const accepted = one.step(START, 0).find(({ type }) => type === "report");
  deepEqual(
    accepted?.type === "report" && accepted.event.type === "job_accepted" &&
      accepted.event.epochs_max,
    200,
  );
  deepEqual(one.freeAt, undefined);
  one.step(epoch(0), 10_000);
  deepEqual(one.freeAt, undefined);
  one.step(epoch(1), 10_001);
  deepEqual(one.freeAt, undefined, "rows that come at once are no pace");
  one.step(epoch(9), 28_000);
  deepEqual(one.freeAt, 28_000 + 190 * 2_000);
  one.step({ type: "ended", verdict: { type: "cancelled" } }, 29_000);
  deepEqual(one.freeAt, undefined);
});

const verdicts: [Verdict, Readonly<Record<string, unknown>>][] = [
  [{ type: "done", results: INPUTS, isStoppedEarly: true }, {
    type: "job_done",
    results: INPUTS,
    stopped_early: true,
  }],
  [{ type: "cancelled" }, { type: "job_cancelled" }],
  [{ type: "cancelled", reason: "held" }, { type: "job_cancelled", reason: "held" }],
  [{ type: "lost", reason: "gone" }, { type: "job_lost", reason: "gone" }],
  [{ type: "failed", exitCode: 3, reason: "no" }, {
    type: "job_failed",
    exit_code: 3,
    reason: "no",
  }],
];
for (const [verdict, words] of verdicts) {
  Deno.test(`slot: a job that ends as ${verdict.type} says so, and frees the slot`, () => {
    const one = slot();
    for (const input of [RESERVE, COMPLETE, START]) one.step(input, 0);
    const [report, status] = one.step({ type: "ended", verdict }, 7);
    const stamp = { job_id: ONE, attempt: 1, sequence: 2, duration_ms: 7 };
    deepEqual(report, { type: "report", event: { ...words, ...stamp } });
    deepEqual(status, { type: "status", status: "available", currentJob: null });
  });
}
