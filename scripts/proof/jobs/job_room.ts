/**
 * A room of workers whose jobs are to survive: what it is like between two jobs, and what of them is
 * left on the disk and among the processes. Breaks nothing itself.
 */

import { join } from "node:path";
import { z } from "zod";
import { SILENT_LOG } from "../../../lib/base/log.ts";
import { discoverWorkers } from "../../../lib/client/discovery.ts";
import type { WorkerList } from "../../../lib/protocol/query.ts";
import type { RtcChoice } from "../../../lib/runtime/config.ts";
import { processesOf } from "../../../tests/e2e/process_table.ts";
import { Lab, type LabWorker } from "../../lab/lab.ts";
import { copyTrainer } from "./copy_trainer.ts";

/** The best first. */
const NAMES = ["gpu-a", "gpu-b", "gpu-c"];
const MESH_MS = 60_000;
/** For a room to come to rest: a lease ends 15 s after its client, and the machine may be busy. */
const REST_MS = 120_000;
const POLL_MS = 250;
/** What a killed process leaves is not there at once. */
const EXIT_MS = 30_000;

const verdictSchema = z.object({ type: z.string(), duration_ms: z.number() });

/** Three workers, and whoever asks them. */
export class JobRoom implements AsyncDisposable {
  readonly folder: string;
  readonly lab: Lab;
  readonly #workers = new Map<string, LabWorker>();
  readonly #trainer: readonly string[];
  readonly #closing = new AbortController();
  #closed: Promise<void> | undefined;

  private constructor(folder: string, lab: Lab, trainer: readonly string[]) {
    this.folder = folder;
    this.lab = lab;
    this.#trainer = trainer;
  }

  /** A room with three workers that are linked to each other. `opened` gets it before they are. */
  static async open(rtc: RtcChoice, opened: (room: JobRoom) => void): Promise<JobRoom> {
    const folder = await Deno.makeTempDir({ prefix: "sleap-rtc-proof-" });
    try {
      const lab = await Lab.open(folder, rtc);
      const room = new JobRoom(folder, lab, await copyTrainer(folder));
      opened(room);
      try {
        await Promise.all(NAMES.map((name) => room.start(name)));
        await room.rest();
        return room;
      } catch (error) {
        await room.close();
        throw error;
      }
    } catch (error) {
      await removeIfPresent(folder);
      throw error;
    }
  }

  /** The workers as they run now, the one to be admin first. */
  get workers(): readonly LabWorker[] {
    return [...this.#workers.values()].sort((one, other) => one.name < other.name ? -1 : 1);
  }

  /** Starts a worker, also one that ran before. */
  async start(name: string): Promise<void> {
    const gpuMemoryMb = 24_000 - 1_000 * NAMES.indexOf(name);
    const [worker] = await this.lab.addWorkers([{ name, gpuMemoryMb, trainer: this.#trainer }]);
    if (worker !== undefined) this.#workers.set(name, worker);
  }

  /** Who is in the room, as its admin says. */
  async list(): Promise<WorkerList> {
    const { room, identity } = this.lab;
    const { signal } = this.#closing;
    return (await discoverWorkers(room, {}, { identity, log: SILENT_LOG, signal })).list;
  }

  /**
   * Waits until all workers are free, know each other, and nothing but them runs.
   *
   * @throws {Error} Where that takes too long, with what is wrong.
   */
  async rest(): Promise<void> {
    const deadline = performance.now() + REST_MS;
    for (;;) {
      const unrest = await this.#unrest();
      if (unrest === undefined) return;
      this.#closing.signal.throwIfAborted();
      if (performance.now() > deadline) {
        throw new Error(`Expected a room at rest within ${REST_MS} ms, but ${unrest}`);
      }
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  }

  /**
   * The last word of each job since `known`, by its id.
   *
   * @throws {Error} Where a job has none or several, or what arrived of its inputs is left over.
   */
  verdicts(known: ReadonlySet<string>): ReadonlyMap<string, string> {
    const verdicts = new Map<string, string>();
    for (const folder of below(join(this.lab.folder, "home", "workers"))) {
      const parts = below(join(folder, "parts"));
      if (parts.length > 0) throw new Error(`Parts of files are left: ${parts.join()}`);
      for (const job of below(join(folder, "jobs"))) {
        if (known.has(job)) continue;
        const events = readIfPresent(join(job, "events.jsonl")) ?? "";
        const ends = events.trim().split("\n").flatMap((line) => {
          const end = verdictSchema.safeParse(line === "" ? {} : JSON.parse(line));
          return end.success ? [end.data.type] : [];
        });
        const [verdict, ...more] = ends;
        if (verdict === undefined || more.length > 0) {
          throw new Error(`Expected one verdict in ${job}, got ${ends.join(" and ") || "none"}`);
        }
        verdicts.set(job, verdict);
      }
    }
    return verdicts;
  }

  /** Ends every process, and removes every file. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #close(): Promise<void> {
    this.#closing.abort(new Error("Interrupted"));
    await this.lab.close();
    const deadline = performance.now() + EXIT_MS;
    while (processesOf(this.folder).length > 0 && performance.now() < deadline) {
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
    const left = processesOf(this.folder);
    for (const { pid } of left) Deno.kill(pid, "SIGKILL");
    await removeIfPresent(this.folder);
    if (left.length === 0) return;
    throw new Error(`Processes were left: ${left.map(({ command }) => command).join("; ")}`);
  }

  async #unrest(): Promise<string | undefined> {
    try {
      await this.lab.listed(this.workers, MESH_MS, this.#closing.signal);
    } catch (error) {
      return String(error);
    }
    const { workers } = await this.list();
    const busy = workers.filter(({ status }) => status !== "available");
    if (busy.length > 0) {
      return busy.map(({ peer_id, status }) => `${peer_id} is ${status}`).join(", ");
    }
    const expected = new Set([this.lab.server, ...this.workers.map(({ program }) => program)].map(
      ({ pid }) => pid,
    ));
    const strangers = processesOf(this.folder).filter(({ pid }) => !expected.has(pid));
    return strangers.length === 0
      ? undefined
      : `these run: ${strangers.map(({ pid, command }) => `${pid} ${command}`).join("; ")}`;
  }
}

/** The paths in `folder`; none where it is not there. */
function below(folder: string): readonly string[] {
  try {
    return [...Deno.readDirSync(folder)].map(({ name }) => join(folder, name));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

function readIfPresent(path: string): string | undefined {
  try {
    return Deno.readTextFileSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

async function removeIfPresent(folder: string): Promise<void> {
  try {
    await Deno.remove(folder, { recursive: true });
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
