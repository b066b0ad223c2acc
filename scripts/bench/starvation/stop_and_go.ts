/** Pauses real workers by SIGSTOP and SIGCONT, and counts who is declared dead meanwhile. */

import { setTimeout as pause } from "node:timers/promises";
import { SeededRandom } from "../../../lib/base/random.ts";
import { HOUR_MS } from "../../../lib/base/time.ts";
import type { Starvation } from "../../../tests/sim/starvation.ts";
import type { MeshLab } from "../../lab/mesh_lab.ts";

/** For the room to come to rest after the last pause. */
const SETTLE_MS = 10_000;

/** Durations in milliseconds. */
export interface StopAndGo {
  readonly durationMs: number;
  /** Each pause of a worker. */
  readonly pauseMs: number;
  /** Between the end of a worker's pause and its next one, on average. */
  readonly everyMs: number;
}

/** Forms the room of `lab`, pauses its workers in turn, and at last freezes the admin for good. */
export async function stopAndGo(
  lab: MeshLab,
  { durationMs, pauseMs, everyMs }: StopAndGo,
): Promise<Starvation> {
  await lab.form();
  await pause(SETTLE_MS);
  const random = new SeededRandom(lab.workers.length);
  const since = lab.now(lab.workers);
  const until = performance.now() + durationMs;
  let pauses = 0;
  await Promise.all(lab.workers.map(async ({ program }) => {
    for (;;) {
      await pause(2 * everyMs * random.next());
      if (performance.now() + pauseMs > until) return;
      pauses++;
      program.signal("SIGSTOP");
      await pause(pauseMs);
      program.signal("SIGCONT");
    }
  }));
  await pause(Math.max(0, until - performance.now()) + SETTLE_MS);
  const said = [...since].flatMap(([{ program }, from]) => program.lines.slice(from));
  const elected = said.filter(({ event }) => event === "admin_elected");
  return {
    workerHours: lab.workers.length * durationMs / HOUR_MS,
    pauses,
    falseDeaths: said.filter(({ event }) => event === "peer_dead").length,
    reelections: new Set(elected.map(({ epoch }) => epoch)).size,
    replacedMs: await lab.replaceAdmin("freeze"),
  };
}
