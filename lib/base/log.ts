/** Notices as a port. Knows nothing of where they go. */

/** How much a notice matters. */
export type LogLevel = "debug" | "info" | "warning" | "error";

/** What a notice carries besides its sentence. Never a token, a secret or a key. */
export type LogFields = Readonly<
  Record<string, string | number | boolean | null | undefined | readonly string[]>
>;

/** Takes notices. */
export interface Log {
  /** Writes one notice: a sentence, and the facts that belong to it. */
  write(level: LogLevel, message: string, fields?: LogFields): void;
}

/** Takes notices and forgets them. */
export const SILENT_LOG: Log = { write: () => {} };
