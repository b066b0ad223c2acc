/** Plays proofs of the mesh in rooms of their own, round by round, and sums up. Knows no single proof. */

import { join } from "node:path";
import type { RtcChoice } from "../../../lib/runtime/config.ts";
import { median, rounded } from "../../bench/statistics.ts";
import { Netlab } from "../../lab/netlab.ts";
import { MeshRoom } from "./mesh_room.ts";
import { form, type Measured } from "./process_fault.ts";

/** What befalls a room that has formed. */
export type ProcessProof = (room: MeshRoom) => Promise<Measured>;

/** What befalls a room in the netlab, from before it forms. */
export interface NetworkProof {
  readonly workers: number;
  readonly play: (room: MeshRoom, net: Netlab) => Promise<Measured>;
}

/** What one proof came to: `ok`, and the median and the worst of each figure. */
export type Finding = Readonly<Record<string, string | number | boolean>>;

/** How proofs are played. */
export interface ProvingOptions {
  readonly rtc: RtcChoice;
  readonly rounds: number;
  /** The folder for the logs of rounds that fail. */
  readonly logs: string | undefined;
}

/** The proofs of one call, one after another. */
export class Proving {
  readonly #options: ProvingOptions;
  #room: MeshRoom | undefined;
  #isInterrupted = false;

  constructor(options: ProvingOptions) {
    this.#options = options;
  }

  /** Ends what runs, in order, and lets nothing else begin. */
  interrupt(): void {
    this.#isInterrupted = true;
    this.#room?.close();
  }

  /** Forms a room of `workers` over loopback, and plays `proof` in it where there is more to prove. */
  async overLoopback(
    name: string,
    workers: number,
    proof: ProcessProof | undefined,
  ): Promise<Finding> {
    return await this.#find(name, workers, async (label) => {
      await using room = await MeshRoom.open(this.#options.rtc);
      return await this.#watched(room, label, async () => {
        const formed = await form(room, workers);
        return proof === undefined ? formed : await proof(room);
      });
    });
  }

  /** Plays a proof in a netlab of its own. */
  async inNetlab(name: string, { workers, play }: NetworkProof): Promise<Finding> {
    return await this.#find(name, workers, async (label) => {
      await using net = await Netlab.open(workers);
      await using room = await MeshRoom.open(this.#options.rtc, net);
      return await this.#watched(room, label, () => play(room, net));
    });
  }

  async #find(
    name: string,
    workers: number,
    play: (label: string) => Promise<Measured>,
  ): Promise<Finding> {
    const { rtc, rounds } = this.#options;
    const all: Measured[] = [];
    const reasons: string[] = [];
    for (let round = 1; round <= rounds && !this.#isInterrupted; round++) {
      try {
        all.push(await play(`${name}-${workers}-${round}`));
      } catch (error) {
        reasons.push(`round ${round}: ${error instanceof Error ? error.message : error}`);
      }
    }
    if (this.#isInterrupted) reasons.push("interrupted");
    const ok = reasons.length === 0;
    const facts = { proof: name, workers, rtc, rounds: all.length, ok, ...summaryOf(all) };
    return ok ? facts : { ...facts, reason: reasons.join(" | ") };
  }

  /** Plays `body` in `room`, which an interruption closes, and keeps the logs where it fails. */
  async #watched(
    room: MeshRoom,
    label: string,
    body: () => Promise<Measured>,
  ): Promise<Measured> {
    this.#room = room;
    try {
      // An interruption before now found no room to close.
      if (this.#isInterrupted) throw new Error("Interrupted before it began");
      return await body();
    } catch (error) {
      await this.#keepLogs(room, label);
      throw error;
    } finally {
      this.#room = undefined;
    }
  }

  async #keepLogs(room: MeshRoom, label: string): Promise<void> {
    if (this.#options.logs === undefined) return;
    const folder = join(this.#options.logs, label);
    await Deno.mkdir(folder, { recursive: true });
    for (const [name, text] of room.logs) {
      await Deno.writeTextFile(join(folder, `${name}.log`), text);
    }
  }
}

/** The median and the worst of each figure: of `form_ms`, `form_p50_ms` and `form_max_ms`. */
function summaryOf(all: readonly Measured[]): Measured {
  const summary: Record<string, number> = {};
  for (const name of Object.keys(all[0] ?? {})) {
    const values = all.map((measured) => measured[name] ?? NaN);
    const [stem, unit] = name.endsWith("_ms") ? [name.slice(0, -3), "_ms"] : [name, ""];
    summary[`${stem}_p50${unit}`] = rounded(median(values));
    summary[`${stem}_max${unit}`] = rounded(Math.max(...values));
  }
  return summary;
}
