/** A worker: joins its room, takes part in the mesh and runs jobs, until it is asked to stop. */

import type { PeerId, RoomId } from "../base/id.ts";
import type { Log } from "../base/log.ts";
import { formatDuration } from "../base/time.ts";
import type { Executables } from "../job/runner.ts";
import { freeProperties, isNewsOfFreedom, type ToldFreedom } from "../protocol/free_time.ts";
import type { JobSpec } from "../protocol/job_spec.ts";
import type { PathMap } from "../protocol/mount.ts";
import { SOFTWARE_VERSION } from "../protocol/version.ts";
import type { CurrentJob, Metadata, WorkerStatus } from "../protocol/worker.ts";
import { selectBackend } from "../rtc/backend.ts";
import { guardAgainstStrayFailures } from "../rtc/guard.ts";
import type { BackendName, IceServer } from "../rtc/link.ts";
import { loadAutomerge } from "./automerge_module.ts";
import { systemClock } from "./clock.ts";
import type { RoomAccess, RtcChoice } from "./config.ts";
import type { PeerIdentity } from "./credentials.ts";
import { type GpuNews, gpuProperties } from "./gpu/bulletin.ts";
import { type GpuSlot, GpuWatch } from "./gpu/gpu_watch.ts";
import { JobDesk } from "./job_desk.ts";
import { JobGpu } from "./job_gpu.ts";
import { MACHINE, machineMark } from "./machine_mark.ts";
import { MaintenanceNote } from "./maintenance_note.ts";
import { MeshPeer } from "./mesh_peer.ts";
import type { MountTable } from "./mount_table.ts";
import { selfCommand } from "./self_command.ts";
import { holdWorkerFolder } from "./worker_folder.ts";

/** What a worker is told at its start. */
export interface WorkerOptions {
  readonly room: RoomAccess;
  readonly identity: PeerIdentity;
  readonly rtc: RtcChoice;
  /** What people call it; its peer id is this and the key's digest. */
  readonly name: string;
  /** What it keeps across its lives: one worker at a time. */
  readonly folder: string;
  /** GPU memory in MB; 0 where there is no GPU. */
  readonly gpuMemoryMb: number;
  readonly gpuModel: string | undefined;
  /** The one GPU that jobs use; undefined where there is none, or none that may be asked. */
  readonly gpuSlot: GpuSlot | undefined;
  readonly tags: readonly string[];
  /** The trainers of this machine, by absolute path. */
  readonly executables: Omit<Executables, "self">;
  readonly runners: readonly JobSpec["runner"][];
  /** The version of sleap-nn, where it can be told. */
  readonly sleapNnVersion: string | undefined;
  /** The folders that jobs may read from. */
  readonly mounts: MountTable;
  /** Prefixes of paths in labels, and what stands there on this worker. */
  readonly maps: readonly PathMap[];
  readonly iceServers: readonly IceServer[];
  /** Called once, when the worker is in its room. */
  readonly ready: (facts: WorkerReady) => void;
  readonly log: Log;
  /** Bytes of inputs that are kept so that they need not be sent again; 20 GB where left out. */
  readonly cacheBytesMax?: number;
  /** Bytes that the inputs of one job may have; as many as the disk takes where left out. */
  readonly inputsBytesMax?: number | undefined;
  /** What becomes of a running job when the worker is to leave. */
  readonly leaving: Leaving;
  /** Aborted, the worker leaves in order: it takes no more jobs, and does with the one it has as `leaving` says. */
  readonly signal: AbortSignal;
  /** Aborted, the worker waits no longer: what still runs is ended, and its client hears it. */
  readonly insistence: AbortSignal;
}

/**
 * What becomes of a running job when its worker is to leave: it may go on for so long, and is ended
 * then (`Infinity`: it comes to its own end), or it is left to the worker's next life.
 */
export type Leaving =
  | { readonly job: "ends"; readonly drainMs: number }
  | { readonly job: "stays" };

