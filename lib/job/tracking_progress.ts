/** How far predictions are, where a tracker's output says so. Knows lines, not who printed them. */

import { z } from "zod";
import { decodeJson } from "../protocol/decode.ts";

/** Frames that are predicted on, of all there are. */
export interface TrackingProgress {
  readonly done: number;
  readonly max: number;
}

/** As sleap-nn writes it for programs. */
const reportSchema = z.object({ n_processed: z.int().min(0), n_total: z.int().min(1) });

/** What `line` says of it; `undefined` where it says nothing. */
export function trackingProgressOf(line: string): TrackingProgress | undefined {
  if (line.trimStart().startsWith("{")) {
    const report = decodeJson(line, reportSchema);
    return report.ok ? bounded(report.value.n_processed, report.value.n_total) : undefined;
  }
  // The bar of sleap-nn: `Predicting... ━━━━━╸  45% 450/1000 ETA: 0:00:12`.
  const [, done, max] = /^\s*Predicting\b.*?(?<![\d.:])(\d{1,9})\/(\d{1,9})(?![\d.])/.exec(line) ??
    [];
  return done === undefined ? undefined : bounded(Number(done), Number(max));
}

function bounded(done: number, max: number): TrackingProgress | undefined {
  return max > 0 ? { done: Math.min(done, max), max } : undefined;
}
