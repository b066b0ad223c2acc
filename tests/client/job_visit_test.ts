/** A visit at a worker that takes its time, with timers that go off when they are told to. */

import { deepEqual, equal, rejects } from "node:assert/strict";
import { join } from "node:path";
import { SILENT_LOG } from "../../lib/base/log.ts";
import { JobVisit } from "../../lib/client/job_visit.ts";
import { ResultFolder } from "../../lib/client/result_folder.ts";
import { Session } from "../../lib/client/session.ts";
import { TrainingRecord } from "../../lib/client/training_record.ts";
import { isClientMessage } from "../../lib/protocol/link_message.ts";
import type { HelloSelf } from "../../lib/rtc/hello.ts";
import type { LinkBackend } from "../../lib/rtc/link.ts";
import { temporaryIdentity } from "../../lib/runtime/credentials.ts";
import { describeFolder } from "../../lib/runtime/file_digest.ts";
import { FileSender } from "../../lib/runtime/file_sender.ts";
import { jobOf } from "../mesh/queued.ts";
import { selfOf } from "../rtc/hello_self.ts";
import { ManualTimers } from "../rtc/manual_timers.ts";
import { MemoryBackend } from "../rtc/memory_backend.ts";
import { until, withFolder } from "../runtime/condition.ts";
import { LinkEnd } from "../runtime/linked_peers.ts";
import { SignalingLab } from "../runtime/signaling_lab.ts";

const JOB = jobOf("offered1");
/** For a worker to offer results: as long as it may digest what a failed job left. */
const OFFER_MS = 300_000;

/** Links in memory at whose other end a worker is that does nothing by itself. */
class WorkerBackend implements LinkBackend {
  readonly name = "native";
  readonly #memory = new MemoryBackend();
  readonly #self: HelloSelf;
  #worker: LinkEnd | undefined;

  constructor(self: HelloSelf) {
    this.#self = self;
  }

  /** The worker's end of the last link. */
  get worker(): LinkEnd {
    if (this.#worker === undefined) throw new Error("Expected a link to the worker, got none");
    return this.#worker;
  }

  create(options: Parameters<LinkBackend["create"]>[0]): ReturnType<LinkBackend["create"]> {
    const link = this.#memory.create(options);
    this.#worker = new LinkEnd(this.#memory, this.#self, options.id);
    return link;
  }

  dispose(): Promise<void> {
    return this.#memory.dispose();
  }
}

/** A visit whose worker has just been asked for the results. */
interface Scene {
  readonly folder: string;
  readonly results: ResultFolder;
  readonly worker: LinkEnd;
  readonly timers: ManualTimers;
  readonly download: ReturnType<JobVisit["download"]>;
}

function test(what: string, body: (scene: Scene) => Promise<void>): void {
  Deno.test(`job visit: ${what}`, () =>
    SignalingLab.with(({ room }) =>
      withFolder(async (folder) => {
        const { signal } = new AbortController();
        const options = { room, identity: temporaryIdentity(), iceServers: [], signal };
        const session = await Session.open({ ...options, log: SILENT_LOG });
        const self = { ...selfOf("gpu", "b"), roomId: room.roomId };
        const backend = new WorkerBackend(self);
        const timers = new ManualTimers();
        const visit = await JobVisit.open(self.peerId, JOB, {
          session,
          backend,
          options: { ...options, watch: () => {} },
          record: new TrainingRecord(),
          timers,
        });
        try {
          const results = await ResultFolder.prepare(join(folder, "results"), JOB);
          const { worker } = backend;
          const download = visit.download(results);
          await until("the question", () => worker.types.includes("job_fetch"));
          await body({ folder, results, worker, timers, download });
        } finally {
          await visit.close();
          await session.close();
        }
      })
    ));
}

test("results are brought home whose worker digests them for almost five minutes", async (scene) => {
  const { folder, results, worker, timers, download } = scene;
  const from = join(folder, "output");
  await Deno.mkdir(from);
  await Deno.writeTextFile(join(from, "model.json"), "weights");
  const manifest = await describeFolder(from);
  timers.elapse(OFFER_MS - 1);
  const sender = new FileSender(worker.link, {
    jobId: JOB,
    purpose: "results",
    manifest,
    pathOf: () => join(from, "model.json"),
  });
  worker.onMessage = (message) => {
    if (isClientMessage(message) && "purpose" in message) sender.receive(message);
  };
  deepEqual(await download, manifest.files);
  deepEqual(await describeFolder(results.path), manifest);
  equal(timers.pending.size, 0);
});

test("a worker that never offers results is given up in the end, and that is said", async (scene) => {
  const { results, timers, download } = scene;
  timers.elapse(OFFER_MS);
  await rejects(download, {
    name: "Failure",
    kind: "worker_lost",
    message: "Expected the worker to offer the results within 300000 ms, got nothing",
  });
  await rejects(Deno.stat(results.path), Deno.errors.NotFound);
  equal(timers.pending.size, 0);
});
