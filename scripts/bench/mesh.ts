/** How long a full mesh takes to form, and what is said for it. */

import type { Bench } from "./bench.ts";
import { MESH_OPTIONS, MeshLab, meshOptions, totalsOf } from "../lab/mesh_lab.ts";
import { median, p99, rounded } from "./statistics.ts";

/** From one starting signal, when all processes are up, until the last worker is linked to all others. */
export const bench: Bench = {
  summary: "Time until every worker is linked to every other",
  rounds: 10,
  options: MESH_OPTIONS,
  async *run({ rounds, options }) {
    const wanted = meshOptions(options);
    const workers = wanted.count;
    const links = workers * (workers - 1) / 2;
    const all: { ms: number; messages: number; bytes: number }[] = [];
    for (let round = 1; round <= rounds; round++) {
      await using lab = await MeshLab.open(wanted);
      const ms = await lab.form();
      const { messages, bytes } = totalsOf(await lab.facts());
      const measured = { ms: rounded(ms), messages, bytes };
      all.push(measured);
      yield { round, workers, links, ...measured };
    }
    yield {
      workers,
      links,
      p50_ms: rounded(median(all.map(({ ms }) => ms))),
      p99_ms: rounded(p99(all.map(({ ms }) => ms))),
      max_ms: rounded(Math.max(...all.map(({ ms }) => ms))),
      messages: Math.round(median(all.map(({ messages }) => messages))),
      bytes: Math.round(median(all.map(({ bytes }) => bytes))),
      rounds,
    };
  },
};
