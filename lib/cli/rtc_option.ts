/** `--rtc`: which WebRTC implementation carries the links. */

import { message } from "@optique/core/message";
import { optional } from "@optique/core/modifiers";
import { option } from "@optique/core/primitives";
import { choice } from "@optique/core/valueparser";
import type { Layer, RtcChoice } from "../runtime/config.ts";

/** `--rtc auto|native|werift`. */
export const rtcOption = optional(
  option("--rtc", choice(["auto", "native", "werift"], { metavar: "BACKEND" }), {
    description: message`Which WebRTC to use; auto takes native where it loads`,
  }),
);

/** The setting that the flag gives. */
export function rtcLayer(rtc: RtcChoice | undefined): Layer {
  return rtc === undefined ? {} : { rtc: { value: rtc, from: "--rtc" } };
}