/** A worker that is in its room. */
export interface WorkerReady {
  readonly peer_id: PeerId;
  readonly room_id: RoomId;
  readonly rtc: BackendName;
}

/**
 * Runs a worker until `signal` is aborted.
 *
 * @throws {Failure} Where the server does not let it into the room.
 * @throws {Error} Where its folder is held, or no WebRTC backend loads.
 */
export async function runWorker(options: WorkerOptions): Promise<void> {
  const { room, identity, log, signal } = options;
  using folder = await holdWorkerFolder(options.folder, systemClock.wallMs());
  await loadAutomerge();
  using _guard = guardAgainstStrayFailures(log);
  const backend = await selectBackend(options.rtc, log);
  const peerId = identity.peerIdOf(options.name);
  const over = Promise.withResolvers<void>();
  /** What the worker does, as the room is told; kept until there is somebody to tell. */
  let doing: Doing = { status: "available", currentJob: null };
  let tellRoom = (_doing: Doing) => {};
  /** What it is, as the room is told: kept until there is somebody to tell. */
  let news: WorkerNews = { gpu: undefined, freedom: { freeAtMs: undefined, atMs: -Infinity } };
  let describe = () => {};
  const desk = new JobDesk({
    folder: options.folder,
    ...(options.cacheBytesMax === undefined ? {} : { cacheBytesMax: options.cacheBytesMax }),
    inputsBytesMax: options.inputsBytesMax,
    executables: {
      ...options.executables,
      ...(options.gpuSlot === undefined ? {} : { gpuUuid: options.gpuSlot.gpu.uuid }),
      self: selfCommand(),
    },
    runners: options.runners,
    sleapNnVersion: options.sleapNnVersion,
    mounts: options.mounts,
    maps: options.maps,
    clock: systemClock,
    log,
    gpu: options.gpuSlot === undefined ? undefined : new JobGpu(options.gpuSlot, {
      clock: systemClock,
      fault: () => gpuWatch?.fault ?? null,
    }),
    objectionTo: (client, jobId) => peer.objectionTo(client, jobId),
    status: (status, currentJob) => {
      doing = { status, currentJob };
      tellRoom(doing);
    },
    expect: (freeAt) => {
      const { now, wallMs } = systemClock;
      const freeAtMs = freeAt === undefined ? undefined : wallMs() + freeAt - now();
      if (!isNewsOfFreedom(news.freedom, freeAtMs, wallMs())) return;
      news = { ...news, freedom: { freeAtMs, atMs: wallMs() } };
      describe();
    },
  });
  // Before the room sees us: nobody may be given a slot that a job of an earlier life holds.
  await desk.takeUp();
  await using gpuWatch: GpuWatch | undefined = options.gpuSlot === undefined
    ? undefined
    : await GpuWatch.begin(
      options.gpuSlot,
      {
        clock: systemClock,
        log,
        own: () => [Deno.pid, ...desk.pids],
        isBusy: () => doing.currentJob !== null,
        tell: (gpu) => {
          news = { ...news, gpu };
          describe();
        },
      },
    );
  news = { ...news, gpu: gpuWatch?.first };
  const peer: MeshPeer = new MeshPeer(backend, {
    room,
    identity,
    peerId,
    incarnation: folder.incarnation,
    metadata: metadataOf(options, backend.name, news),
    iceServers: options.iceServers,
    log,
    doing,
    handlers: {
      registered: () => options.ready({ peer_id: peerId, room_id: room.roomId, rtc: backend.name }),
      // A running job and its client need no server: they come to their end first.
      failed: (failure) => desk.drain(NOTICES.refused).then(() => over.reject(failure)),
      clientCame: (client, link) => desk.welcome(client, link),
      clientSaid: (client, message) => desk.hear(client, message),
      clientSent: (client, index, offset, bytes) => desk.data(client, index, offset, bytes),
      clientLeft: (client, link) => desk.leave(client, link),
    },
  });
  describe = () => peer.describe(metadataOf(options, backend.name, news));
  tellRoom = ({ status, currentJob }) => peer.tell(status, currentJob);
  const left = new AbortController();
  const watching = new MaintenanceNote(options.folder).watch(left.signal, (reason) => {
    log.write("info", reason ?? "The worker takes jobs again", { event: "maintenance" });
    desk.maintain(reason);
  });
  const { leaving, insistence } = options;
  const stop = () => {
    log.write("info", "The worker is to leave", { job: leaving.job });
    const limitMs = leaving.job === "ends" ? leaving.drainMs : 0;
    const ended = AbortSignal.any([left.signal, insistence]);
    drainFor(limitMs, desk, ended, noticeOf(leaving)).then(over.resolve, over.reject);
  };
  signal.addEventListener("abort", stop, { once: true });
  if (signal.aborted) stop();
  try {
    await over.promise;
  } finally {
    signal.removeEventListener("abort", stop);
    left.abort();
    await watching;
    // First the job, so that its client hears how it ended.
    const stays = leaving.job === "stays" && !insistence.aborted;
    await desk.stop(stays ? "leave_job" : "end_job");
    await peer.leave();
  }
}

