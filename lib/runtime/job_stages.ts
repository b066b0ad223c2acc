/**
 * The stages of one job, run one after the other in this process's group, as the worker wrote them
 * down. The first that fails is the last. Knows nothing of jobs but their command lines.
 */

import { z } from "zod";
import { decodeJson } from "../protocol/decode.ts";

/** The plan, as `JobFolder` writes it. */
const planSchema = z.object({
  stages: z.array(z.object({
    title: z.string(),
    executable: z.string(),
    args: z.array(z.string()),
  })).min(1),
});

/**
 * Between two stages. A signal goes to the stage and to us at once, but the stage's end may be told
 * first. Higher: later stages begin later; lower: on a loaded machine one more may begin.
 */
const SETTLE_MS = 250;

/** What a shell reports for a process that a signal ended, less the signal's number. */
const SIGNALLED = 128;
const SIGNAL_NUMBERS: Readonly<Record<string, number>> = { SIGINT: 2, SIGKILL: 9, SIGTERM: 15 };

/**
 * Runs the stages in the file at `plan`. Returns the exit code of the last that ran. Signals reach
 * the running stage by its group; after one, no further stage begins.
 *
 * @throws {Error} Where there is no such plan, or a program of it is not there.
 */
export async function runStages(
  plan: string,
  { out }: { out(line: string): void },
): Promise<number> {
  const decoded = decodeJson(await Deno.readTextFile(plan), planSchema);
  if (!decoded.ok) throw new Error(`Expected the stages of a job in ${plan}: ${decoded.reason}`);
  let isEnding = false;
  const onSignal = () => isEnding = true;
  // Windows has no SIGTERM to listen for: there it ends the process without asking.
  const signals: Deno.Signal[] = Deno.build.os === "windows" ? ["SIGINT"] : ["SIGINT", "SIGTERM"];
  for (const signal of signals) Deno.addSignalListener(signal, onSignal);
  try {
    for (const { title, executable, args } of decoded.value.stages) {
      out(title);
      const child = new Deno.Command(executable, {
        args,
        stdin: "null",
        stdout: "inherit",
        stderr: "inherit",
      }).spawn();
      const { code, signal } = await child.status;
      if (signal !== null) return SIGNALLED + (SIGNAL_NUMBERS[signal] ?? 0);
      if (code !== 0) return code;
      await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
      if (isEnding) return code;
    }
    return 0;
  } finally {
    for (const signal of signals) Deno.removeSignalListener(signal, onSignal);
  }
}
