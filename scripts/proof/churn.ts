/** Workers that come and go for many minutes, and what a server holds of them in the end (issue 4). */

import { SILENT_LOG } from "../../lib/base/log.ts";
import { runLoad } from "../../lib/cli/server_load.ts";
import type { ScaleListener } from "../../lib/cli/server_scale.ts";
import type { ProofServer } from "./proof_server.ts";
import type { Finding } from "./siege.ts";

/** The memory that the server may ever hold, in MB (ARCHITECTURE section 6 of the design). */
const MEMORY_MB_MAX = 200;
/** The share of the messages that may fail: joins of a machine that is held up take too long. */
const ERRORS_MAX = 0.01;

/** 100 rooms of ten workers, of whom `churnPercent` a second go and as many come, for `minutes`; `told` hears every 30 s. */
export async function standChurn(
  server: ProofServer,
  minutes: number,
  churnPercent: number,
  told: ScaleListener,
): Promise<Finding> {
  const { numbers, memory } = await runLoad({
    server: server.url,
    rooms: 100,
    workers: 10,
    seconds: minutes * 60,
    churnPercent,
    told,
    signal: new AbortController().signal,
    log: SILENT_LOG,
  });
  const { curve_mb, ...facts } = memory;
  const errorsMax = ERRORS_MAX * numbers.messages_per_s * minutes * 60;
  const ok = memory.verdict === "flat" && numbers.rss_mb <= MEMORY_MB_MAX &&
    numbers.errors <= errorsMax;
  const churn_percent = churnPercent;
  const curve = curve_mb.map((megabytes) => Math.round(megabytes)).join(" ");
  return { proof: "churn", ok, minutes, churn_percent, ...numbers, ...facts, curve_mb: curve };
}
