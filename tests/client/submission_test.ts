/** Trainings from a laptop to a worker and back, with a real server, werift links and real processes. */

import { deepEqual, equal, match, ok } from "node:assert/strict";
import { join } from "node:path";
import { Failure } from "../../lib/base/failure.ts";
import type { JobId } from "../../lib/base/id.ts";
import type { SubmissionEvent } from "../../lib/client/event.ts";
import type { TrainingResult } from "../../lib/client/following.ts";
import { fetchResults, followJob } from "../../lib/client/job_attendance.ts";
import { CONFIG_BYTES_MAX, type JobSpec } from "../../lib/protocol/job_spec.ts";
import { temporaryIdentity } from "../../lib/runtime/credentials.ts";
import { describeFolder } from "../../lib/runtime/file_digest.ts";
import { writeSamplePackage } from "../../lib/runtime/training_package.ts";
import { BLOCK_BYTES } from "../../lib/transfer/block.ts";
import { SAMPLE_CONFIG } from "../job/sample_config.ts";
import { until, withFolder } from "../runtime/condition.ts";
import { SignalingLab } from "../runtime/signaling_lab.ts";
import {
  attendanceOf,
  type LabRequest,
  recordsOf,
  submit,
  TrainingWorker,
} from "./training_lab.ts";

/** werift's own timers and address look-ups outlive its links by up to a second (TRAPS). */
const WITH_WERIFT = { sanitizeOps: false, sanitizeResources: false };
const SCRIPTED: JobSpec = {
  kind: "train",
  runner: "sleap-nn",
  package: "labels.pkg.slp",
  run_name: "labels",
  config_content: SAMPLE_CONFIG,
};
const WRITES = "echo weights > output/model.json";
const WAITS = "echo up; while [ ! -e go ]; do sleep 0.02; done";

interface Scene {
  readonly signaling: SignalingLab;
  readonly worker: TrainingWorker;
  readonly request: LabRequest;
}

function test(what: string, script: string, body: (scene: Scene) => Promise<void>): void {
  Deno.test({
    name: `submission: ${what}`,
    ignore: Deno.build.os === "windows",
    ...WITH_WERIFT,
    fn: () =>
      SignalingLab.with((signaling) =>
        withFolder(async (folder) => {
          const worker = await TrainingWorker.start(join(folder, "worker"), script, signaling);
          const packagePath = join(folder, SCRIPTED.package);
          await Deno.writeTextFile(packagePath, "frames ".repeat(100_000));
          try {
            await body({ signaling, worker, request: { folder, packagePath, spec: SCRIPTED } });
          } finally {
            await worker.stop();
          }
        })
      ),
  });
}

/** How a submission ends: its result, a failure, or the reason of an abort. */
async function endOf(submission: Promise<TrainingResult>): Promise<unknown> {
  try {
    return await submission;
  } catch (error) {
    return error;
  }
}

/** What is left beside the package and the worker's own folder. */
async function leftovers(folder: string): Promise<string[]> {
  const names = (await Array.fromAsync(Deno.readDir(folder))).map(({ name }) => name);
  return names.filter((name) => name !== "worker" && name !== SCRIPTED.package).toSorted();
}

test("the demo trainer learns a real package", "exit 1", async ({ signaling, request }) => {
  const packagePath = join(request.folder, "sample.pkg.slp");
  await writeSamplePackage(packagePath, { frames: 12, seed: 3, width: 64, height: 64 });
  const events: SubmissionEvent[] = [];
  const spec: JobSpec = {
    kind: "train",
    runner: "demo",
    package: "sample.pkg.slp",
    run_name: "demo",
    max_epochs: 5,
  };
  const watch = (event: SubmissionEvent) => events.push(event);
  const result = await submit(signaling, { ...request, packagePath, spec, watch });
  equal(result.epochs, 5);
  ok((result.lastLoss ?? 1) < (result.firstLoss ?? 0));
  deepEqual(result.files.map(({ path }) => path), ["best_model.json", "training_log.csv"]);
  deepEqual((await describeFolder(join(request.folder, "results"))).files, result.files);
  const types = events.map(({ type }) => type).filter((type, at, all) => all.indexOf(type) === at);
  deepEqual(types.filter((type) => type !== "output" && type !== "epoch"), [
    "worker_chosen",
    "linked",
    "leased",
    "uploaded",
    "started",
    "trained",
    "downloaded",
    "saved",
  ]);
  deepEqual(await leftovers(request.folder), ["results", "sample.pkg.slp"]);
});

test("whoever has had enough is told no more", `seq 200; ${WAITS}`, async (scene) => {
  const { signaling, request } = scene;
  const controller = new AbortController();
  const told: string[] = [];
  const watch = (event: SubmissionEvent) => {
    if (event.type !== "output") return;
    told.push(event.text);
    controller.abort("SIGINT");
  };
  const submission = submit(signaling, { ...request, signal: controller.signal, watch });
  equal(await endOf(submission), "SIGINT");
  deepEqual(told, ["1"]);
});

