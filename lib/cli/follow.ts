/** The command `follow`: comes back to a job, tells what was missed, and brings the results home. */

import { resolve } from "node:path";
import { merge, object } from "@optique/core/constructs";
import { message } from "@optique/core/message";
import { withDefault } from "@optique/core/modifiers";
import { flag } from "@optique/core/primitives";
import type { SubmissionEvent } from "../client/event.ts";
import { defineCommand } from "./command.ts";
import { Detachment } from "./detachment.ts";
import { EXIT } from "./exit_code.ts";
import {
  jobArgument,
  jobOf,
  outputOption,
  reattachMsOf,
  reattachOption,
  requireNewFolder,
} from "./job_option.ts";
import { withJobs } from "./job_session.ts";
import { logOptions } from "./log_option.ts";
import { roomOptions } from "./room_option.ts";
import { rtcOption } from "./rtc_option.ts";
import { trainingReport } from "./training_report.ts";

const parser = merge(
  object("Job", {
    job: jobArgument,
    output: outputOption,
    fromStart: withDefault(
      flag("--from-start", {
        description: message`Tell everything again (by default what no command here has heard yet)`,
      }),
      false,
    ),
    reattach: reattachOption,
    rtc: rtcOption,
    json: withDefault(
      flag("--json", { description: message`Print one JSON object a line` }),
      false,
    ),
  }),
  roomOptions,
  logOptions,
);

/** `sleap-rtc follow`. */
export const followCommand = defineCommand({
  name: "follow",
  purpose: "Come back to a job that runs, and bring the results home",
  examples: [
    "sleap-rtc follow job-abcdefghijkl",
    "sleap-rtc follow job-abcdefghijkl --from-start --json",
    "sleap-rtc follow job-abcdefghijkl --output run-2",
  ],
  exits: [
    "jobFailed",
    "serverUnreachable",
    "refused",
    "noWorker",
    "workerLost",
    "protocol",
    "terminated",
  ],
  parser,
  async run(given, io) {
    const jobId = jobOf(given.job);
    return await withJobs(given, io, async (options) => {
      const { followJob } = await import("../client/job_attendance.ts");
      const { TrainingScreen } = await import("./training_screen.ts");
      const known = await options.records.find(jobId);
      const outputFolder = resolve(given.output ?? known?.output_folder ?? jobId);
      await requireNewFolder(outputFolder);
      const detachment = new Detachment(jobId);
      const screen = new TrainingScreen(io, {
        json: given.json,
        isVerbose: given.verbose,
        clock: performance,
      });
      const request = {
        jobId,
        outputFolder,
        isFromStart: given.fromStart,
        reattachMs: reattachMsOf(given),
      };
      try {
        const result = await followJob(request, {
          ...options,
          watch: (event: SubmissionEvent) => {
            detachment.watch(event);
            screen.watch(event);
          },
        });
        screen.close();
        io.out(trainingReport(result, given.json));
        return EXIT.ok;
      } catch (error) {
        screen.close();
        screen.tellLastLines(error);
        detachment.tell(error, given.json, io);
        throw error;
      }
    });
  },
});
