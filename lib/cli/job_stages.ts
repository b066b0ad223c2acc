/** The command `job-stages`: what a worker starts for a job of several stages. Hidden from the overview. */

import { object } from "@optique/core/constructs";
import { message } from "@optique/core/message";
import { option } from "@optique/core/primitives";
import { path } from "@optique/run/valueparser";
import { defineCommand } from "./command.ts";

const parser = object({
  plan: option("--plan", path({ metavar: "FILE" }), {
    description: message`The stages, as a worker wrote them down`,
  }),
});

/** `sleap-rtc job-stages`. */
export const jobStagesCommand = defineCommand({
  name: "job-stages",
  purpose: "Run the stages of a job one after the other",
  examples: ["sleap-rtc job-stages --plan stages.json"],
  exits: ["jobFailed", "terminated"],
  parser,
  async run(given, io) {
    const { runStages } = await import("../runtime/job_stages.ts");
    return await runStages(given.plan, io);
  },
});
