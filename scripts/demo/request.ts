/** What the demo is asked for on its command line. Starts nothing. */

import { parseArgs } from "node:util";
import { type RtcChoice, rtcChoiceSchema } from "../../lib/runtime/config.ts";

/** The help. */
export const USAGE =
  `Usage: deno task demo [FILE.slp] [--rtc auto|native|werift] [--json] [--verbose]

Shows the main job with real parts on this one computer: a signaling server, a room and three
workers, each a process of its own; a training on FILE.slp (or on a package that it makes itself);
its client is interrupted and another one follows the job; the results are brought back and checked;
then the admin is killed, and the others go on.
Afterwards no process and no file is left but the folder of results that it names.

  --rtc BACKEND  What links are made of (by default native where it loads, else werift)
  --json         Print one JSON object on the standard output, and the story on the other one
  --verbose      Also tell each epoch and the trainer's own lines

Exit codes: 0 where all held, 1 where something did not, 2 for wrong arguments, 3 where FILE cannot
be trained on, 130 after Ctrl-C, 143 after SIGTERM.`;

/** What the demo was asked for. */
export interface DemoRequest {
  /** The package; the demo makes its own where left out. */
  readonly file: string | undefined;
  readonly rtc: RtcChoice;
  readonly json: boolean;
  readonly verbose: boolean;
}

/**
 * Reads the command line. Gives nothing where it asks for help.
 *
 * @throws {Error} Where an argument is wrong.
 */
export function readRequest(args: readonly string[]): DemoRequest | undefined {
  const { values, positionals } = parseArgs({
    args: [...args],
    options: {
      rtc: { type: "string", default: "auto" },
      json: { type: "boolean", default: false },
      verbose: { type: "boolean", short: "v", default: false },
      help: { type: "boolean", short: "h", default: false },
    },
    allowPositionals: true,
  });
  if (values.help) return undefined;
  const rtc = rtcChoiceSchema.safeParse(values.rtc);
  if (!rtc.success) {
    throw new Error(`Expected --rtc auto, native or werift, got ${values.rtc}`);
  }
  if (positionals.length > 1) {
    throw new Error(`Expected one FILE at most, got ${positionals.join(" ")}`);
  }
  return { file: positionals[0], rtc: rtc.data, json: values.json, verbose: values.verbose };
}
