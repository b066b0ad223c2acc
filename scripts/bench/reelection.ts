/** How long a room is without an admin that all follow, by how the last one went. */

import { z } from "zod";
import type { Bench } from "./bench.ts";
import { MESH_OPTIONS, MeshLab, meshOptions, totalsOf } from "../lab/mesh_lab.ts";
import { median, p99, rounded } from "./statistics.ts";

const howSchema = z.enum(["leave", "kill", "freeze"]);

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
    const ways = options.has("how") ? [howSchema.parse(options.get("how"))] : howSchema.options;
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
  how: z.infer<typeof howSchema>,
): Promise<Reelection> {
  await using lab = await MeshLab.open(wanted);
  await lab.form();
  const [admin, ...others] = lab.workers;
  if (admin === undefined) throw new Error("Expected an admin");
  const isAdmin = ({ event, admin_peer_id }: Readonly<Record<string, unknown>>) =>
    event === "admin_elected" && admin_peer_id === admin.peerId;
  await lab.after(new Map(lab.workers.map((worker) => [worker, 0])), isAdmin, "the first admin");
  const before = totalsOf(await lab.facts(others));
  const since = lab.now(others);
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
  }
  const successor = others[0]?.peerId;
  const elected = await lab.after(since, ({ event, admin_peer_id }) => {
    return event === "admin_elected" && admin_peer_id === successor;
  }, `that ${successor} leads`);
  if (how === "freeze") admin.program.signal("SIGKILL");
  const ms = rounded(Math.max(...elected.map((line) => Number(line["at"]))) - wentAt);
  const after = totalsOf(await lab.facts(others));
  return { ms, messages: after.messages - before.messages, bytes: after.bytes - before.bytes };
}
