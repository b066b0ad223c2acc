/** How long a change of one worker's status takes to reach every other replica. */

import { setTimeout as pause } from "node:timers/promises";
import { z } from "zod";
import type { Bench } from "./bench.ts";
import { MESH_OPTIONS, MeshLab, meshOptions, totalsOf } from "../lab/mesh_lab.ts";
import type { Line } from "../lab/program.ts";
import { median, p99, rounded } from "./statistics.ts";

/**
 * From the moment when a worker changes until the last of the others has it in its room state. Changes
 * come one by one into a room that does nothing else; the first ones, which warm up, do not count.
 */
export const bench: Bench = {
  summary: "Time until a status change is in every replica",
  rounds: 100,
  options: {
    ...MESH_OPTIONS,
    pause: { value: "MS", summary: "Between two changes (100 if left out; 0 measures a flood)" },
  },
  async *run({ rounds, options }) {
    const wanted = meshOptions(options);
    const pauseMs = z.coerce.number().min(0).max(60_000).parse(options.get("pause") ?? "100");
    await using lab = await MeshLab.open(wanted);
    await lab.form();
    const warmUp = Math.max(2 * wanted.count, Math.ceil(rounds / 10));
    for (let round = 0; round < warmUp; round++) await changeMs(lab, round);
    await pause(1_000);
    const before = totalsOf(await lab.facts());
    const times: number[] = [];
    for (let round = 0; round < rounds; round++) {
      await pause(pauseMs);
      const ms = rounded(await changeMs(lab, warmUp + round));
      times.push(ms);
      yield { round: round + 1, workers: wanted.count, ms };
    }
    const after = totalsOf(await lab.facts());
    const [messages, bytes] = [after.messages - before.messages, after.bytes - before.bytes];
    const beats = after.heartbeats - before.heartbeats;
    const beatBytes = after.heartbeatBytes - before.heartbeatBytes;
    yield {
      workers: wanted.count,
      p50_ms: rounded(median(times)),
      p99_ms: rounded(p99(times)),
      max_ms: rounded(Math.max(...times)),
      messages_per_change: rounded((messages - beats) / rounds),
      bytes_per_change: Math.round((bytes - beatBytes) / rounds),
      // Of all workers, with the heartbeats of the same time.
      cpu_ms_per_change: rounded((after.cpuMs - before.cpuMs) / rounds),
      messages,
      bytes,
      rounds,
    };
  },
};

/** Lets the worker whose turn it is change, and gives the time until the last of the others saw it. */
async function changeMs(lab: MeshLab, turn: number): Promise<number> {
  const author = lab.workers[turn % lab.workers.length];
  if (author === undefined) throw new Error("Expected a worker to change its status");
  const status = turn % (2 * lab.workers.length) < lab.workers.length ? "busy" : "available";
  const others = lab.workers.filter((worker) => worker !== author);
  const [seen, set] = [lab.now(others), lab.now([author])];
  await author.program.say(`status ${status}`);
  const sees = (line: Line) =>
    line["event"] === "saw_status" && line["author"] === author.peerId && line["status"] === status;
  const [[change], sights] = await Promise.all([
    lab.after(set, ({ event }) => event === "set_status", "set_status"),
    lab.after(seen, sees, `that ${author.peerId} is ${status}`),
  ]);
  return Math.max(...sights.map((line) => Number(line["at"]))) - Number(change?.["at"]);
}
