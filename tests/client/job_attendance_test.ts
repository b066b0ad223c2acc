/** Jobs that their clients come back to, with a real server, werift links and real processes. */

import { deepEqual, equal, match, ok } from "node:assert/strict";
import { join } from "node:path";
import { Failure } from "../../lib/base/failure.ts";
import type { JobId } from "../../lib/base/id.ts";
import type { SubmissionEvent } from "../../lib/client/event.ts";
import { endJob, fetchResults, followJob } from "../../lib/client/job_attendance.ts";
import type { JobSpec } from "../../lib/protocol/job_spec.ts";
import { type PeerIdentity, temporaryIdentity } from "../../lib/runtime/credentials.ts";
import { SAMPLE_CONFIG } from "../job/sample_config.ts";
import { roomOf } from "../rtc/hello_self.ts";
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
const SPEC: JobSpec = {
  kind: "train",
  runner: "sleap-nn",
  package: "labels.pkg.slp",
  run_name: "labels",
  config_content: SAMPLE_CONFIG,
};
const LEARNS = `echo epoch,train_loss,val_loss > output/training_log.csv
  echo 0,0.5,0.4 >> output/training_log.csv; echo one; sleep 0.5; echo up
  while [ ! -e go ]; do sleep 0.02; done
  echo 1,0.25,0.2 >> output/training_log.csv; echo two; echo weights > output/model.json`;
const isUp = (event: SubmissionEvent) => event.type === "output" && event.text === "up";

/** A job that runs at a worker; its client has gone. */
class Scene {
  readonly signaling: SignalingLab;
  readonly worker: TrainingWorker;
  readonly identity: PeerIdentity;
  readonly request: LabRequest;
  readonly jobId: JobId;
  readonly events: SubmissionEvent[] = [];

  constructor(parts: Pick<Scene, "signaling" | "worker" | "identity" | "request" | "jobId">) {
    this.signaling = parts.signaling;
    this.worker = parts.worker;
    this.identity = parts.identity;
    this.request = parts.request;
    this.jobId = parts.jobId;
  }

  get options() {
    const watch = (event: SubmissionEvent) => void this.events.push(event);
    return attendanceOf(this.signaling, { ...this.request, watch }, this.identity);
  }

  /** The options of an installation that does not remember the job; a stranger's where it is another. */
  forgetful(identity = this.identity) {
    const elsewhere = { ...this.request, folder: join(this.request.folder, "worker", "elsewhere") };
    return attendanceOf(this.signaling, elsewhere, identity);
  }

  get follow() {
    const outputFolder = join(this.request.folder, "results");
    return { jobId: this.jobId, outputFolder, isFromStart: false, reattachMs: 0 };
  }

  get lines(): string[] {
    return this.events.flatMap((event) => event.type === "output" ? [event.text] : []);
  }
}

function test(what: string, script: string, body: (scene: Scene) => Promise<void>): void {
  Deno.test({
    name: `job attendance: ${what}`,
    ignore: Deno.build.os === "windows",
    ...WITH_WERIFT,
    fn: () =>
      SignalingLab.with((signaling) =>
        withFolder(async (folder) => {
          const worker = await TrainingWorker.start(join(folder, "worker"), script, signaling);
          try {
            await body(await detached(signaling, worker, folder));
          } finally {
            await worker.stop();
          }
        })
      ),
  });
}

/** Submits a job, waits until it says that it is up, and goes away. */
async function detached(
  signaling: SignalingLab,
  worker: TrainingWorker,
  folder: string,
): Promise<Scene> {
  const packagePath = join(folder, SPEC.package);
  await Deno.writeTextFile(packagePath, "frames");
  const controller = new AbortController();
  const identity = temporaryIdentity();
  let jobId: JobId | undefined;
  const request = { folder, packagePath, spec: SPEC };
  const end = await endOf(submit(signaling, {
    ...request,
    identity,
    signal: controller.signal,
    watch: (event) => {
      if (event.type === "started") jobId = event.jobId;
      if (isUp(event)) controller.abort("SIGINT");
    },
  }));
  equal(end, "SIGINT");
  ok(jobId !== undefined);
  return new Scene({ signaling, worker, identity, request, jobId });
}

async function endOf(promise: Promise<unknown>): Promise<unknown> {
  try {
    return await promise;
  } catch (error) {
    return error;
  }
}

async function failureOf(promise: Promise<unknown>): Promise<Failure> {
  const end = await endOf(promise);
  ok(end instanceof Failure, String(end));
  return end;
}

test(
  "two terminals follow one job: its results come home once, and both say so",
  LEARNS,
  async (scene) => {
    const { follow, options, request, worker } = scene;
    const both = [followJob(follow, options), followJob(follow, options)].map(endOf);
    const linked = () => scene.events.filter(({ type }) => type === "linked").length === 2;
    await until("both links", linked);
    await worker.letGo();
    const ends = await Promise.all(both);
    for (const end of ends) ok(!(end instanceof Error), String(end));
    equal(scene.events.filter(({ type }) => type === "saved").length, 2);
    const names = (await Array.fromAsync(Deno.readDir(request.folder))).map(({ name }) => name);
    deepEqual(names.filter((name) => name.startsWith(".")), []);
    equal(await Deno.readTextFile(join(request.folder, "results", "model.json")), "weights\n");
  },
);

