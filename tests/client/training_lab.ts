/** A room with real workers in this process, over werift, for tests of whoever trains in it. */

import { join } from "node:path";
import { SILENT_LOG } from "../../lib/base/log.ts";
import type { SubmissionEvent } from "../../lib/client/event.ts";
import type { TrainingResult } from "../../lib/client/following.ts";
import type { AttendanceOptions } from "../../lib/client/job_attendance.ts";
import { JobRecords } from "../../lib/client/job_records.ts";
import { submitTraining, type TrainingRequest } from "../../lib/client/submission.ts";
import type { JobSpec } from "../../lib/protocol/job_spec.ts";
import { selectBackend } from "../../lib/rtc/backend.ts";
import type { PeerLink } from "../../lib/rtc/peer_link.ts";
import { loadAutomerge } from "../../lib/runtime/automerge_module.ts";
import { systemClock } from "../../lib/runtime/clock.ts";
import { type PeerIdentity, temporaryIdentity } from "../../lib/runtime/credentials.ts";
import { JobDesk } from "../../lib/runtime/job_desk.ts";
import { MeshPeer } from "../../lib/runtime/mesh_peer.ts";
import { MountTable } from "../../lib/runtime/mount_table.ts";
import { selfCommand } from "../../lib/runtime/self_command.ts";
import { until } from "../runtime/condition.ts";
import { SignalingLab } from "../runtime/signaling_lab.ts";

/** A worker of the lab. */
export class TrainingWorker {
  readonly folder: string;
  readonly statuses: string[] = [];
  readonly desk: JobDesk;
  readonly peer: MeshPeer;
  /** What is done when a client asks for the start of its job, in place of hearing it. */
  onStart: ((hear: () => void) => void) | undefined;
  readonly #links = new Set<PeerLink>();
  #registered = false;
  #left: Promise<void> | undefined;

  private constructor(folder: string, parts: LabParts) {
    const { signaling, backend } = parts;
    const identity = temporaryIdentity();
    const runners = ["sleap-nn", "demo"] as const;
    this.folder = folder;
    this.desk = new JobDesk({
      folder,
      mounts: parts.mounts,
      executables: { sleapNn: join(folder, "sleap-nn"), self: selfCommand() },
      runners,
      clock: systemClock,
      log: SILENT_LOG,
      objectionTo: (client, jobId) => this.peer.objectionTo(client, jobId),
      status: (status, currentJob) => {
        this.statuses.push(status);
        this.peer.tell(status, currentJob);
      },
    });
    this.peer = new MeshPeer(backend, {
      room: signaling.room,
      identity,
      peerId: identity.peerIdOf("gpu"),
      incarnation: 1,
      metadata: { tags: [], properties: { gpu_memory_mb: 8_000, runners: [...runners] } },
      iceServers: [],
      log: SILENT_LOG,
      handlers: {
        registered: () => this.#registered = true,
        failed: () => {},
        clientCame: (client, link) => {
          this.#links.add(link);
          this.desk.welcome(client, link);
        },
        clientSaid: (client, message) => {
          const hear = () => this.desk.hear(client, message);
          if (message.type === "job_start" && this.onStart !== undefined) this.onStart(hear);
          else hear();
        },
        clientSent: (client, index, offset, bytes) => this.desk.data(client, index, offset, bytes),
        clientLeft: (client, link) => {
          this.#links.delete(link);
          this.desk.leave(client, link);
        },
      },
    });
  }

  /** A worker in its room, whose sleap-nn is the shell script `script`; `mount` is its mount `lab`. */
  static async start(
    folder: string,
    script: string,
    signaling: SignalingLab,
    mount?: string,
  ): Promise<TrainingWorker> {
    await Deno.mkdir(folder, { recursive: true });
    await Deno.writeTextFile(join(folder, "sleap-nn"), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
    await loadAutomerge();
    const backend = await selectBackend("werift", SILENT_LOG);
    const mounts = await MountTable.open(
      mount === undefined ? [] : [{ label: "lab", path: mount }],
    );
    const worker = new TrainingWorker(folder, { signaling, backend, mounts });
    await until("a worker in its room", () => worker.#registered);
    return worker;
  }

  /** What it does now. */
  get status(): string {
    return this.statuses.at(-1) ?? "available";
  }

  /** Cuts every client off; each may come again. */
  cutOff(): void {
    for (const link of this.#links) link.close("The network is gone");
  }

  /** Lets the scripts that wait for it go on. */
  async letGo(): Promise<void> {
    const jobs = join(this.folder, "jobs");
    for await (const { name } of Deno.readDir(jobs)) {
      await Deno.writeTextFile(join(jobs, name, "go"), "");
    }
  }

  /** Leaves the room, whatever it does. Twice does nothing. */
  leave(): Promise<void> {
    return this.#left ??= this.peer.leave();
  }

  /** Leaves in order. */
  async stop(): Promise<void> {
    await this.desk.stop();
    await this.leave();
  }
}

interface LabParts {
  readonly signaling: SignalingLab;
  readonly backend: Awaited<ReturnType<typeof selectBackend>>;
  readonly mounts: MountTable;
}

/** One submission. */
export interface LabRequest {
  readonly folder: string;
  readonly packagePath: string;
  readonly others?: TrainingRequest["others"];
  /** The client's own mounts; none where left out. */
  readonly mounts?: MountTable;
  readonly spec: JobSpec;
  readonly signal?: AbortSignal;
  readonly watch?: (event: SubmissionEvent) => void;
  /** Whose installation asks; a new one's where left out. */
  readonly identity?: PeerIdentity;
  /** 0 where left out. */
  readonly reattachMs?: number;
  /** Whether the package is sent even if the worker has it; not where left out. */
  readonly isFresh?: boolean;
  /** Whether the job waits where no worker is free; not where left out. */
  readonly mayWait?: boolean;
}

/** Where the records of {@linkcode submit} are. */
export function recordsOf({ folder }: Pick<LabRequest, "folder">): JobRecords {
  return new JobRecords(join(folder, "worker", "records"));
}

/** Submits a training to the lab; its results are to stand in `folder`/results. */
export function submit(signaling: SignalingLab, request: LabRequest): Promise<TrainingResult> {
  const { folder, packagePath, others = [], spec, signal = new AbortController().signal } = request;
  const { identity = temporaryIdentity(), reattachMs = 0, isFresh = false } = request;
  const { mounts = MountTable.none, mayWait = false } = request;
  const outputFolder = join(folder, "results");
  const where = { outputFolder, reattachMs, isFresh, mayWait };
  return submitTraining({ packagePath, others, mounts, spec, ...where }, {
    room: signaling.room,
    identity,
    rtc: "werift",
    iceServers: [],
    records: recordsOf(request),
    log: SILENT_LOG,
    signal,
    watch: (event) => request.watch?.(event),
  });
}

/** What commands that come back to a job of {@linkcode submit} are given. */
export function attendanceOf(
  signaling: SignalingLab,
  request: LabRequest,
  identity: PeerIdentity,
): AttendanceOptions {
  return {
    room: signaling.room,
    identity,
    rtc: "werift",
    iceServers: [],
    records: recordsOf(request),
    log: SILENT_LOG,
    signal: request.signal ?? new AbortController().signal,
    watch: (event) => request.watch?.(event),
  };
}
