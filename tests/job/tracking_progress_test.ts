import { deepEqual } from "node:assert/strict";
import { trackingProgressOf } from "../../lib/job/tracking_progress.ts";

const cases: [string, [number, number] | undefined][] = [
  ['{"n_processed": 10, "n_total": 1100, "rate": 31.2, "eta": 35.1}', [10, 1_100]],
  ["Predicting... ━━━━━━╸      45% 450/1000 ETA: 0:00:12 Elapsed: 0:00:10 35.1 FPS", [450, 1_000]],
  ["Predicting 6/6", [6, 6]],
  ["Predicting 7/6", [6, 6]],
  ["Predicting on the labels", undefined],
  ["Predicting model 1.2/3.4", undefined],
  ["Epoch 3:  50%|█████     | 5/10 [00:01<00:01]", undefined],
  ['{"n_processed": 1, "n_total": 0}', undefined],
  ['{"n_processed": "1"', undefined],
  ["Predicting 0/0", undefined],
  ["", undefined],
];
for (const [line, wanted] of cases) {
  Deno.test(`how far predictions are: ${line}`, () => {
    const progress = trackingProgressOf(line);
    deepEqual(progress === undefined ? undefined : [progress.done, progress.max], wanted);
  });
}