const stages: [SubmissionEvent["type"], string, string][] = [
  ["worker_chosen", WRITES, "available"],
  ["linked", WRITES, "available"],
  ["leased", WRITES, "available"],
  ["uploaded", WRITES, "available"],
  ["started", WAITS, "busy"],
  ["trained", WRITES, "available"],
];
for (const [stage, script, status] of stages) {
  test(`an abort at \`${stage}\` ends it and leaves nothing`, script, async (scene) => {
    const { signaling, worker, request } = scene;
    const controller = new AbortController();
    const watch = (event: SubmissionEvent) => {
      if (event.type === stage) controller.abort("SIGINT");
    };
    const submission = submit(signaling, { ...request, signal: controller.signal, watch });
    equal(await endOf(submission), "SIGINT");
    deepEqual(await leftovers(request.folder), []);
    // A job that runs goes on; what was only reserved is given back at once.
    await until(`a worker that is ${status}`, () => worker.status === status);
  });
}

for (
  const [what, start] of [
    ["never comes", () => {}],
    ["comes, and its answer does not", (hear: () => void) => hear()],
  ] as const
) {
  test(`a start that ${what} is asked for again, and not given up`, WRITES, async (scene) => {
    const { signaling, worker, request } = scene;
    worker.onStart = (hear) => {
      worker.onStart = undefined;
      worker.cutOff();
      start(hear);
    };
    const events: string[] = [];
    const watch = ({ type }: SubmissionEvent) => events.push(type);
    const result = await endOf(submit(signaling, { ...request, watch, reattachMs: 30_000 }));
    ok(!(result instanceof Error), String(result));
    equal(events.filter((type) => type === "started").length, 1);
    equal(worker.statuses.filter((status) => status === "busy").length, 1);
  });
}

test(
  "a start whose answer is lost for good is not asked of another worker",
  WRITES,
  async (scene) => {
    const { signaling, worker, request } = scene;
    worker.onStart = () => worker.cutOff();
    const error = await endOf(submit(signaling, request));
    ok(error instanceof Failure, String(error));
    equal(error.kind, "worker_lost");
    match(error.message, /may have begun there: sleap-rtc follow job-/);
  },
);

test(
  "an abort while the start is asked for hears whether the job has begun",
  WAITS,
  async (scene) => {
    const { signaling, worker, request } = scene;
    const controller = new AbortController();
    worker.onStart = (hear) => {
      controller.abort("SIGINT");
      setTimeout(hear, 50);
    };
    let jobId: JobId | undefined;
    const watch = (event: SubmissionEvent) => {
      if (event.type === "started") jobId = event.jobId;
    };
    equal(
      await endOf(submit(signaling, { ...request, signal: controller.signal, watch })),
      "SIGINT",
    );
    ok(jobId !== undefined);
    equal((await recordsOf(request).find(jobId))?.standing, "running");
  },
);

test(
  "what has arrived of results is kept, and `results` goes on with it",
  WRITES,
  async (scene) => {
    const { signaling, request } = scene;
    const controller = new AbortController();
    const identity = temporaryIdentity();
    let jobId: JobId | undefined;
    const watch = (event: SubmissionEvent) => {
      if (event.type === "started") jobId = event.jobId;
      if (event.type === "downloaded" && event.bytes > 0) controller.abort("SIGINT");
    };
    const ours = { ...request, identity, watch, signal: controller.signal };
    equal(await endOf(submit(signaling, ours)), "SIGINT");
    ok(jobId !== undefined);
    deepEqual(await leftovers(request.folder), [`.results.${jobId}.incomplete`]);
    // One that finds no worker loses nothing either.
    const nowhere = attendanceOf(signaling, request, temporaryIdentity());
    await endOf(
      followJob({
        jobId,
        outputFolder: join(request.folder, "results"),
        isFromStart: true,
        reattachMs: 0,
      }, nowhere),
    );
    deepEqual(await leftovers(request.folder), [`.results.${jobId}.incomplete`]);
    await fetchResults(
      jobId,
      join(request.folder, "results"),
      attendanceOf(signaling, request, identity),
    );
    deepEqual(await leftovers(request.folder), ["results"]);
  },
);

test("a worker that leaves while it trains is an error at once", WAITS, async (scene) => {
  const { signaling, worker, request } = scene;
  let stopping: Promise<void> | undefined;
  const watch = (event: SubmissionEvent) => {
    if (event.type === "output") stopping ??= worker.leave();
  };
  const error = await endOf(submit(signaling, { ...request, watch }));
  await stopping;
  ok(error instanceof Failure, String(error));
  equal(error.kind, "worker_lost");
  deepEqual(await leftovers(request.folder), []);
});

test("a worker that stops in order says what became of the job", WAITS, async (scene) => {
  const { signaling, worker, request } = scene;
  let stopping: Promise<void> | undefined;
  const watch = (event: SubmissionEvent) => {
    if (event.type === "output") stopping ??= worker.desk.stop();
  };
  const error = await endOf(submit(signaling, { ...request, watch }));
  await stopping;
  ok(error instanceof Failure, String(error));
  deepEqual([error.kind, error.message], ["job_failed", "The worker was stopped"]);
});

