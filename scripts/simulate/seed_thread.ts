/** A thread that runs the seeds that it is sent, and tells what came of each. */

import { parentPort } from "node:worker_threads";
import { z } from "zod";
import { automergeReady } from "../../tests/sim/automerge.ts";
import { simulate } from "../../tests/sim/simulation.ts";
import type { SeedReport } from "./crew.ts";

const port = parentPort;
if (port === null) throw new Error("Expected to run as a thread of `deno task simulate`");
// Listens at once: a message that comes while Automerge loads would be lost.
port.on("message", async (message: unknown) => {
  await automergeReady();
  const { seed, violation, virtualMs, digest } = simulate({ seed: z.int().parse(message) });
  const report: SeedReport = {
    seed,
    virtualMs,
    digest,
    ...(violation === undefined ? {} : { violation }),
  };
  port.postMessage(report);
});
