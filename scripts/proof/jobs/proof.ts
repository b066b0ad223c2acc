/** The form of a proof of jobs: what every one is given, and what it gives. Knows no single one. */

import type { RtcChoice } from "../../../lib/runtime/config.ts";

/** What one proof came to: `ok`, its figures, and the reason where it does not hold. */
export type Finding = Readonly<Record<string, string | number | boolean | readonly string[]>>;

/** How a proof is played. */
export interface ProofOptions {
  readonly rounds: number;
  readonly seed: number;
  readonly rtc: RtcChoice;
  /** Aborted by Ctrl-C: then the proof ends what it has started, and fails. */
  readonly signal: AbortSignal;
  /** Tells what happens in words, beside the findings. */
  tell(line: string): void;
}

/**
 * Plays the proof.
 *
 * @throws {Error} Where it does not hold.
 */
export type Proof = (options: ProofOptions) => Promise<Finding>;

/** What one kind of proof needs that is not everywhere, as a sentence; undefined where it is there. */
export function whyNoRoot(): string | undefined {
  if (Deno.build.os !== "linux") return "A disk of its own needs Linux";
  return Deno.uid() === 0 ? undefined : "A disk of its own needs root";
}
