/** The command `results`: fetches the results of a job again. */

import { resolve } from "node:path";
import { merge, object } from "@optique/core/constructs";
import { message } from "@optique/core/message";
import { withDefault } from "@optique/core/modifiers";
import { flag } from "@optique/core/primitives";
import type { SubmissionEvent } from "../client/event.ts";
import type { FetchedResults } from "../client/job_attendance.ts";
import { count } from "./amount.ts";
import { defineCommand } from "./command.ts";
import { EXIT } from "./exit_code.ts";
import { jobArgument, jobOf, outputOption, requireNewFolder } from "./job_option.ts";
import { withJobs } from "./job_session.ts";
import { logOptions } from "./log_option.ts";
import { roomOptions } from "./room_option.ts";
import { rtcOption } from "./rtc_option.ts";
import { cleanText, jsonText } from "./terminal_text.ts";

const parser = merge(
  object("Job", {
    job: jobArgument,
    output: outputOption,
    rtc: rtcOption,
    json: withDefault(
      flag("--json", { description: message`Print one JSON object a line` }),
      false,
    ),
  }),
  roomOptions,
  logOptions,
);

/** `sleap-rtc results`. */
export const resultsCommand = defineCommand({
  name: "results",
  purpose: "Fetch the results of a job, or what one has written that failed",
  examples: [
    "sleap-rtc results job-abcdefghijkl",
    "sleap-rtc results job-abcdefghijkl --output copy --json",
  ],
  exits: ["serverUnreachable", "refused", "noWorker", "workerLost", "protocol", "terminated"],
  parser,
  async run(given, io) {
    const jobId = jobOf(given.job);
    return await withJobs(given, io, async (options) => {
      const { fetchResults } = await import("../client/job_attendance.ts");
      const { TrainingScreen } = await import("./training_screen.ts");
      const known = await options.records.find(jobId);
      const outputFolder = resolve(given.output ?? known?.output_folder ?? jobId);
      await requireNewFolder(outputFolder);
      const screen = new TrainingScreen(io, { json: given.json, clock: performance });
      const watch = (event: SubmissionEvent) => screen.watch(event);
      try {
        const fetched = await fetchResults(jobId, outputFolder, {
          ...options,
          watch,
        });
        screen.close();
        io.out(fetchedReport(fetched, given.json));
        return EXIT.ok;
      } catch (error) {
        screen.close();
        throw error;
      }
    });
  },
});

/** What was fetched, and where it is. */
export function fetchedReport(
  { jobId, worker, folder, files }: FetchedResults,
  isJson: boolean,
): string {
  if (isJson) return jsonText({ ok: true, job: { id: jobId, worker, folder, files } });
  return `Fetched ${count(files.length, "file")} of ${jobId} from ${
    cleanText(worker)
  }, results in ${folder}`;
}