/** What changes of a worker's description. */
interface WorkerNews {
  readonly gpu: GpuNews | undefined;
  /** When the running job is expected to be over. */
  readonly freedom: ToldFreedom;
}

interface Doing {
  readonly status: WorkerStatus;
  readonly currentJob: CurrentJob | null;
}

/** What those who follow a job are told when its worker is to leave. */
const NOTICES = {
  refused: "The server lets the worker into its room no more: this job comes to its end first",
  ends: "The worker is to stop: this job comes to its end first",
  stays: "The worker stops and leaves this job running; follow it again when the worker is back",
};

function noticeOf(leaving: Leaving): string {
  if (leaving.job === "stays") return NOTICES.stays;
  if (leaving.drainMs === Infinity) return NOTICES.ends;
  return `The worker is to stop: this job may go on for ${formatDuration(leaving.drainMs)}, ` +
    "and is ended then";
}

/** Waits for the running job and for its clients, but no longer than `limitMs`. */
async function drainFor(
  limitMs: number,
  desk: JobDesk,
  ended: AbortSignal,
  notice: string,
): Promise<void> {
  const late = Promise.withResolvers<void>();
  const timer = limitMs === Infinity ? undefined : setTimeout(late.resolve, limitMs);
  ended.addEventListener("abort", () => late.resolve(), { once: true });
  if (ended.aborted) late.resolve();
  try {
    await Promise.race([desk.drain(notice), late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

function metadataOf(
  options: WorkerOptions,
  rtc: BackendName,
  { gpu: gpuNews, freedom: { freeAtMs } }: WorkerNews,
): Metadata {
  const { name, gpuMemoryMb, gpuModel, gpuSlot, tags, runners, mounts, sleapNnVersion } = options;
  const isSeen = gpuSlot !== undefined && gpuNews !== undefined;
  return {
    tags: [...new Set(["sleap-rtc", "training-worker", ...tags])],
    properties: {
      worker_name: name,
      hostname: Deno.hostname(),
      [MACHINE]: machineMark(options.room.roomId),
      gpu_memory_mb: gpuMemoryMb,
      gpu_model: gpuModel ?? "none",
      ...(isSeen ? gpuProperties(gpuSlot.gpu, gpuNews) : {}),
      ...freeProperties(freeAtMs),
      sleap_rtc_version: SOFTWARE_VERSION,
      supported_job_types: ["training", "inference"],
      runners: [...runners],
      ...(sleapNnVersion === undefined ? {} : { sleap_nn_version: sleapNnVersion }),
      ...(mounts.labels.length === 0 ? {} : { mounts: mounts.labels }),
      rtc,
    },
  };
}
