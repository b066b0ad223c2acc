/**
 * Notices of this process by way of LogTape. Knows levels and what must never be written; where the
 * lines go and how they look to a person is the caller's choice.
 */

import { configureSync, getLogger, type LogRecord, resetSync } from "@logtape/logtape";
import type { Log, LogFields, LogLevel } from "../base/log.ts";

/** One notice on its way to a line. */
export interface Notice {
  /** Milliseconds since 1970. */
  readonly timeMs: number;
  readonly level: LogLevel;
  readonly message: string;
  readonly fields: LogFields;
}

/** How notices are to be written. */
export interface LoggingOptions {
  /** The least that is written. */
  readonly level: LogLevel;
  /** Makes the line of a notice, without its end. */
  render(notice: Notice): string;
  /** Takes one line. */
  write(line: string): void;
}

const CATEGORY = "sleap-rtc";
const SECRET_FIELDS = /^(token|secret|invite|credential|private_key|id_token|signature)$/;
const LEVELS: Readonly<Record<LogRecord["level"], LogLevel>> = {
  trace: "debug",
  debug: "debug",
  info: "info",
  warning: "warning",
  error: "error",
  fatal: "error",
};

/** Starts the log of this process. `stop` must be called before another is started. */
export function startLogging(options: LoggingOptions): { readonly log: Log; stop(): void } {
  configureSync({
    sinks: { lines: (record) => options.write(options.render(noticeOf(record))) },
    loggers: [
      { category: CATEGORY, lowestLevel: options.level, sinks: ["lines"] },
      { category: ["logtape", "meta"], lowestLevel: "error", sinks: ["lines"] },
    ],
  });
  const logger = getLogger(CATEGORY);
  return {
    log: {
      write: (level, message, fields = {}) =>
        logger[level]("{notice}", { ...fields, notice: message }),
    },
    stop: resetSync,
  };
}

function noticeOf(record: LogRecord): Notice {
  return {
    timeMs: record.timestamp,
    level: LEVELS[record.level],
    message: withoutInvites(record.message.map(String).join("")),
    fields: fieldsOf(record.properties),
  };
}

function fieldsOf(properties: Readonly<Record<string, unknown>>): LogFields {
  const fields: Record<string, LogFields[string]> = {};
  for (const [name, value] of Object.entries(properties)) {
    if (name === "notice" || value === undefined) continue;
    if (SECRET_FIELDS.test(name)) fields[name] = "[withheld]";
    else if (typeof value === "number" || typeof value === "boolean" || value === null) {
      fields[name] = value;
    } else if (Array.isArray(value)) {
      fields[name] = value.map((part) => withoutInvites(String(part)));
    } else fields[name] = withoutInvites(String(value));
  }
  return fields;
}

function withoutInvites(text: string): string {
  return text.replace(/sleap1\.[A-Za-z0-9_-]+/g, "[invite withheld]");
}

/** A notice as one JSON object: `time`, `level`, `message`, and its fields. */
export function jsonLine({ timeMs, level, message, fields }: Notice): string {
  const head = { time: new Date(timeMs).toISOString(), level, message };
  // Named twice: once to come first, once so that no field takes its place.
  return JSON.stringify({ ...head, ...fields, ...head });
}
