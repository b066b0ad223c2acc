/** How long a room is without an admin that all follow, by how the last one went. */

import { z } from "zod";
import type { Bench } from "./bench.ts";
import { adminEndSchema, MESH_OPTIONS, MeshLab, meshOptions, totalsOf } from "../lab/mesh_lab.ts";
import { median, p99, rounded } from "./statistics.ts";

/** From the admin's end until every other worker follows the same new one. */
export const bench: Bench = {
  summary: "Time until all follow a new admin",
  rounds: 10,
  options: {
    ...MESH_OPTIONS,
    how: { value: "HOW", summary: "leave, kill or freeze the admin (all if left out)" },
  },
  async *run({ rounds, options }) {
    const wanted = meshOptions(options);
    const ways = options.has("how")
      ? [adminEndSchema.parse(options.get("how"))]
      : adminEndSchema.options;
    for (const how of ways) {
      const all: Reelection[] = [];
      for (let round = 1; round <= rounds; round++) {
        const measured = await reelection(wanted, how);
        all.push(measured);
        yield { how, round, ...measured };
      }
      const times = all.map(({ ms }) => ms);
      yield {
        how,
        workers: wanted.count,
        p50_ms: rounded(median(times)),
        p99_ms: rounded(p99(times)),
        max_ms: rounded(Math.max(...times)),
        // Of those who are left, until all follow the new one, with the heartbeats of that time.
        messages: Math.round(median(all.map(({ messages }) => messages))),
        bytes: Math.round(median(all.map(({ bytes }) => bytes))),
        rounds,
      };
    }
  },
};

interface Reelection {
  readonly ms: number;
  readonly messages: number;
  readonly bytes: number;
}

async function reelection(
  wanted: ReturnType<typeof meshOptions>,
  how: z.infer<typeof adminEndSchema>,
): Promise<Reelection> {
  await using lab = await MeshLab.open(wanted);
  await lab.form();
  const [, ...others] = lab.workers;
  const before = totalsOf(await lab.facts(others));
  const ms = rounded(await lab.replaceAdmin(how));
  const after = totalsOf(await lab.facts(others));
  return { ms, messages: after.messages - before.messages, bytes: after.bytes - before.bytes };
}
