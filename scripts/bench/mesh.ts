/** How long a full mesh takes to form, and what is said for it. */

import type { Bench } from "./bench.ts";
import { MESH_OPTIONS, MeshLab, meshOptions } from "../lab/mesh_lab.ts";
import { median, rounded } from "./statistics.ts";

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
      const facts = await lab.facts();
      const sum = (name: string) => facts.reduce((total, line) => total + Number(line[name]), 0);
      const measured = { ms: rounded(ms), messages: sum("messages"), bytes: sum("bytes") };
      all.push(measured);
      yield { round, workers, links, ...measured };
    }
    yield {
      workers,
      links,
      p50_ms: rounded(median(all.map(({ ms }) => ms))),
      max_ms: rounded(Math.max(...all.map(({ ms }) => ms))),
      messages: Math.round(median(all.map(({ messages }) => messages))),
      bytes: Math.round(median(all.map(({ bytes }) => bytes))),
      rounds,
    };
  },
};
