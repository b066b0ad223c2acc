/** The command `demo-tracker`: what a worker starts for predictions of the demo runner. Hidden from the overview. */

import { object } from "@optique/core/constructs";
import { message } from "@optique/core/message";
import { option } from "@optique/core/primitives";
import { path } from "@optique/run/valueparser";
import { defineCommand } from "./command.ts";

const parser = object({
  package: option("--package", path({ metavar: "FILE" }), {
    description: message`The training package`,
  }),
  model: option("--model", path({ metavar: "FILE" }), {
    description: message`The demo trainer's model`,
  }),
  output: option("--output", path({ metavar: "FILE" }), {
    description: message`The file for the predictions`,
  }),
});

/** `sleap-rtc demo-tracker`. */
export const demoTrackerCommand = defineCommand({
  name: "demo-tracker",
  purpose: "Predict keypoints with the demo trainer's model, for trying things out",
  examples: [
    "sleap-rtc demo-tracker --package labels.pkg.slp --model m.json --output predictions.slp",
  ],
  exits: ["jobFailed", "terminated"],
  parser,
  async run(given, io) {
    const { trackDemo } = await import("../runtime/demo_trainer/tracker.ts");
    return await trackDemo(given, io);
  },
});