test("who comes back hears the rest, and gets the results", LEARNS, async (scene) => {
  const { request, jobId, identity } = scene;
  const before = await recordsOf(request).find(jobId);
  ok(before !== undefined && before.heard.sequence >= 3);
  equal(before.standing, "running");
  equal(before.output_folder, join(request.folder, "results"));
  await scene.worker.letGo();
  const result = await followJob(scene.follow, scene.options);
  deepEqual(scene.lines, ["two"]);
  deepEqual([result.epochs, result.firstLoss, result.lastLoss], [2, 0.5, 0.25]);
  equal(await Deno.readTextFile(join(result.folder, "model.json")), "weights\n");
  equal((await recordsOf(request).find(jobId))?.standing, "done");

  const twice = await failureOf(followJob(scene.follow, scene.options));
  equal(twice.kind, "no_place");
  match(
    twice.message,
    /^job-\w+ is done, and its results may be home already: .*something in it; choose another `--output`$/,
  );

  // Again, after all was heard: everything is told from the start, and it does not hang.
  scene.events.length = 0;
  const outputFolder = join(request.folder, "again");
  await followJob({ ...scene.follow, outputFolder }, scene.options);
  deepEqual(scene.lines, ["one", "up", "two"]);

  const copy = join(request.folder, "copy");
  const { files } = await fetchResults(jobId, copy, scene.forgetful(identity));
  deepEqual(files.map(({ path }) => path), ["model.json", "training_log.csv"]);
});

test("an installation that has forgotten the job finds it in the room", LEARNS, async (scene) => {
  await scene.worker.letGo();
  const result = await followJob(scene.follow, scene.forgetful());
  equal(result.epochs, 2);
  match(result.worker, /^gpu-/);
});

test("a job of another room is not looked for in this one", LEARNS, async (scene) => {
  const records = recordsOf(scene.request);
  const known = await records.find(scene.jobId);
  ok(known !== undefined);
  records.save({ ...known, room_id: roomOf("elsewhere1") });
  const { kind, message } = await failureOf(endJob(scene.jobId, "cancel", scene.options));
  equal(kind, "no_worker");
  match(message, /Expected the room elsewhere1, where job-/);
  equal(scene.worker.status, "busy");
});

test("a stranger can do nothing with the job", LEARNS, async (scene) => {
  const stranger = scene.forgetful(temporaryIdentity());
  for (
    const attempt of [
      () => followJob(scene.follow, stranger),
      () => endJob(scene.jobId, "cancel", stranger),
      () => fetchResults(scene.jobId, join(scene.request.folder, "theirs"), stranger),
    ]
  ) {
    const { kind, message } = await failureOf(attempt());
    equal(kind, "job_refused");
    match(message, /no (such job|results of such a job) of this client/);
  }
  equal(scene.worker.status, "busy");
});

test("a lost link is made again, and no word is lost", LEARNS, async (scene) => {
  const { worker, events } = scene;
  const options = scene.options;
  const following = followJob({ ...scene.follow, isFromStart: true, reattachMs: 30_000 }, {
    ...options,
    watch: (event) => {
      options.watch(event);
      if (isUp(event)) worker.cutOff();
      if (event.type === "linked" && events.some(({ type }) => type === "worker_lost")) {
        void worker.letGo();
      }
    },
  });
  const result = await following;
  equal(events.filter(({ type }) => type === "worker_lost").length, 1);
  deepEqual(scene.lines, ["one", "up", "two"]);
  equal(result.epochs, 2);
});

test(
  "a worker that does not come back is given up in time; the job goes on",
  LEARNS,
  async (scene) => {
    const options = scene.options;
    const following = followJob({ ...scene.follow, isFromStart: true, reattachMs: 1 }, {
      ...options,
      watch: (event) => {
        if (isUp(event)) void scene.worker.leave();
      },
    });
    equal((await failureOf(following)).kind, "worker_lost");
    equal((await recordsOf(scene.request).find(scene.jobId))?.standing, "running");
  },
);

test("a cancel frees the worker, and whoever follows hears of it", LEARNS, async (scene) => {
  const { jobId, worker } = scene;
  const following = failureOf(followJob(scene.follow, scene.options));
  await until("a follower", () => scene.events.some(({ type }) => type === "linked"));
  const { ending } = await endJob(jobId, "cancel", scene.options);
  deepEqual(ending, { type: "cancelled" });
  equal((await recordsOf(scene.request).find(jobId))?.standing, "cancelled");
  equal((await following).kind, "job_cancelled");
  await until("a free worker", () => worker.status === "available");
  const again = await failureOf(endJob(jobId, "cancel", scene.options));
  match(again.message, /The job was cancelled already/);
  const late = await failureOf(fetchResults(jobId, join(scene.request.folder, "x"), scene.options));
  match(late.message, /The job was cancelled already, and has no results/);
});

test(
  "a stop keeps what was learnt",
  `echo best > output/best.ckpt; trap 'exit 1' INT; echo up; while :; do sleep 0.02; done`,
  async (scene) => {
    const { ending } = await endJob(scene.jobId, "stop", scene.options);
    deepEqual(ending, { type: "done", isStoppedEarly: true, epochs: 0 });
    equal((await recordsOf(scene.request).find(scene.jobId))?.standing, "done");
    const result = await followJob(scene.follow, scene.options);
    equal(result.isStoppedEarly, true);
    deepEqual(result.files.map(({ path }) => path), ["best.ckpt"]);
  },
);
