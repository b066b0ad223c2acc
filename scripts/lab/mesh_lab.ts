/** Workers without jobs in processes of their own, in one room, for the mesh benches. */

import { join } from "node:path";
import { z } from "zod";
import { rtcChoiceSchema } from "../../lib/runtime/config.ts";
import { Lab } from "./lab.ts";
import { type Line, Program } from "./program.ts";
import { V8_FLAGS } from "./v8_flags.ts";
import type { BenchOption } from "../bench/bench.ts";

/** For a process to come up, and for a mesh to form. */
const PATIENCE_MS = 60_000;

/** The options that every mesh bench takes. */
export const MESH_OPTIONS: Readonly<Record<string, BenchOption>> = {
  workers: { value: "N", summary: "Workers in the room (10 if left out)" },
  rtc: { value: "BACKEND", summary: "native or werift (native where it loads)" },
};

/** Reads {@linkcode MESH_OPTIONS}. */
export function meshOptions(options: ReadonlyMap<string, string>): MeshLabOptions {
  return {
    count: z.coerce.number().int().min(2).max(10).parse(options.get("workers") ?? "10"),
    rtc: rtcChoiceSchema.parse(options.get("rtc") ?? "auto"),
  };
}

/** How many workers, on which backend. */
export interface MeshLabOptions {
  readonly count: number;
  readonly rtc: z.infer<typeof rtcChoiceSchema>;
}

/** One worker without jobs. The first has the largest GPU, and so becomes admin. */
export interface MeshWorker {
  readonly peerId: string;
  readonly program: Program;
}

/** How an admin can go: politely, by SIGKILL, or by SIGSTOP as if its machine lost power. */
export const adminEndSchema = z.enum(["leave", "kill", "freeze"]);

/** What all workers together have said and used, from their start on. */
export interface LabTotals {
  readonly messages: number;
  readonly bytes: number;
  readonly heartbeats: number;
  readonly heartbeatBytes: number;
  readonly cpuMs: number;
}

/** Adds up what workers printed when they were asked for facts. */
export function totalsOf(facts: readonly Line[]): LabTotals {
  const sum = (name: string) => facts.reduce((total, line) => total + Number(line[name]), 0);
  return {
    messages: sum("messages"),
    bytes: sum("bytes"),
    heartbeats: sum("heartbeats"),
    heartbeatBytes: sum("heartbeat_bytes"),
    cpuMs: sum("cpu_ms"),
  };
}

/** Some workers in one room. */
export class MeshLab implements AsyncDisposable {
  readonly workers: readonly MeshWorker[];
  readonly #lab: Lab;
  readonly #folder: string;

  private constructor(lab: Lab, folder: string, workers: readonly MeshWorker[]) {
    this.#lab = lab;
    this.#folder = folder;
    this.workers = workers;
  }

  /** Starts the server and the workers, which do not enter the room yet. */
  static async open({ count, rtc }: MeshLabOptions): Promise<MeshLab> {
    const folder = await Deno.makeTempDir({ prefix: "sleap-rtc-bench-" });
    const lab = await Lab.open(folder, rtc);
    const workers = await Promise.all(Array.from({ length: count }, async (_, index) => {
      const program = new Program({
        script: join("scripts", "lab", "mesh_worker.ts"),
        args: [`w${index}`, String(24_000 - 1_000 * index), rtc],
        // As `deno task start` and the compiled program set it.
        env: { ...lab.environment, DENO_V8_FLAGS: V8_FLAGS },
        cwd: folder,
      });
      const line = await program.line(({ event }) => event === "loaded", "loaded", PATIENCE_MS);
      return { program, peerId: String(line["peer_id"]) };
    }));
    return new MeshLab(lab, folder, workers);
  }

  /** Lets all enter at once, and gives the time from then until the last is linked to all the others. */
  async form(): Promise<number> {
    const startedAt = performance.timeOrigin + performance.now();
    await Promise.all(this.workers.map(({ program }) => program.say("go")));
    const complete = ({ event, workers }: Line) =>
      event === "mesh_complete" && workers === this.workers.length;
    const lines = await this.#lines(complete, "mesh_complete", this.workers);
    return Math.max(...lines.map((line) => Number(line["at"]))) - startedAt;
  }

  /** The first line that fits, of each of `workers`, from where `since` was taken. */
  async after(
    since: ReadonlyMap<MeshWorker, number>,
    wanted: (line: Line) => boolean,
    what: string,
  ): Promise<readonly Line[]> {
    return await this.#lines(wanted, what, [...since.keys()], since);
  }

  /** Where each of `workers` is in its words now. */
  now(workers: readonly MeshWorker[]): ReadonlyMap<MeshWorker, number> {
    return new Map(workers.map((worker) => [worker, worker.program.lines.length]));
  }

  /** Traffic, CPU time and memory of each of `workers`. */
  async facts(workers: readonly MeshWorker[] = this.workers): Promise<readonly Line[]> {
    const since = this.now(workers);
    await Promise.all(workers.map(({ program }) => program.say("facts")));
    return await this.after(since, ({ event }) => event === "facts", "facts");
  }

  /**
   * Ends the admin, the first worker, and gives the time in milliseconds until all others follow the
   * second. Once a lab.
   */
  async replaceAdmin(how: z.infer<typeof adminEndSchema>): Promise<number> {
    const [admin, ...others] = this.workers;
    const [successor] = others;
    if (admin === undefined || successor === undefined) throw new Error("Expected two workers");
    const follows = (peerId: string) => ({ event, admin_peer_id }: Line) =>
      event === "admin_elected" && admin_peer_id === peerId;
    await this.#lines(follows(admin.peerId), "the first admin", this.workers);
    const since = this.now(others);
    const wentAt = performance.timeOrigin + performance.now();
    switch (how) {
      case "leave":
        await admin.program.say("leave");
        break;
      case "kill":
        admin.program.signal("SIGKILL");
        break;
      case "freeze":
        admin.program.signal("SIGSTOP");
        break;
      default:
        how satisfies never;
    }
    const what = `that ${successor.peerId} leads`;
    const elected = await this.after(since, follows(successor.peerId), what);
    // One that stands still would not end by SIGTERM.
    if (how === "freeze") admin.program.signal("SIGKILL");
    return Math.max(...elected.map((line) => Number(line["at"]))) - wentAt;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.workers.map(({ program }) => program.end(3_000)));
    await this.#lab.close();
    await Deno.remove(this.#folder, { recursive: true });
  }

  async #lines(
    wanted: (line: Line) => boolean,
    what: string,
    workers: readonly MeshWorker[],
    since?: ReadonlyMap<MeshWorker, number>,
  ): Promise<readonly Line[]> {
    return await Promise.all(
      workers.map((worker) =>
        worker.program.line(wanted, what, PATIENCE_MS, since?.get(worker) ?? 0)
      ),
    );
  }
}
