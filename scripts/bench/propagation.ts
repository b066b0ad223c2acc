/** How long a change of one worker's status takes to reach every other replica. */

import type { Bench } from "./bench.ts";
import { MESH_OPTIONS, MeshLab, meshOptions } from "../lab/mesh_lab.ts";
import { median, p99, rounded } from "./statistics.ts";

/** From the moment when a worker changes until the last of the others has it in its room state. */
export const bench: Bench = {
  summary: "Time until a status change is in every replica",
  rounds: 100,
  options: MESH_OPTIONS,
  async *run({ rounds, options }) {
    const wanted = meshOptions(options);
    await using lab = await MeshLab.open(wanted);
    await lab.form();
    const before = await lab.facts();
    const times: number[] = [];
    for (let round = 0; round < rounds; round++) {
      const author = lab.workers[round % lab.workers.length];
      if (author === undefined) throw new Error("Expected a worker to change its status");
      const status = round % (2 * lab.workers.length) < lab.workers.length ? "busy" : "available";
      const others = lab.workers.filter((worker) => worker !== author);
      const [seen, set] = [lab.now(others), lab.now([author])];
      await author.program.say(`status ${status}`);
      const sees = (line: Readonly<Record<string, unknown>>) =>
        line["event"] === "saw_status" && line["author"] === author.peerId &&
        line["status"] === status;
      const [[change], sights] = await Promise.all([
        lab.after(set, ({ event }) => event === "set_status", "set_status"),
        lab.after(seen, sees, `that ${author.peerId} is ${status}`),
      ]);
      const changedAt = Number(change?.["at"]);
      times.push(Math.max(...sights.map((line) => Number(line["at"]))) - changedAt);
    }
    const after = await lab.facts();
    const bytes = (lines: typeof before) =>
      lines.reduce((sum, line) => sum + Number(line["bytes"]), 0);
    yield {
      workers: wanted.count,
      p50_ms: rounded(median(times)),
      p99_ms: rounded(p99(times)),
      max_ms: rounded(Math.max(...times)),
      // Heartbeats of the same time are in it.
      bytes_per_change: Math.round((bytes(after) - bytes(before)) / rounds),
      rounds,
    };
  },
};
