/**
 * Jobs that not every worker of a room can run, and that wait for one that can: a real server, werift
 * links and real processes. sleap-nn is a script here that waits until it is let go.
 */

import { deepEqual, equal, ok } from "node:assert/strict";
import { join } from "node:path";
import type { SubmissionEvent } from "../../lib/client/event.ts";
import { FilesMissing } from "../../lib/client/refusal.ts";
import type { JobSpec } from "../../lib/protocol/job_spec.ts";
import { SAMPLE_CONFIG } from "../job/sample_config.ts";
import { until, withFolder } from "../runtime/condition.ts";
import { writeOutsideLabels } from "../runtime/outside_labels.ts";
import { SignalingLab } from "../runtime/signaling_lab.ts";
import { submit, TrainingWorker } from "./training_lab.ts";

/** werift's own timers and address look-ups outlive its links by up to a second (TRAPS). */
const WITH_WERIFT = { sanitizeOps: false, sanitizeResources: false };
const WAITS = "while [ ! -e go ]; do sleep 0.02; done; echo weights > output/model.json";
const VIDEO = "/home/ann/fly/clip.mp4";
const SPEC: JobSpec = {
  kind: "train",
  runner: "sleap-nn",
  package: "labels.slp",
  run_name: "fly",
  config_content: SAMPLE_CONFIG,
};

interface Scene {
  readonly signaling: SignalingLab;
  readonly folder: string;
  /** Is busy until it is let go; `lab` is mounted there. */
  readonly busy: TrainingWorker;
  readonly mount: string;
  /** The labels of the second job, whose video is not in them. */
  readonly packagePath: string;
  /** Lets a worker join that is free, with `lab` mounted or without mounts. */
  join(mount?: string): Promise<TrainingWorker>;
}

function test(what: string, body: (scene: Scene) => Promise<void>): void {
  Deno.test({
    name: `a job that waits: ${what}`,
    ignore: Deno.build.os === "windows",
    ...WITH_WERIFT,
    fn: () =>
      SignalingLab.with((signaling) =>
        withFolder(async (given) => {
          const folder = await Deno.realPath(given);
          const mount = join(folder, "mount");
          await Deno.mkdir(mount);
          const busy = await TrainingWorker.start(join(folder, "busy"), WAITS, signaling, mount);
          const joined: TrainingWorker[] = [];
          const enter = async (its?: string) => {
            const place = join(folder, `free${joined.length}`);
            const free = await TrainingWorker.start(place, WAITS, signaling, its);
            joined.push(free);
            return free;
          };
          try {
            const first = submit(signaling, await requestOf(join(folder, "first"), []))
              .then(() => "trained", String);
            await until("a busy worker", () => busy.status === "busy");
            const { packagePath } = await requestOf(join(folder, "second"), [VIDEO]);
            await body({ signaling, folder, busy, mount, packagePath, join: enter });
            await busy.letGo();
            equal(await first, "trained");
          } finally {
            for (const worker of [busy, ...joined]) await worker.stop();
          }
        })
      ),
  });
}

async function requestOf(folder: string, videos: readonly string[]) {
  await Deno.mkdir(folder);
  const packagePath = join(folder, SPEC.package);
  if (videos.length === 0) await Deno.writeTextFile(packagePath, "frames");
  else await writeOutsideLabels(packagePath, videos);
  return { folder, packagePath, spec: SPEC };
}

interface WaitingJob {
  readonly events: readonly SubmissionEvent[];
  /** How it ended, once it has. */
  ended(): string | undefined;
}

/** Submits the second job, and sees that it waits. */
async function waits({ signaling, folder, mount, packagePath }: Scene): Promise<WaitingJob> {
  await Deno.mkdir(join(mount, "fly"));
  await Deno.writeTextFile(join(mount, "fly", "clip.mp4"), "frames");
  const events: SubmissionEvent[] = [];
  let end: string | undefined;
  submit(signaling, {
    folder: join(folder, "second"),
    packagePath,
    spec: { ...SPEC, videos: [VIDEO] },
    mayWait: true,
    watch: (event) => events.push(event),
  }).then(() => end = "trained", (error) => end = String(error));
  const isWaiting = () => events.some(({ type }) => type === "waiting");
  await until("a job that waits", () => isWaiting() || end !== undefined);
  equal(end, undefined);
  return { events, ended: () => end };
}

/** Sees to it that the second job waits, and is trained by the busy worker in the end. */
async function waitsAndRuns(
  scene: Scene,
  meanwhile: (events: readonly SubmissionEvent[]) => Promise<void>,
): Promise<void> {
  const { busy } = scene;
  const { events, ended } = await waits(scene);
  await meanwhile(events);
  while (ended() === undefined) {
    await busy.letGo();
    await until("the next job", () => ended() !== undefined || busy.status === "busy");
  }
  equal(ended(), "trained");
  equal(busy.statuses.filter((status) => status === "busy").length, 2);
}

test("the free worker does not find the video, and the busy one does", async (scene) => {
  await scene.join();
  await waitsAndRuns(scene, () => Promise.resolve());
});

test("it names who would run it, and yet asks whoever comes later", async (scene) => {
  await scene.join();
  const { events, ended } = await waits(scene);
  const later = await scene.join(scene.mount);
  await until(
    "the job at the one that came",
    () => later.status === "busy" || ended() !== undefined,
  );
  await later.letGo();
  await until("its end", () => ended() !== undefined);
  equal(ended(), "trained");
  equal(events.filter(({ type }) => type === "waiting").length > 0, true);
  equal(scene.busy.statuses.filter((status) => status === "busy").length, 1);
});

test("a worker that comes meanwhile and does not find the video is not the end of it", (scene) =>
  waitsAndRuns(scene, async (events) => {
    await scene.join();
    const isTurn = (event: SubmissionEvent) =>
      event.type === "waiting" && event.outlook.turnAt !== undefined;
    await until("a turn at the free one", () => events.some(isTurn));
  }));

test("nobody finds the video, the busy one neither: it waits for nothing", async (scene) => {
  const { signaling, folder, packagePath } = scene;
  await scene.join();
  const events: SubmissionEvent[] = [];
  const error = await submit(signaling, {
    folder: join(folder, "second"),
    packagePath,
    spec: { ...SPEC, videos: [VIDEO] },
    mayWait: true,
    watch: (event) => events.push(event),
  }).catch((failure) => failure);
  ok(error instanceof FilesMissing, String(error));
  equal(error.lists.length, 2);
  deepEqual(events.filter(({ type }) => type === "waiting"), []);
});
