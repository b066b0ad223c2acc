/** The command `top`: a room over the whole terminal while it changes, or once. */

import { merge, object } from "@optique/core/constructs";
import { message } from "@optique/core/message";
import { withDefault } from "@optique/core/modifiers";
import { flag } from "@optique/core/primitives";
import { defineCommand } from "./command.ts";
import { withJobs } from "./job_session.ts";
import { logOptions } from "./log_option.ts";
import { roomOptions } from "./room_option.ts";
import { rtcOption } from "./rtc_option.ts";

const parser = merge(
  object({
    once: withDefault(
      flag("--once", {
        description: message`Show the room once and end, as where the output is no terminal`,
      }),
      false,
    ),
    rtc: rtcOption,
    json: withDefault(
      flag("--json", {
        description: message`Print the room as one JSON object at each change; with --once one`,
      }),
      false,
    ),
  }),
  roomOptions,
  logOptions,
);

/** `sleap-rtc top`. */
export const topCommand = defineCommand({
  name: "top",
  purpose: "Show a room live: workers, queue and links",
  examples: ["sleap-rtc top", "sleap-rtc top --once", "sleap-rtc top --json"],
  exits: ["serverUnreachable", "refused", "noWorker", "workerLost", "protocol", "terminated"],
  parser,
  async run(given, io) {
    const { once, json, logLevel } = given;
    const way = json
      ? once ? "json_once" : "json"
      : once || !io.isTerminal
      ? "page_once"
      : "screen";
    // What is logged to the same terminal would stand across the room.
    const quiet = way === "screen" && io.isErrTerminal && logLevel === undefined && !given.verbose;
    const flags = quiet ? { ...given, logLevel: "error" as const } : given;
    const { showTop } = await import("./top_watch.ts");
    return await withJobs(flags, io, (options) => showTop(way, options, io));
  },
});
