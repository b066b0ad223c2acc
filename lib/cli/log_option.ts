/** The options that say how much is logged, and how the lines look to a person. */

import { object } from "@optique/core/constructs";
import { message } from "@optique/core/message";
import { optional, withDefault } from "@optique/core/modifiers";
import { flag, option } from "@optique/core/primitives";
import { choice } from "@optique/core/valueparser";
import type { Log, LogLevel } from "../base/log.ts";
import type { Notice } from "../runtime/logging.ts";
import type { Io } from "./io.ts";
import { cleanText, escapeHarmful, paint, type Style } from "./terminal_text.ts";

/** `--verbose` and `--log-level`. */
export const logOptions = object("Log", {
  verbose: withDefault(
    flag("-v", "--verbose", { description: message`Tell everything; logs as --log-level debug` }),
    false,
  ),
  logLevel: optional(
    option("--log-level", choice(["debug", "info", "warning", "error"], { metavar: "LEVEL" }), {
      description: message`The least that is logged`,
    }),
  ),
});

const STYLES: Readonly<Record<LogLevel, Style>> = {
  debug: "dim",
  info: "cyan",
  warning: "yellow",
  error: "red",
};

/**
 * Starts the log on the person's stream: one JSON object a line where that is no terminal or
 * `SLEAP_RTC_LOG` is `json`, and sentences otherwise. The caller must call `stop`.
 */
export async function openLog(
  flags: { readonly verbose: boolean; readonly logLevel: LogLevel | undefined },
  io: Io,
  defaultLevel: LogLevel,
): Promise<{ readonly log: Log; stop(): void }> {
  const { jsonLine, startLogging } = await import("../runtime/logging.ts");
  const wanted = io.env("SLEAP_RTC_LOG");
  const isJson = wanted === "json" || (wanted !== "pretty" && !io.isErrTerminal);
  return startLogging({
    level: flags.verbose ? "debug" : flags.logLevel ?? defaultLevel,
    render: isJson
      ? (notice) => escapeHarmful(jsonLine(notice))
      : (notice) => sentenceOf(notice, io.isColored),
    write: io.err,
  });
}

/** A notice as a person reads it: time, level, sentence, facts. */
export function sentenceOf(notice: Notice, isColored: boolean): string {
  const time = new Date(notice.timeMs).toISOString().slice(11, 23);
  const facts = Object.entries(notice.fields)
    .map(([name, value]) => `${name}=${typeof value === "string" ? value : JSON.stringify(value)}`);
  const level = paint(notice.level.padEnd(7), STYLES[notice.level], isColored);
  const tail = facts.length === 0 ? "" : ` ${paint(cleanText(facts.join(" ")), "dim", isColored)}`;
  return `${time} ${level} ${cleanText(notice.message)}${tail}`;
}
