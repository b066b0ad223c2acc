/**
 * The demo's seven steps with real parts. Knows what must hold at each, and throws where it does not;
 * what it starts it ends.
 */

import { join } from "node:path";
import { SILENT_LOG } from "../../lib/base/log.ts";
import { count, formatBytes, formatLoss, formatMemory } from "../../lib/cli/amount.ts";
import type { Io } from "../../lib/cli/io.ts";
import { workerLines } from "../../lib/cli/worker_table.ts";
import { discoverWorkers } from "../../lib/client/discovery.ts";
import type { TrainingResult } from "../../lib/client/following.ts";
import type { Discovery } from "../../lib/client/session.ts";
import { systemClock } from "../../lib/runtime/clock.ts";
import { digestFile } from "../../lib/runtime/file_digest.ts";
import { Lab, type LabWorker } from "../lab/lab.ts";
import { DemoTraining } from "./demo_training.ts";
import { Narrator } from "./narrator.ts";
import type { DemoReport } from "./report.ts";
import type { DemoRequest } from "./request.ts";

const WORKERS = [
  { name: "gpu-24gb", gpuMemoryMb: 24_000 },
  { name: "gpu-16gb", gpuMemoryMb: 16_000 },
  { name: "gpu-8gb", gpuMemoryMb: 8_000 },
] as const;
const MESH_MS_MAX = 60_000;
const LISTED_MS_MAX = 10_000;
const REELECTION_MS_MAX = 20_000;
const STEPS = 7;

/** One showing of the demo. */
export class Demonstration {
  readonly #request: DemoRequest;
  readonly #folder: string;
  readonly #io: Io;
  readonly #narrator: Narrator;
  readonly #signal: AbortSignal;

  /** @param folder An empty folder for everything but the results. */
  constructor(request: DemoRequest, folder: string, io: Io) {
    this.#request = request;
    this.#folder = folder;
    // With --json, standard output has nothing but the report.
    this.#io = request.json
      ? { ...io, out: io.err, draw: () => {}, isTerminal: false, isColored: false }
      : io;
    this.#narrator = new Narrator(this.#io, systemClock, STEPS);
    this.#signal = io.interruption();
  }

  /**
   * Goes through all steps.
   *
   * @throws {Error} Where something does not hold.
   * @throws The signal's reason, where it was aborted.
   */
  async run(): Promise<DemoReport> {
    this.#narrator.step("A signaling server and a room");
    const lab = await Lab.open(this.#folder, this.#request.rtc);
    try {
      const { server, roomId } = lab.room;
      this.#narrator.held(`Server at ${server}, room ${roomId}; its secret never leaves the peers`);
      const report = await this.#play(lab);
      this.#narrator.say("");
      this.#narrator.held(`All held, in ${this.#narrator.elapsed}: ${summaryOf(report)}`);
      return report;
    } finally {
      await lab.close();
    }
  }

  async #play(lab: Lab): Promise<DemoReport> {
    const { workers, mesh_ms } = await this.#formMesh(lab);
    const discovery_ms = await this.#showDiscovery(lab, workers);
    const { result, rtc } = await new DemoTraining(lab, {
      request: this.#request,
      folder: this.#folder,
      io: this.#io,
      narrator: this.#narrator,
      signal: this.#signal,
    }).show();
    const { jobId: id, worker, epochs, files } = result;
    const losses = lossesOf(result);
    await this.#checkResults(result);
    const reelection_ms = await this.#killAdmin(lab, workers);
    const job = { id, worker, epochs, ...losses, files };
    return { ok: true, mesh_ms, discovery_ms, job, reelection_ms, rtc };
  }

