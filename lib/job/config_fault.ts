/** What is wrong with a configuration, as people are told. Knows no configuration's form. */

/** What is wrong with a configuration, and where. */
export interface ConfigFault {
  /** From 1. */
  readonly line: number;
  /** What was wanted and what was got. */
  readonly message: string;
}

/** Characters of a value that a fault shows. */
const SHOWN_MAX = 200;

/** A value of a configuration, for people. */
export function describe(value: unknown): string {
  if (value === undefined) return "nothing";
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object" && value !== null) return "a mapping";
  return JSON.stringify(value).slice(0, SHOWN_MAX);
}
