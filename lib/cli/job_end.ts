/**
 * The commands `cancel` and `stop`: end a running job, without its results or with those so far. A job
 * that waits for its turn can be cancelled, too.
 */

import { merge, object } from "@optique/core/constructs";
import { message } from "@optique/core/message";
import { withDefault } from "@optique/core/modifiers";
import { flag } from "@optique/core/primitives";
import type { JobId } from "../base/id.ts";
import type { Ending } from "../client/job_attendance.ts";
import type { JobEnding } from "../job/slot_input.ts";
import { type Command, defineCommand } from "./command.ts";
import { EXIT, type ExitName } from "./exit_code.ts";
import { jobArgument, jobOf } from "./job_option.ts";
import { withJobs } from "./job_session.ts";
import { logOptions } from "./log_option.ts";
import { roomOptions } from "./room_option.ts";
import { rtcOption } from "./rtc_option.ts";
import { cleanText, jsonText } from "./terminal_text.ts";

const parser = merge(
  object("Job", {
    job: jobArgument,
    rtc: rtcOption,
    json: withDefault(flag("--json", { description: message`Print one JSON object` }), false),
  }),
  roomOptions,
  logOptions,
);

const EXITS: readonly ExitName[] = [
  "jobFailed",
  "serverUnreachable",
  "refused",
  "noWorker",
  "workerLost",
  "protocol",
  "terminated",
];

/** `sleap-rtc cancel`. */
export const cancelCommand = endingCommand(
  "cancel",
  "End a job that runs or waits; it has no results then",
);

/** `sleap-rtc stop`. */
export const stopCommand = endingCommand("stop", "End a running job soon, and keep its results");

function endingCommand(how: JobEnding, purpose: string): Command {
  return defineCommand({
    name: how,
    purpose,
    examples: [`sleap-rtc ${how} job-abcdefghijkl`, `sleap-rtc ${how} job-abcdefghijkl --json`],
    exits: EXITS,
    parser,
    async run(given, io) {
      const jobId = jobOf(given.job);
      return await withJobs(given, io, async (options) => {
        const { endJob } = await import("../client/job_attendance.ts");
        const { worker, ending } = await endJob(jobId, how, { ...options, watch: () => {} });
        io.out(endingReport({ jobId, worker, ending }, given.json));
        return EXIT.ok;
      });
    },
  });
}

/** How a job ended that was asked to, and what can be done next. */
export function endingReport(
  { jobId, worker, ending }: {
    readonly jobId: JobId;
    readonly worker: string;
    readonly ending: Ending;
  },
  isJson: boolean,
): string {
  return isJson
    ? jsonText({ ok: true, job: { id: jobId, worker, ...endingFacts(ending) } })
    : `${endingText(ending)}: ${jobId} ${placeOf(ending)} ${cleanText(worker)}${
      nextStep(ending, jobId)
    }`;
}

function endingFacts(ending: Ending): Readonly<Record<string, unknown>> {
  if (ending.type !== "done") return { standing: "cancelled" };
  return { standing: "done", stopped_early: ending.isStoppedEarly };
}

function endingText(ending: Ending): string {
  if (ending.type !== "done") return "Cancelled";
  return ending.isStoppedEarly ? "Stopped early" : "Done";
}

/** Where it ran, or who let it go. */
function placeOf(ending: Ending): string {
  return ending.type === "withdrawn" ? "waits no more, says" : "on";
}

function nextStep(ending: Ending, jobId: string): string {
  return ending.type !== "done" ? "" : `; fetch its results: sleap-rtc results ${jobId}`;
}