  async #formMesh(lab: Lab): Promise<{ workers: readonly LabWorker[]; mesh_ms: number }> {
    this.#narrator.step("Three workers, each a process of its own");
    const workers = await this.#unlessAborted(lab.addWorkers(WORKERS));
    const startedAt = systemClock.now();
    for (const [index, { peerId, program }] of workers.entries()) {
      const memory = formatMemory(WORKERS[index]?.gpuMemoryMb ?? 0);
      this.#narrator.say(`  process ${program.pid}: ${peerId}, says that its GPU has ${memory}`);
    }
    await this.#unlessAborted(lab.meshed(workers, MESH_MS_MAX));
    const mesh_ms = rounded(systemClock.now() - startedAt);
    const after = `${mesh_ms} ms after the last was in the room`;
    await lab.listed(workers, LISTED_MS_MAX, this.#signal);
    this.#narrator.held(
      `Full mesh: each worker is linked to the ${workers.length - 1} others, ${after}`,
    );
    return { workers, mesh_ms };
  }

  async #showDiscovery(lab: Lab, expected: readonly LabWorker[]): Promise<number> {
    this.#narrator.step("sleap-rtc discover");
    return await this.#discoverAll(lab, expected);
  }

  /** Shows what `sleap-rtc discover` shows, and wants exactly `expected` alive. */
  async #discoverAll(lab: Lab, expected: readonly LabWorker[]): Promise<number> {
    const discovery = await this.#discover(lab);
    for (const line of workerLines(discovery.list, discovery, this.#io)) this.#io.out(line);
    if (discovery.via !== "admin") throw new Error("Expected the admin to answer, got the server");
    const living = discovery.list.workers.filter((worker) => worker.alive);
    const missing = expected.filter(({ peerId }) => !living.some((w) => w.peer_id === peerId));
    if (missing.length > 0 || living.length !== expected.length) {
      throw new Error(`Expected ${count(expected.length, "living worker")}, got ${living.length}`);
    }
    return rounded(discovery.tookMs);
  }

  #discover({ room, identity }: Lab): Promise<Discovery> {
    return discoverWorkers(room, {}, { identity, log: SILENT_LOG, signal: this.#signal });
  }

  /** Reads the results again from the disk: what counts is what is there. */
  async #checkResults({ folder, files }: TrainingResult): Promise<void> {
    this.#narrator.step("The results are here, byte for byte");
    for (const { path, bytes, sha256 } of files) {
      const found = await digestFile(join(folder, path));
      if (found.sha256 !== sha256) {
        throw new Error(`Expected ${path} with SHA-256 ${sha256}, got ${found.sha256}`);
      }
      this.#narrator.say(`  ${path}  ${formatBytes(bytes)}  SHA-256 ${sha256.slice(0, 16)}…`);
    }
    this.#narrator.held(`Each file has the SHA-256 that the worker stated; they stay in ${folder}`);
  }

  async #killAdmin(lab: Lab, workers: readonly LabWorker[]): Promise<number> {
    const { admin_peer_id } = (await this.#discover(lab)).list;
    const admin = workers.find(({ peerId }) => peerId === admin_peer_id);
    if (admin === undefined) {
      throw new Error(`Expected an admin among the workers, got ${admin_peer_id ?? "none"}`);
    }
    this.#narrator.step("The admin dies, the others go on");
    this.#narrator.say(`  kill -9 ${admin.program.pid}, which is the admin ${admin.peerId}`);
    const others = workers.filter((worker) => worker !== admin);
    const killedAt = systemClock.now();
    const elections = others.map(({ program }) => newAdmin(program, admin));
    admin.program.signal("SIGKILL");
    const elected = await this.#unlessAborted(Promise.all(elections));
    const reelection_ms = rounded(systemClock.now() - killedAt);
    const [first, ...rest] = elected;
    if (first === undefined || rest.some((other) => other !== first)) {
      throw new Error(`Expected one new admin, got ${elected.join(" and ")}`);
    }
    const after = `${reelection_ms} ms after the kill`;
    this.#narrator.held(`The ${others.length} others agree on ${first}, ${after}`);
    this.#narrator.say("");
    this.#narrator.say("sleap-rtc discover");
    await this.#discoverAll(lab, others);
    return reelection_ms;
  }

  /** Waits for `promise`, but not beyond Ctrl-C. */
  async #unlessAborted<T>(promise: Promise<T>): Promise<T> {
    const signal = this.#signal;
    const aborted = Promise.withResolvers<never>();
    const abort = () => aborted.reject(signal.reason);
    signal.addEventListener("abort", abort, { once: true });
    try {
      if (signal.aborted) abort();
      return await Promise.race([promise, aborted.promise]);
    } finally {
      signal.removeEventListener("abort", abort);
    }
  }
}

/** Resolves with the admin that `program` follows next. */
async function newAdmin(program: LabWorker["program"], former: LabWorker): Promise<string> {
  const line = await program.line(
    ({ event, admin_peer_id }) => event === "admin_elected" && admin_peer_id !== former.peerId,
    "a new admin",
    REELECTION_MS_MAX,
    program.lines.length,
  );
  return String(line["admin_peer_id"]);
}

/** The first and the last loss. @throws {Error} Where nothing was learnt. */
function lossesOf({ firstLoss, lastLoss }: TrainingResult) {
  if (firstLoss === undefined || lastLoss === undefined) {
    throw new Error("Expected a loss of each epoch, got none");
  }
  if (lastLoss < firstLoss) return { first_loss: firstLoss, last_loss: lastLoss };
  throw new Error(`Expected the loss to fall, got ${firstLoss} at first and ${lastLoss} at last`);
}

function summaryOf({ mesh_ms, discovery_ms, reelection_ms, job, rtc }: DemoReport): string {
  const { epochs, first_loss, last_loss } = job;
  const losses = `loss ${formatLoss(first_loss)} → ${formatLoss(last_loss)}`;
  return [
    `mesh ${mesh_ms} ms`,
    `discovery ${discovery_ms} ms`,
    `${epochs} epochs with ${losses}`,
    `re-election ${reelection_ms} ms`,
    `links by ${rtc}`,
  ].join(", ");
}

function rounded(durationMs: number): number {
  return Math.round(durationMs * 10) / 10;
}
