/** How a rehearsal is told: each worker's answer, and who would be chosen. Prints nothing. */

import type { Rehearsal } from "../client/rehearsal.ts";
import type { Io } from "./io.ts";
import { missingLines } from "./missing_view.ts";
import { cleanText, jsonText } from "./terminal_text.ts";

/** Lines of data, and lines for the person. */
export interface DryRunReport {
  readonly lines: readonly string[];
  readonly notes: readonly string[];
}

/** The rehearsal in words, or as one object a worker and one for the whole. */
export function dryRunReport(
  { answers, chosen }: Rehearsal,
  isJson: boolean,
  io: Io,
): DryRunReport {
  const missing = answers.filter((answer) => answer.missing.length > 0);
  if (isJson) {
    const workers = answers.map(({ worker, objection, missing }) => {
      return jsonText({
        event: "answer",
        worker,
        fits: objection === undefined,
        objection: objection ?? null,
        missing,
      });
    });
    const whole = jsonText({ ok: chosen !== undefined, dry_run: true, worker: chosen ?? null });
    return { lines: [...workers, whole], notes: [] };
  }
  const lines = answers.map(({ worker, objection }) => {
    return `${worker}: ${objection === undefined ? "would run it" : cleanText(objection)}`;
  });
  const verdict = chosen === undefined
    ? answers.length === 0
      ? "Nobody is there; nothing was sent"
      : "Nobody would run it; nothing was sent"
    : `${chosen} would be chosen; nothing was sent`;
  return { lines: [...lines, verdict], notes: missingLines(missing, io) };
}
