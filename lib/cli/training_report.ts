/** What a training came to, as a sentence or an object. Knows nothing of how it went. */

import type { TrainingResult } from "../client/following.ts";
import { count, formatLoss } from "./amount.ts";
import { cleanText, jsonText } from "./terminal_text.ts";

/** The last line of a training that went well. */
export function trainingReport(result: TrainingResult, isJson: boolean): string {
  const { jobId, worker, folder, files, firstLoss, lastLoss, epochs, isStoppedEarly } = result;
  if (isJson) {
    const losses = { first_loss: firstLoss ?? null, last_loss: lastLoss ?? null };
    const early = { stopped_early: isStoppedEarly };
    return jsonText({
      ok: true,
      job: { id: jobId, worker, folder, epochs, ...losses, ...early, files },
    });
  }
  const end = isStoppedEarly ? "Stopped early" : "Done";
  const losses = `loss ${formatLoss(firstLoss)} → ${formatLoss(lastLoss)}`;
  // A prediction has none.
  const learnt = epochs > 0 ? `, ${count(epochs, "epoch")}, ${losses}` : "";
  return `${end}: ${jobId} on ${cleanText(worker)}${learnt}, results in ${folder}`;
}