test(
  "of two clients at once one trains, and the other is told why not",
  `${WAITS}; ${WRITES}`,
  async (scene) => {
    const { signaling, worker, request } = scene;
    const other = join(request.folder, "worker", "other");
    await Deno.mkdir(other);
    let started = 0;
    const watch = (event: SubmissionEvent) => {
      if (event.type === "started") started++;
    };
    const both = [
      endOf(submit(signaling, { ...request, watch })),
      endOf(submit(signaling, { ...request, folder: other, watch })),
    ];
    const first = await Promise.race(both);
    ok(first instanceof Failure, String(first));
    match(first.kind, /^(job_refused|no_worker)$/);
    await until("the other's start", () => started === 1);
    await worker.letGo();
    const ends = await Promise.all(both);
    equal(ends.filter((end) => end instanceof Failure).length, 1);
  },
);

test("a package that changes while it is sent is refused by the worker", WRITES, async (scene) => {
  const { signaling, worker, request } = scene;
  const watch = (event: SubmissionEvent) => {
    if (event.type === "leased") {
      Deno.writeTextFileSync(request.packagePath, "frame! ".repeat(100_000));
    }
  };
  const error = await endOf(submit(signaling, { ...request, watch }));
  ok(error instanceof Failure, String(error));
  equal(error.kind, "job_refused");
  match(error.message, /Expected labels.pkg.slp with SHA-256/);
  await until("a free worker", () => worker.status === "available");
});

test(
  "a configuration at its limit, full of line breaks, reaches the worker",
  WRITES,
  async (scene) => {
    const { signaling, request } = scene;
    const comments = "#\n".repeat((CONFIG_BYTES_MAX - SAMPLE_CONFIG.length) / 2);
    const spec: JobSpec = { ...SCRIPTED, config_content: `${SAMPLE_CONFIG}${comments}` };
    const result = await endOf(submit(signaling, { ...request, spec }));
    ok(!(result instanceof Error), String(result));
  },
);

test("a folder with something in it is refused before anything is sent", WRITES, async (scene) => {
  const { signaling, worker, request } = scene;
  await Deno.mkdir(join(request.folder, "results"));
  await Deno.writeTextFile(join(request.folder, "results", "mine"), "");
  match(String(await endOf(submit(signaling, request))), /Expected a new or empty folder/);
  deepEqual(worker.statuses, []);
});

test("a training that fails leaves no results", "echo no >&2; exit 2", async (scene) => {
  const { signaling, request } = scene;
  const error = await endOf(submit(signaling, request));
  ok(error instanceof Failure, String(error));
  equal(error.kind, "job_failed");
  deepEqual(await leftovers(request.folder), []);
});

test(
  "no worker that fits is told with each reason",
  WRITES,
  async ({ signaling, worker, request }) => {
    await worker.stop();
    const error = await endOf(submit(signaling, request));
    ok(error instanceof Failure, String(error));
    equal(error.kind, "no_worker");
  },
);

test(
  "an upload outlives its link, and goes on where it was",
  `${WRITES}; cp -a inputs seen`,
  async (scene) => {
    const { signaling, worker, request } = scene;
    const frames = new Uint8Array(2 * BLOCK_BYTES + 9);
    crypto.getRandomValues(frames.subarray(0, 60_000));
    await Deno.writeFile(request.packagePath, frames);
    const wanted: number[] = [];
    let lost = 0;
    const watch = (event: SubmissionEvent) => {
      if (event.type === "worker_lost") lost++;
      if (event.type !== "uploaded") return;
      if (wanted.at(-1) !== event.bytesMax) wanted.push(event.bytesMax);
      if (lost === 0 && event.bytes > 1.5 * BLOCK_BYTES) worker.cutOff();
    };
    const result = await endOf(submit(signaling, { ...request, watch, reattachMs: 20_000 }));
    ok(!(result instanceof Error), String(result));
    equal(lost, 1);
    // By the time of the cut, the second block may have been written too.
    const [first, second = 0] = wanted;
    deepEqual([wanted.length, first, second % BLOCK_BYTES], [2, frames.length, 9], wanted.join());
    ok(second <= BLOCK_BYTES + 9, `${second} bytes again`);
    const [job] = await Array.fromAsync(Deno.readDir(join(worker.folder, "jobs")));
    const arrived = join(worker.folder, "jobs", job?.name ?? "", "seen", SCRIPTED.package);
    deepEqual(await Deno.readFile(arrived), frames);
  },
);

test(
  "a package that the worker has is not sent again, unless that is wanted",
  WRITES,
  async (scene) => {
    const { signaling, worker, request } = scene;
    for (const [isFresh, bytes] of [[false, 700_000], [false, 0], [true, 700_000]] as const) {
      let sent: number | undefined;
      const watch = (event: SubmissionEvent) => {
        if (event.type === "uploaded") sent = event.bytesMax;
      };
      const result = await endOf(submit(signaling, { ...request, watch, isFresh }));
      ok(!(result instanceof Error), String(result));
      equal(sent, bytes);
      await Deno.remove(join(request.folder, "results"), { recursive: true });
      await until("a free worker", () => worker.status === "available");
    }
  },
);
