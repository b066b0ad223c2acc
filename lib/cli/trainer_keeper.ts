/** The command `trainer-keeper`: what a worker starts beside each trainer. Hidden from the overview. */

import { object } from "@optique/core/constructs";
import { message } from "@optique/core/message";
import { option } from "@optique/core/primitives";
import { path } from "@optique/run/valueparser";
import { defineCommand } from "./command.ts";
import { EXIT } from "./exit_code.ts";

const parser = object({
  run: option("--run", path({ metavar: "FOLDER", type: "directory", mustExist: true }), {
    description: message`The folder with the plan of the run`,
  }),
});

/** `sleap-rtc trainer-keeper`. */
export const trainerKeeperCommand = defineCommand({
  name: "trainer-keeper",
  purpose: "Start a job's trainer and write down how it ends; workers use it",
  examples: ["sleap-rtc trainer-keeper --run ~/.sleap-rtc/workers/WORKER/jobs/JOB/run"],
  exits: [],
  parser,
  async run(given) {
    const { RunFolder } = await import("../runtime/run_folder.ts");
    const { runTrainerKeeper } = await import("../runtime/trainer_keeper.ts");
    await runTrainerKeeper(new RunFolder(given.run));
    return EXIT.ok;
  },
});
