/**
 * The main job from end to end on one machine, with real parts: a signaling server, a room, three
 * workers as processes of their own, a training, the admin killed. Exit status 0 only if all held.
 */

import { basename, join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { type Io, systemIo } from "../lib/cli/io.ts";
import { TrainingScreen } from "../lib/cli/training_screen.ts";
import { workerLines } from "../lib/cli/worker_table.ts";
import { discoverWorkers } from "../lib/client/discovery.ts";
import { submitTraining, type TrainingResult } from "../lib/client/submission.ts";
import { SILENT_LOG } from "../lib/base/log.ts";
import { decode } from "../lib/protocol/decode.ts";
import { jobSpecSchema } from "../lib/protocol/job_spec.ts";
import { type RtcChoice, rtcChoiceSchema } from "../lib/runtime/config.ts";
import { digestFile } from "../lib/runtime/file_digest.ts";
import { inspectPackage, writeSamplePackage } from "../lib/runtime/training_package.ts";
import { systemClock } from "../lib/runtime/clock.ts";
import type { BackendName } from "../lib/rtc/link.ts";
import type { DemoReport } from "./demo/report.ts";
import { Lab, type LabWorker } from "./lab/lab.ts";

const USAGE = `Usage: deno task demo [FILE.slp] [--rtc auto|native|werift] [--json]

Starts a signaling server and three workers on this machine, trains on FILE.slp (or on a package
that it makes itself), brings the results back, kills the admin, and shows that the rest go on.`;

const WORKERS = [
  { name: "gpu-24gb", gpuMemoryMb: 24_000 },
  { name: "gpu-16gb", gpuMemoryMb: 16_000 },
  { name: "gpu-8gb", gpuMemoryMb: 8_000 },
] as const;
const EPOCHS = 40;
const SAMPLE = { frames: 48, seed: 7, width: 192, height: 192 } as const;
const MESH_MS_MAX = 60_000;
const REELECTION_MS_MAX = 20_000;

/** What the demo was asked for. */
interface DemoOptions {
  readonly file: string | undefined;
  readonly rtc: RtcChoice;
  readonly json: boolean;
}

/** Goes through all of it, and says so line by line. */
class Demo {
  readonly #options: DemoOptions;
  readonly #io: Io;
  readonly #signal: AbortSignal;

  constructor(options: DemoOptions, io: Io) {
    this.#options = options;
    // With --json, standard output has nothing but the report.
    this.#io = options.json ? { ...io, out: io.err, draw: () => {}, isTerminal: false } : io;
    this.#signal = io.interruption();
  }

  async run(folder: string): Promise<DemoReport> {
    this.#say("Starting a signaling server, a room and three workers");
    const lab = await Lab.open(folder, this.#options.rtc);
    const stop = () => lab.kill();
    this.#signal.addEventListener("abort", stop, { once: true });
    try {
      return await this.#play(lab, folder);
    } finally {
      this.#signal.removeEventListener("abort", stop);
      await lab.close();
    }
  }

  async #play(lab: Lab, folder: string): Promise<DemoReport> {
    const workers = await lab.addWorkers(WORKERS);
    const startedAt = systemClock.now();
    await lab.meshed(workers, MESH_MS_MAX);
    const mesh_ms = rounded(systemClock.now() - startedAt);
    this.#say(`Full mesh of ${workers.length} workers, ${mesh_ms} ms after the last one was up`);
    const discovery_ms = await this.#discover(lab, workers);
    const { result, rtc } = await this.#train(lab, folder);
    const reelection_ms = await this.#killAdmin(lab, workers);
    const { epochs, firstLoss, lastLoss } = result;
    if (firstLoss === undefined || lastLoss === undefined) {
      throw new Error("Expected a loss of each epoch, got none");
    }
    if (!(lastLoss < firstLoss)) {
      throw new Error(
        `Expected the loss to fall, got ${firstLoss} at first and ${lastLoss} at last`,
      );
    }
    const losses = { first_loss: firstLoss, last_loss: lastLoss };
    const { jobId: id, worker, files } = result;
    const job = { id, worker, epochs, ...losses, files };
    return { ok: true, mesh_ms, discovery_ms, job, reelection_ms, rtc };
  }

  /** Shows what `sleap-rtc discover` shows. */
  async #discover(lab: Lab, expected: readonly LabWorker[]): Promise<number> {
    const { room, identity } = lab;
    const options = { identity, log: SILENT_LOG, signal: this.#signal };
    const discovery = await discoverWorkers(room, {}, options);
    this.#say("sleap-rtc discover");
    for (const line of workerLines(discovery.list, discovery, this.#io)) this.#io.out(line);
    if (discovery.via !== "admin") throw new Error("Expected the admin to answer, got the server");
    const living = discovery.list.workers.filter((worker) => worker.alive);
    const missing = expected.filter(({ peerId }) => !living.some((w) => w.peer_id === peerId));
    if (missing.length > 0 || living.length !== expected.length) {
      throw new Error(`Expected ${expected.length} living workers, got ${living.length}`);
    }
    return rounded(discovery.tookMs);
  }

  async #train(lab: Lab, folder: string): Promise<{ result: TrainingResult; rtc: BackendName }> {
    const packagePath = this.#options.file ?? join(folder, "sample.pkg.slp");
    if (this.#options.file === undefined) await writeSamplePackage(packagePath, SAMPLE);
    const facts = await inspectPackage(packagePath);
    const keypoints = `${facts.nodes.length} keypoints`;
    this.#say(
      `sleap-rtc train ${basename(packagePath)} (${facts.labelledFrames} frames, ${keypoints})`,
    );
    const spec = decode({
      kind: "train",
      runner: "demo",
      package: basename(packagePath),
      run_name: "demo",
      max_epochs: EPOCHS,
    }, jobSpecSchema);
    if (!spec.ok) throw new Error(spec.reason);
    const outputFolder = resolve(
      `sleap-rtc-demo-${new Date().toISOString().replace(/\D/g, "").slice(0, 14)}`,
    );
    const screen = new TrainingScreen(this.#io, { json: false, clock: systemClock });
    let rtc: BackendName | undefined;
    const { room, identity } = lab;
    try {
      const result = await submitTraining({ packagePath, spec: spec.value, outputFolder }, {
        room,
        identity,
        rtc: this.#options.rtc,
        iceServers: [],
        log: SILENT_LOG,
        signal: this.#signal,
        watch: (event) => {
          if (event.type === "linked") rtc = event.backend;
          screen.watch(event);
        },
      });
      if (rtc === undefined) throw new Error("Expected a link to the worker before its results");
      return { result: await this.#checked(result), rtc };
    } finally {
      screen.close();
    }
  }

  /** Reads the results again from the disk: what counts is what is there. */
  async #checked(result: TrainingResult): Promise<TrainingResult> {
    for (const { path, sha256 } of result.files) {
      const found = await digestFile(join(result.folder, path));
      if (found.sha256 !== sha256) {
        throw new Error(`Expected ${path} with SHA-256 ${sha256}, got ${found.sha256}`);
      }
    }
    const count = result.files.length;
    this.#say(`Results in ${result.folder}: ${count} files, every SHA-256 as the worker stated it`);
    return result;
  }

  async #killAdmin(lab: Lab, workers: readonly LabWorker[]): Promise<number> {
    const { list } = await discoverWorkers(lab.room, {}, {
      identity: lab.identity,
      log: SILENT_LOG,
      signal: this.#signal,
    });
    const admin = workers.find(({ peerId }) => peerId === list.admin_peer_id);
    if (admin === undefined) {
      throw new Error(`Expected an admin among the workers, got ${list.admin_peer_id}`);
    }
    const others = workers.filter((worker) => worker !== admin);
    this.#say(`Killing the admin ${admin.peerId} (SIGKILL)`);
    const seen = others.map(({ program }) => program.lines.length);
    const killedAt = systemClock.now();
    admin.program.signal("SIGKILL");
    const elected = await Promise.all(others.map(async ({ program }, index) => {
      const isElection = (line: Readonly<Record<string, unknown>>) =>
        line["event"] === "admin_elected" && line["admin_peer_id"] !== admin.peerId;
      const line = await program.line(isElection, "a new admin", REELECTION_MS_MAX, seen[index]);
      return line["admin_peer_id"];
    }));
    const reelection_ms = rounded(systemClock.now() - killedAt);
    const [first, ...rest] = elected;
    if (rest.some((other) => other !== first)) {
      throw new Error(`Expected one new admin, got ${elected.join(" and ")}`);
    }
    this.#say(`${others.length} workers agree on ${first}, ${reelection_ms} ms after the kill`);
    await this.#discover(lab, others);
    return reelection_ms;
  }

  #say(line: string): void {
    this.#signal.throwIfAborted();
    this.#io.out(`\n— ${line}`);
  }
}

function rounded(durationMs: number): number {
  return Math.round(durationMs * 10) / 10;
}

function readOptions(args: readonly string[]): DemoOptions | undefined {
  const { values, positionals } = parseArgs({
    args: [...args],
    options: {
      rtc: { type: "string", default: "auto" },
      json: { type: "boolean" },
      help: { type: "boolean" },
    },
    allowPositionals: true,
  });
  if (values.help === true) return undefined;
  const rtc = rtcChoiceSchema.parse(values.rtc);
  if (positionals.length > 1) {
    throw new Error(`Expected one file at most, got ${positionals.length}`);
  }
  return { file: positionals[0], rtc, json: values.json ?? false };
}

async function main(args: readonly string[]): Promise<number> {
  const io = systemIo();
  let folder: string | undefined;
  try {
    const options = readOptions(args);
    if (options === undefined) {
      io.out(USAGE);
      return 0;
    }
    // Before a minute is spent on processes: can this file be trained on at all?
    if (options.file !== undefined) await inspectPackage(options.file);
    folder = await Deno.makeTempDir({ prefix: "sleap-rtc-demo-" });
    const report = await new Demo(options, io).run(folder);
    const { job, mesh_ms, discovery_ms, reelection_ms } = report;
    if (options.json) io.out(JSON.stringify(report));
    else {
      io.out(
        `\nAll held: mesh ${mesh_ms} ms, discovery ${discovery_ms} ms, re-election ${reelection_ms} ms, ` +
          `${job.epochs} epochs, loss ${job.first_loss.toPrecision(3)} → ${
            job.last_loss.toPrecision(3)
          }`,
      );
    }
    return 0;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    io.err(`The demo failed: ${reason}`);
    return io.interruption().aborted ? 130 : 1;
  } finally {
    if (folder !== undefined) await Deno.remove(folder, { recursive: true });
  }
}

Deno.exit(await main(Deno.args));
