/** What an error means to the person and the script: a sentence and an exit code. */

import { Failure } from "../base/failure.ts";
import { EXIT, exitCodeOf } from "./exit_code.ts";
import { Mistake } from "./mistake.ts";
import { cleanText } from "./terminal_text.ts";

/** A sentence for the person and a code for the script. */
export interface Verdict {
  readonly exitCode: number;
  /** One word for programs: the kind of a failure, or the name of the exit code. */
  readonly kind: string;
  readonly message: string;
}

/** Causes that are told. Higher: more of the story; lower: less noise. */
const CAUSES_MAX = 4;

/** Judges what a command threw. Errors of modules that a command loads itself are asked for here. */
export async function verdictOf(error: unknown): Promise<Verdict> {
  if (!(error instanceof Error)) {
    return { exitCode: EXIT.fault, kind: "fault", message: cleanText(String(error)) };
  }
  const message = storyOf(error);
  if (error instanceof Failure) {
    return { exitCode: exitCodeOf(error.kind), kind: error.kind, message };
  }
  if (error instanceof Mistake) return { exitCode: error.exitCode, kind: "mistake", message };
  const { ConfigError } = await import("../runtime/config.ts");
  if (error instanceof ConfigError) return { exitCode: EXIT.usage, kind: "settings", message };
  const { IdentityError } = await import("../runtime/credentials.ts");
  if (error instanceof IdentityError) return { exitCode: EXIT.refused, kind: "identity", message };
  return {
    exitCode: EXIT.fault,
    kind: "fault",
    message: `${message}; this is a fault of sleap-rtc: run it again with --verbose and report it`,
  };
}

/** The message of `error` and of what caused it, where that says more. */
function storyOf(error: Error): string {
  const parts = [cleanText(error.message)];
  let cause = error.cause;
  for (let told = 0; told < CAUSES_MAX && cause instanceof Error; told++) {
    const part = cleanText(cause.message);
    if (part !== "" && !parts.some((known) => known.includes(part))) parts.push(part);
    cause = cause.cause;
  }
  return parts.join(": ");
}
